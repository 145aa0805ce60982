#include "planning/plan_search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/random.hpp"

namespace test_plan_search {

// The search for a plan against an enumeration that shares nothing with it, a table in the place of simulation.

using namespace gpushare;
using namespace gpushare::planning;

namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

// ---- Problems drawn at random, and what stands in for simulation ----

struct Table {
  CoveringProblem problem;
  std::vector<Config> failing;  // all that is harder fails too
  std::uint64_t salt = 0;       // of which packings fail as a whole
  double packings_that_fail = 0;

  [[nodiscard]] Met of(const Config& config) const {
    const auto fails = [&](const Config& cut) {
      if (harder(config, cut)) return true;
      Config instance = cut;
      instance.part.instance = config.part.instance;
      return cut.part.instance.empty() && harder(config, instance);
    };
    return std::any_of(failing.begin(), failing.end(), fails) ? Met::no : Met::yes;
  }
  [[nodiscard]] Met of(std::vector<Config> configs) const {
    std::sort(configs.begin(), configs.end());
    std::string text;
    for (const Config& config : configs) {
      text += std::to_string(config.part.kind) + config.part.instance + ":";
      for (const Tenant& tenant : config.tenants)
        text += std::to_string(tenant.service) + "/" + std::to_string(tenant.replicas) + ",";
    }
    return Stream(salt, 0, text, 0).uniform() < packings_that_fail ? Met::no : Met::yes;
  }
};

int below(Stream& luck, int count) { return static_cast<int>(luck.uniform() * count); }

Tenant drawn_tenant(Stream& luck, const CoveringProblem& problem, int service) {
  const auto& options = problem.replicas[static_cast<std::size_t>(service)];
  return {service, options[static_cast<std::size_t>(below(luck, static_cast<int>(options.size())))]};
}

Table drawn(std::uint64_t number) {
  Stream luck(11, 0, "tables", number);
  Table table;
  const int services = 2 + below(luck, 2), kinds = 1 + below(luck, 2);
  for (int k = 0; k < kinds; ++k) {
    CoveringProblem::Kind kind{k == 0 ? 1.0 : 0.3 + luck.uniform(), 1 + below(luck, 2), {}};
    if (luck.uniform() < 0.6) kind.layouts = {{{"a", 2}}, {{"a", 1}, {"b", 1}}};
    table.problem.kinds.push_back(kind);
  }
  for (int s = 0; s < services; ++s) {
    const int least = 1 + (luck.uniform() < 0.3 ? 1 : 0);
    table.problem.replicas.push_back(luck.uniform() < 0.6 ? std::vector<int>{least}
                                                          : std::vector<int>{least, least + 1});
    table.problem.ranks.push_back(1);
  }
  table.problem.most_tenants = 3;
  const int cuts = 1 + below(luck, 8);
  for (int c = 0; c < cuts; ++c) {
    const char* const names[] = {"", "", "a", "b"};
    Config config{{below(luck, kinds), names[below(luck, 4)], 1}, {}};
    const int tenants = config.part.instance.empty() ? 1 + below(luck, 3) : 1;
    for (int t = 0; t < tenants; ++t) {
      const Tenant tenant = drawn_tenant(luck, table.problem, below(luck, services));
      const bool mixed = std::any_of(config.tenants.begin(), config.tenants.end(), [&](const Tenant& other) {
        return other.service == tenant.service && other != tenant;
      });
      if (!mixed) config.tenants.push_back(tenant);
    }
    std::sort(config.tenants.begin(), config.tenants.end());
    table.failing.push_back(config);
  }
  table.salt = number;
  table.packings_that_fail = luck.uniform() < 0.5 ? 0 : 0.4;
  return table;
}

// ---- The enumeration: GPUs one by one, each cut in every way, and each replica on every part ----

class Enumeration {
 public:
  explicit Enumeration(const Table& table) : table_(table) {}

  double cheapest() {
    choose_replicas(0);
    return best_;
  }

 private:
  void choose_replicas(std::size_t service) {
    if (service == table_.problem.replicas.size()) return add_gpus(0, 0);
    for (const int replicas : table_.problem.replicas[service]) {
      const auto before = tokens_.size();
      tokens_.insert(tokens_.end(), static_cast<std::size_t>(replicas),
                     {static_cast<int>(service), replicas});
      choose_replicas(service + 1);
      tokens_.resize(before);
    }
  }

  void add_gpus(int kind, int used) {
    place(0);
    for (; kind < static_cast<int>(table_.problem.kinds.size()); ++kind, used = 0) {
      const auto& described = table_.problem.kinds[static_cast<std::size_t>(kind)];
      if (used == described.count) continue;
      add_cut(kind, used, {""}, described.price);
      for (const auto& layout : described.layouts) {
        std::vector<std::string> instances;
        for (const auto& [name, count] : layout)
          instances.insert(instances.end(), static_cast<std::size_t>(count), name);
        add_cut(kind, used, instances, described.price);
      }
    }
  }

  void add_cut(int kind, int used, const std::vector<std::string>& instances, double price) {
    for (const std::string& name : instances) parts_.push_back({{kind, name, 1}, {}});
    cost_ += price;
    add_gpus(kind, used + 1);
    cost_ -= price;
    parts_.resize(parts_.size() - instances.size());
  }

  void place(std::size_t token) {
    if (cost_ >= best_ - 1e-9) return;
    if (token == tokens_.size()) return judge();
    for (Config& part : parts_) {
      const bool whole = part.part.instance.empty();
      if (part.tenants.size() == (whole ? 3u : 1u)) continue;
      if (std::count(part.tenants.begin(), part.tenants.end(), tokens_[token]) == 2) continue;
      part.tenants.push_back(tokens_[token]);
      if (table_.of(part) == Met::yes) place(token + 1);
      part.tenants.pop_back();
    }
  }

  void judge() {
    std::vector<Config> configs;
    for (const Config& part : parts_)
      if (!part.tenants.empty()) configs.push_back(part);
    if (table_.of(configs) == Met::yes) best_ = cost_;
  }

  const Table& table_;
  std::vector<Tenant> tokens_;
  std::vector<Config> parts_;
  double cost_ = 0;
  double best_ = kNone;
};

PlanSearch found_in(const Table& table) {
  Judge judge;
  judge.config = [&](const Config& config) { return table.of(config); };
  judge.packing = [&](const Packed& packed) { return table.of(packed.configs()); };
  return search(table.problem, judge, {});
}

CoveringProblem two_services() {
  CoveringProblem problem;
  problem.kinds = {{1, 2, {}}};
  problem.replicas = {{1}, {1}};
  problem.ranks = {1, 1};
  return problem;
}

}  // namespace

TEST_CASE("the cost that is found, and its bound, are those of an enumeration") {
  int possible = 0, dearer = 0;
  for (std::uint64_t number = 0; number < 600; ++number) {
    INFO("table " << number);
    const Table table = drawn(number);
    const double cheapest = Enumeration(table).cheapest();
    const PlanSearch found = found_in(table);
    REQUIRE(found.done);
    CHECK(found.best.has_value() == (cheapest < kNone));
    if (cheapest < kNone) {
      CHECK(found.bound == doctest::Approx(cheapest));
      CHECK(found.best->cost == doctest::Approx(cheapest));
    } else {
      CHECK(found.bound == kNone);
    }
    possible += cheapest < kNone ? 1 : 0;
    dearer += cheapest > 1.01 && cheapest < kNone ? 1 : 0;
  }
  // Neither kind of table is rare, so that the comparison means something.
  CHECK(possible > 200);
  CHECK(possible < 590);
  CHECK(dearer > 60);
}

TEST_CASE("of packings that cost the same the one with the fewest processes is found") {
  CoveringProblem problem = two_services();
  problem.replicas = {{1, 2}, {1, 2, 3}};
  Judge judge;
  judge.config = [](const Config& config) {
    const bool heavy = config.tenants.size() > 1 && config.tenants.back() == Tenant{1, 1};
    return heavy ? Met::no : Met::yes;
  };
  judge.packing = [](const Packed&) { return Met::yes; };
  const PlanSearch found = search(problem, judge, {});
  REQUIRE(found.best);
  // Services together on one GPU need a second replica there.
  CHECK(found.best->cost == 1);
  CHECK(found.best->configs() == std::vector<Config>{{{0, {}, 1}, {{0, 1}, {1, 2}, {1, 2}}}});
}

TEST_CASE("what is too close to say holds the bound down, and is told") {
  const CoveringProblem problem = two_services();
  Judge judge;
  judge.config = [](const Config&) { return Met::yes; };
  judge.packing = [](const Packed& packed) { return packed.cost < 1.5 ? Met::unclear : Met::yes; };
  const PlanSearch found = search(problem, judge, {});
  REQUIRE(found.best);
  REQUIRE(found.unclear);
  CHECK(found.best->cost == 2);
  CHECK(found.unclear->cost == 1);
  CHECK(found.bound == 1);
}

TEST_CASE("a judge that is cancelled leaves what was found so far") {
  const CoveringProblem problem = two_services();
  Judge judge;
  judge.config = [](const Config& config) -> Met {
    if (config.tenants.size() == 1) throw SimulationError("", "cancelled");
    return Met::no;
  };
  judge.packing = [](const Packed&) { return Met::yes; };
  SearchOptions options;
  options.cancelled = [] { return true; };
  const PlanSearch found = search(problem, judge, options);
  CHECK(!found.best);
  CHECK(!found.done);
  CHECK(found.bound <= 2);
  CHECK(found.bound >= 1);
  options.cancelled = [] { return false; };
  CHECK_THROWS_AS(static_cast<void>(search(problem, judge, options)), SimulationError);
}

TEST_CASE("ranks of a replica take whole GPUs, and are never shared") {
  CoveringProblem problem = two_services();
  problem.kinds = {{1, 4, {{{"a", 2}}}}};
  problem.ranks = {2, 1};
  Judge judge;
  judge.config = [](const Config&) { return Met::yes; };
  judge.packing = [](const Packed&) { return Met::yes; };
  const PlanSearch found = search(problem, judge, {});
  REQUIRE(found.best);
  CHECK(found.best->cost == 3);
  CHECK(found.best->patterns.size() == 2);
}

TEST_CASE("a problem that is too large for an exact search is refused") {
  CoveringProblem problem = two_services();
  problem.most_patterns = 2;
  CHECK_THROWS_WITH_AS(
      Covering{problem},
      "plan: more than 2 ways to fill a GPU: fewer services, kinds of GPU or ways of sharing "
      "are needed",
      ScenarioError);
}

}  // namespace test_plan_search
