#include "planning/covering.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "plan_tables.hpp"
#include "planning/covering_dive.hpp"
#include "planning/cuts.hpp"
#include "planning/linear_program.hpp"
#include "planning/pricing.hpp"
#include "thinned.hpp"

namespace test_covering {

// What the search for a plan is made of, each against a naive version.

using namespace gpushare;
using namespace gpushare::planning;
using gpushare::test::below;
using gpushare::test::drawn;
using gpushare::test::drawn_failure;
using gpushare::test::Enumeration;
using gpushare::test::kFirstTable;
using gpushare::test::Table;
using gpushare::test::thinned;

namespace {

constexpr std::uint64_t kTables = thinned(200);

struct Program {
  std::vector<double> least;
  std::vector<double> costs;
  std::vector<std::vector<double>> weights;  // by column and row
};

Program drawn_program(std::uint64_t number) {
  Stream luck(7, 0, "programs", number);
  Program program;
  const int rows = 2 + below(luck, 6), columns = 3 + below(luck, 12);
  for (int r = 0; r < rows; ++r) program.least.push_back(below(luck, 5) - 1);
  for (int c = 0; c < columns; ++c) {
    program.costs.push_back(below(luck, 4));
    program.weights.emplace_back();
    for (int r = 0; r < rows; ++r)
      program.weights.back().push_back(luck.uniform() < 0.5 ? below(luck, 4) - 1 : 0);
  }
  return program;
}

void add_to(LinearProgram& program, const Program& from, std::size_t column) {
  std::vector<std::pair<std::size_t, double>> weights;
  for (std::size_t r = 0; r < from.least.size(); ++r)
    if (from.weights[column][r] != 0) weights.push_back({r, from.weights[column][r]});
  program.add(from.costs[column], std::move(weights));
}

Cuts cuts_of(const Table& table) {
  Cuts cuts(table.problem);
  for (const Config& config : table.failing) cuts.add(config);
  return cuts;
}

constexpr double kPenalty = 1'000;

// Values that reach the rows, prices at which no column gains, and the same cost by both: an optimum.
void check_optimum(const Program& asked, const LinearProgram& solved, const std::vector<bool>& dropped) {
  const std::vector<double> values = solved.values();
  const std::vector<double>& duals = solved.duals();
  double paid = 0, proved = 0;
  for (std::size_t r = 0; r < asked.least.size(); ++r) {
    CHECK(duals[r] >= -1e-7);
    CHECK(duals[r] <= kPenalty + 1e-6);
    proved += duals[r] * asked.least[r];
    double sum = 0;
    for (std::size_t c = 0; c < asked.costs.size(); ++c) sum += values[c] * asked.weights[c][r];
    const double lack = std::max(0.0, asked.least[r] - sum);
    if (!solved.lacks()) CHECK(lack < 1e-6);
    paid += kPenalty * lack;
  }
  for (std::size_t c = 0; c < asked.costs.size(); ++c) {
    CHECK(values[c] >= -1e-7);
    paid += values[c] * asked.costs[c];
    if (dropped[c]) {
      CHECK(values[c] < 1e-7);
      continue;
    }
    double worth = 0;
    for (std::size_t r = 0; r < asked.least.size(); ++r) worth += duals[r] * asked.weights[c][r];
    CHECK(worth <= asked.costs[c] + 1e-5);
  }
  CHECK(paid == doctest::Approx(solved.cost()));
  CHECK(proved == doctest::Approx(solved.cost()));
}

// Each set of tenants that goes on a part, by what it is worth.
std::vector<std::pair<double, Config>> enumerated(const CoveringProblem& problem, const Cuts& cuts,
                                                  const Part& part, const std::map<Tenant, double>& values) {
  std::vector<std::pair<double, Config>> found;
  std::vector<std::vector<Tenant>> sets{{}};
  for (const auto& options : problem.tenants) {
    const std::vector<std::vector<Tenant>> before = sets;
    for (const auto& set : before)
      for (const Tenant& tenant : options)
        for (int n = 1; n <= std::min(problem.copies, tenant.replicas); ++n) {
          sets.push_back(set);
          sets.back().insert(sets.back().end(), index(n), tenant);
        }
  }
  for (const auto& set : sets) {
    Config config{part, set};
    std::sort(config.tenants.begin(), config.tenants.end());
    if (set.empty() || static_cast<int>(set.size()) > problem.most_tenants || cuts.fails(config)) continue;
    double worth = 0;
    for (const Tenant& tenant : set) worth += values.at(tenant);
    found.push_back({worth, config});
  }
  return found;
}

}  // namespace

TEST_CASE("a linear program that grows and loses columns is solved to an optimum that its prices prove") {
  int lacking = 0;
  constexpr int kPrograms = thinned(300);
  for (int i = 0; i < kPrograms; ++i) {
    INFO("program " << i);
    Program asked = drawn_program(static_cast<std::uint64_t>(i));
    LinearProgram program(asked.least, kPenalty);
    const std::size_t half = asked.costs.size() / 2;
    for (std::size_t c = 0; c < half; ++c) add_to(program, asked, c);
    program.solve();
    for (std::size_t c = half; c < asked.costs.size(); ++c) add_to(program, asked, c);
    program.solve();
    std::vector<bool> dropped(asked.costs.size());
    check_optimum(asked, program, dropped);
    dropped[0] = true;
    program.drop(0);
    program.solve();
    if (!program.lacks()) check_optimum(asked, program, dropped);
    lacking += program.lacks() ? 1 : 0;
  }
  CHECK(lacking > kPrograms / 30);
  CHECK(lacking < kPrograms * 2 / 3);
}

TEST_CASE("what is required of a linear program is paid beside the optimum of the rest") {
  int raised = 0;
  constexpr int kPrograms = thinned(300);
  for (int i = 0; i < kPrograms; ++i) {
    INFO("program " << i);
    Program asked = drawn_program(static_cast<std::uint64_t>(i));
    LinearProgram program(asked.least, kPenalty);
    for (std::size_t c = 0; c < asked.costs.size(); ++c) add_to(program, asked, c);
    program.solve();
    const double before = program.cost();
    // Whatever is required, one after the other and twice: the rows have to reach that much less.
    const std::size_t required[] = {0, asked.costs.size() / 2, 0};
    double paid = 0;
    for (const std::size_t c : required) {
      program.require(c);
      program.solve();
      paid += asked.costs[c];
      for (std::size_t r = 0; r < asked.least.size(); ++r) asked.least[r] -= asked.weights[c][r];
      check_optimum(asked, program, std::vector<bool>(asked.costs.size()));
    }
    CHECK(paid + program.cost() >= before - 1e-6 * (1 + before));
    raised += paid + program.cost() > before + 1e-6 ? 1 : 0;
  }
  CHECK(raised > kPrograms / 10);
}

TEST_CASE("sets of bits say of configs what a comparison of tenants does") {
  int failing = 0;
  for (std::uint64_t number = 0; number < kTables; ++number) {
    INFO("table " << number);
    const Table table = drawn(number);
    const Cuts cuts = cuts_of(table);
    Stream luck(3, 0, "configs", number);
    for (int i = 0; i < 40; ++i) {
      Config config = drawn_failure(luck, table.problem);
      const bool too_many =
          std::any_of(config.tenants.begin(), config.tenants.end(), [&](const Tenant& tenant) {
            return std::count(config.tenants.begin(), config.tenants.end(), tenant) > table.problem.copies;
          });
      const auto parts = parts_of(table.problem);
      if (config.tenants.empty() || too_many ||
          std::find(parts.begin(), parts.end(), config.part) == parts.end())
        continue;
      CHECK(cuts.fails(config) == (table.of(config) == Met::no));
      failing += cuts.fails(config) ? 1 : 0;
    }
  }
  CHECK(failing > thinned(500));
}

TEST_CASE("the configs worth most are those of an enumeration") {
  for (std::uint64_t number = 0; number < kTables; ++number) {
    INFO("table " << number);
    const Table table = drawn(number);
    const Cuts cuts = cuts_of(table);
    Stream luck(5, 0, "values", number);
    std::map<Tenant, double> values;
    for (const auto& options : table.problem.tenants)
      for (const Tenant& tenant : options) values[tenant] = luck.uniform();
    const Part part{0, {}, 1};
    auto all = enumerated(table.problem, cuts, part, values);
    std::erase_if(all, [](const auto& one) { return one.first <= 0.5; });
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    ConfigTests tests([](const Config&) { return false; }, [](const auto&) {}, 1'000'000);
    PricingOptions options;
    options.least = 0.5;
    options.count = 5;
    options.every = number % 2 == 0;
    const Priced priced = price(table.problem, cuts, part, values, tests, options);
    CHECK(priced.complete);
    REQUIRE(priced.configs.size() == std::min<std::size_t>(5, all.size()));
    for (std::size_t i = 0; i < priced.configs.size(); ++i) CHECK(priced.configs[i] == all[i].second);
    CHECK(priced.most == doctest::Approx(all.empty() ? 0.5 : all.front().first));
  }
}

TEST_CASE("configs that are not looked at may be worth what is told at most") {
  for (std::uint64_t number = 0; number < kTables; ++number) {
    INFO("table " << number);
    const Table table = drawn(number);
    const Cuts cuts(table.problem);
    std::map<Tenant, double> values;
    for (const auto& options : table.problem.tenants)
      for (const Tenant& tenant : options) values[tenant] = 1.0 / (1 + tenant.replicas);
    ConfigTests tests([](const Config&) { return false; }, [](const auto&) {}, 1'000'000);
    PricingOptions options;
    options.most_nodes = 1 + number % 7;
    const Part part{0, {}, 1};
    const Priced priced = price(table.problem, cuts, part, values, tests, options);
    for (const auto& [worth, config] : enumerated(table.problem, cuts, part, values))
      CHECK(worth <= priced.most + 1e-5);
  }
}

TEST_CASE("a mixture's bound is no more than the cheapest packing, and as much for many") {
  int possible = 0, tight = 0;
  for (std::uint64_t number = kFirstTable; number < 300; ++number) {
    INFO("table " << number);
    Table table = drawn(number);
    table.packings_that_fail = 0;
    Covering covering(table.problem);
    for (const Config& config : table.failing) covering.refute(config);
    const double cheapest = Enumeration(table).cheapest(), bound = covering.settle().bound;
    CHECK(bound <= cheapest + 1e-6);
    if (cheapest == kInfinite) continue;
    ++possible;
    tight += bound >= cheapest - 1e-6 ? 1 : 0;
  }
  CHECK(tight > possible / 4);
}

TEST_CASE("a dive among all configs finds the cheapest packing nearly always, and never one that fails") {
  int possible = 0, cheapest = 0;
  for (std::uint64_t number = kFirstTable; number < 300; ++number) {
    INFO("table " << number);
    Table table = drawn(number);
    table.packings_that_fail = 0;
    const Cuts cuts = cuts_of(table);
    std::map<Tenant, double> values;
    for (const auto& options : table.problem.tenants)
      for (const Tenant& tenant : options) values[tenant] = 0;
    const Forbidden forbidden;
    CoveringDive dive(table.problem, forbidden, kInfinite, common_measure(table.problem));
    for (const Part& part : parts_of(table.problem))
      for (const auto& one : enumerated(table.problem, cuts, part, values)) dive.add(one.second, 0.5);
    const double least = Enumeration(table).cheapest();
    const auto packed = dive.solve(0.25, 1'000);
    CHECK(packed.has_value() == (least < kInfinite));
    if (!packed) continue;
    ++possible;
    CHECK(packed->cost >= least - 1e-9);
    for (const Config& config : packed->configs()) CHECK(table.of(config) == Met::yes);
    cheapest += packed->cost <= least + 1e-9 ? 1 : 0;
  }
  CHECK(possible > 100);
  CHECK(cheapest > possible * 19 / 20);
}

TEST_CASE("configs are set against others one by one") {
  const Config one{{0, {}, 1}, {{0, 2}}}, both{{0, {}, 1}, {{0, 2}, {1, 1}}},
      other{{1, {}, 1}, {{0, 2}, {1, 1}}};
  CHECK(as_hard({&both, &one}, {one, both}));
  CHECK(as_hard({&both, &both}, {one, both}));
  CHECK(!as_hard({&one, &one}, {one, both}));
  CHECK(!as_hard({&both, &other}, {one, both}));
  CHECK(!as_hard({&both}, {one, both}));
}

}  // namespace test_covering
