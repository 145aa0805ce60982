#include "planning/cutting.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "gpushare/mig.hpp"

namespace test_cutting {

using namespace gpushare;
using namespace gpushare::planning;

namespace {

std::vector<CoveringProblem::Layout> layouts_of(const char* gpu) {
  const GpuProfile profile = load_profile(gpu);
  std::vector<CoveringProblem::Layout> layouts;
  for (const Layout& layout : maximal_multisets(profile)) {
    layouts.emplace_back();
    for (const Partition& part : partitions(profile, layout)) ++layouts.back()[instance_name(part)];
  }
  return layouts;
}

Cutting::Counts counts(const Cutting& cutting, const CoveringProblem::Layout& wanted) {
  Cutting::Counts counts(cutting.names());
  for (const auto& [name, count] : wanted) counts[cutting.position_of(name)] = count;
  return counts;
}

// One GPU after the other in every layout; nothing is remembered.
int fewest(const std::vector<CoveringProblem::Layout>& layouts, const CoveringProblem::Layout& wanted,
           int most) {
  if (std::all_of(wanted.begin(), wanted.end(), [](const auto& one) { return one.second <= 0; })) return 0;
  int best = most + 1;
  if (most == 0) return best;
  for (const auto& layout : layouts) {
    CoveringProblem::Layout left = wanted;
    for (auto& [name, count] : left) count -= layout.contains(name) ? layout.at(name) : 0;
    best = std::min(best, 1 + fewest(layouts, left, most - 1));
  }
  return best;
}

std::vector<Config> on_instances(const std::string& name, const std::vector<int>& services) {
  std::vector<Config> configs;
  for (const int service : services) configs.push_back({{0, name, 1}, {{service, 2}}});
  return configs;
}

int held_on(const std::vector<Config>& configs, bool spread) {
  Cutting cutting(0, layouts_of("a100"));
  for (int gpus = 1; gpus <= 5; ++gpus) {
    std::size_t nodes = 0;
    const auto held = cutting.hold(configs, gpus, spread, nodes, 100'000);
    if (!held) continue;
    std::size_t count = 0;
    for (const Pattern& pattern : *held) count += pattern.configs.size();
    CHECK(count == configs.size());
    return gpus;
  }
  return 0;
}

}  // namespace

TEST_CASE("the fewest GPUs that have so many instances are those of an enumeration") {
  const auto layouts = layouts_of("a100");
  Cutting cutting(0, layouts);
  for (int large = 0; large <= 3; ++large)
    for (int medium = 0; medium <= 3; ++medium)
      for (int small = 0; small <= 8; small += 4) {
        const CoveringProblem::Layout wanted{{"3g.40gb", large}, {"2g.20gb", medium}, {"1g.10gb", small}};
        INFO(large << " " << medium << " " << small);
        CHECK(cutting.fewest(counts(cutting, wanted)) == fewest(layouts, wanted, 4));
      }
}

TEST_CASE("replicas of a service that are to be on different GPUs need as many") {
  CHECK(held_on(on_instances("1g.10gb", {0, 0, 1, 1}), false) == 1);
  CHECK(held_on(on_instances("1g.10gb", {0, 0, 1, 1}), true) == 2);
  CHECK(held_on(on_instances("3g.40gb", {0, 0, 1}), true) == 2);
  CHECK(held_on(on_instances("3g.40gb", {0, 0, 0}), true) == 3);
  // Those that have only one each fill a GPU.
  CHECK(held_on(on_instances("3g.40gb", {0, 1}), true) == 1);
}

TEST_CASE("costs are multiples of what all prices are multiples of") {
  CoveringProblem problem;
  problem.kinds = {{2, 1, {}}, {3.5, 1, {}}};
  CHECK(common_measure(problem) == doctest::Approx(0.5));
  problem.kinds.push_back({1.0 / 3, 1, {}});
  CHECK(common_measure(problem) == 0);
}

}  // namespace test_cutting
