#include "planning/plan_search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/errors.hpp"
#include "plan_tables.hpp"

namespace test_plan_search {

// The search for a plan against an enumeration that shares nothing with it, a table in the place of simulation.

using namespace gpushare;
using namespace gpushare::planning;
using gpushare::test::drawn;
using gpushare::test::Enumeration;
using gpushare::test::kFirstTable;
using gpushare::test::Table;

namespace {

Judge judge_of(const Table& table) {
  Judge judge;
  judge.config = [&](const Config& config) { return table.of(config); };
  judge.packing = [&](const Packed& packed) { return table.of(packed.configs()); };
  return judge;
}

PlanSearch found_in(const Table& table) { return search(table.problem, judge_of(table), {}); }

// From 0 to 1, always the same of a config.
double luck_of(const Table& table, const Config& config) {
  std::string text = std::to_string(config.part.kind) + config.part.instance;
  for (const Tenant& tenant : config.tenants)
    text += "/" + std::to_string(tenant.service) + "," + std::to_string(tenant.replicas);
  return Stream(table.salt, 1, text, 0).uniform();
}

CoveringProblem two_services() {
  CoveringProblem problem;
  problem.kinds = {{1, 2, {}}};
  problem.tenants = {{{0, 1}}, {{1, 1}}};
  problem.ranks = {1, 1};
  return problem;
}

}  // namespace

TEST_CASE("the cost that is found, and its bound, are those of an enumeration") {
  int possible = 0, dearer = 0;
  for (std::uint64_t number = kFirstTable; number < 600; ++number) {
    INFO("table " << number);
    const Table table = drawn(number);
    const double cheapest = Enumeration(table).cheapest();
    const PlanSearch found = found_in(table);
    REQUIRE(found.done);
    CHECK(found.best.has_value() == (cheapest < kInfinite));
    if (cheapest < kInfinite) {
      CHECK(found.bound == doctest::Approx(cheapest));
      CHECK(found.best->cost == doctest::Approx(cheapest));
    } else {
      CHECK(found.bound == kInfinite);
    }
    possible += cheapest < kInfinite ? 1 : 0;
    dearer += cheapest > 1.01 && cheapest < kInfinite ? 1 : 0;
  }
  // Neither kind of table is rare, so that the comparison means something.
  CHECK(possible > 200);
  CHECK(possible < 590);
  CHECK(dearer > 60);
}

TEST_CASE("of a fleet the plan holds, and its bound is no more than the cheapest, whatever predictions say") {
  int equal = 0, possible = 0;
  for (std::uint64_t number = kFirstTable; number < 300; ++number) {
    INFO("table " << number);
    const Table table = drawn(number);
    const double cheapest = Enumeration(table).cheapest();
    Judge judge = judge_of(table);
    // What fails is foretold half of the time; a third of what holds should not.
    judge.hopeless = [&](const Config& config) {
      return table.of(config) == Met::no && luck_of(table, config) < 0.5;
    };
    SearchOptions options;
    options.guess = [&](const Config& config) { return luck_of(table, config) < 0.3 ? 0.1 : -0.1; };
    const PlanSearch found = search_fleet(table.problem, judge, options);
    CHECK(found.bound <= cheapest + 1e-6);
    if (found.best) CHECK(table.of(found.best->configs()) == Met::yes);
    if (found.best)
      for (const Config& config : found.best->configs()) CHECK(table.of(config) == Met::yes);
    if (cheapest == kInfinite) {
      CHECK(!found.best);
      continue;
    }
    ++possible;
    REQUIRE(found.best);
    CHECK(found.best->cost >= cheapest - 1e-9);
    equal += found.best->cost <= cheapest + 1e-9 && found.bound >= cheapest - 1e-6 ? 1 : 0;
  }
  CHECK(equal > possible * 9 / 10);
}

TEST_CASE("of packings that cost the same the one with the fewest processes is found") {
  CoveringProblem problem = two_services();
  problem.tenants = {{{0, 1}, {0, 2}}, {{1, 1}, {1, 2}, {1, 3}}};
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

TEST_CASE("a service that fails in company gets a better place for one of its replicas") {
  CoveringProblem problem = two_services();
  problem.kinds = {{1, 4, {}}};
  problem.tenants = {{{0, 2}}, {{1, 2}}};
  int packings = 0;
  Judge judge;
  judge.config = [](const Config& config) { return config.tenants.size() > 2 ? Met::no : Met::yes; };
  judge.packing = [&](const Packed& packed) {
    ++packings;
    return packed.hosts_of(0) == std::vector<Config>(2, {{0, {}, 1}, {{0, 2}}}) ? Met::yes : Met::no;
  };
  judge.failing = [](const Packed&) { return std::vector<int>{0}; };
  for (const auto find : {search, search_fleet}) {
    packings = 0;
    const PlanSearch found = find(problem, judge, {});
    REQUIRE(found.best);
    CHECK(found.best->cost == 3);
    CHECK(found.done);
    // Both replicas on one GPU, each beside one of the other service, and one by itself: then the plan, and what comes next.
    CHECK(packings <= 6);
  }
}

TEST_CASE("the runner-up is the next best of what was judged") {
  const CoveringProblem problem = two_services();
  const Table table{problem, {}, 0, 0};
  for (const auto find : {search, search_fleet}) {
    SearchOptions options;
    options.known = {{{{0, {}, 1}, {{0, 1}}}, Met::yes}, {{{0, {}, 1}, {{1, 1}}}, Met::yes}};
    const PlanSearch found = find(problem, judge_of(table), options);
    REQUIRE(found.best);
    REQUIRE(found.runner_up);
    CHECK(found.best->cost == 1);
    CHECK(found.runner_up->cost == 2);
  }
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

TEST_CASE("services that may be more things than can be told apart are refused") {
  CoveringProblem problem = two_services();
  problem.tenants.front().clear();
  for (int replicas = 1; replicas <= 256; ++replicas) problem.tenants.front().push_back({0, replicas});
  CHECK_THROWS_WITH_AS(
      Covering{problem},
      "plan: services may be 257 things in all; at most 256 can be looked at: fewer services, "
      "forms or replicas are needed",
      ScenarioError);
}

}  // namespace test_plan_search
