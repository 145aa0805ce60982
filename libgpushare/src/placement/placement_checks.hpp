#pragma once

#include <optional>
#include <string>

#include "gpushare/placement.hpp"

/// What check_placement refuses, for readers that know where it is written.
namespace gpushare::scenario {

/// Throws ScenarioError for a GPU of no node, a node without GPUs, and GPUs that do not follow their nodes' order.
void check_nodes(const Placement& placement);

/// What is wrong with the shares of its processes, or nothing.
[[nodiscard]] std::optional<std::string> wrong_shares(const PartitionPlacement& partition);

/// A service and what is wrong with it.
struct Objection {
  int service = 0;
  std::string what;
};
/// A service that is nowhere.
[[nodiscard]] std::optional<Objection> unplaced(const Workload& workload, const Placement& placement);
/// A service on a GPU that has no rate for what it computes in.
[[nodiscard]] std::optional<Objection> without_rate(const Workload& workload, const Placement& placement);

}  // namespace gpushare::scenario
