#pragma once

#include <string>
#include <vector>

#include "gpushare/placement.hpp"

namespace gpushare::scenario {

/// Which replica of its service a process belongs to, and as which of its ranks.
struct ReplicaRank {
  int replica = 0;
  int rank = 0;
};

/// Of every process of the placement, GPU by GPU, partition by partition. Under tensor parallelism a process joins the
/// first replica of its node that lacks a rank and has none on its GPU. Throws ScenarioError at `where` when replicas stay
/// incomplete, or when ranks are on MIG instances, on GPUs of several kinds, or on a GPU whose link is not known.
[[nodiscard]] std::vector<ReplicaRank> replicas_of(const std::vector<Service>& services,
                                                   const Placement& placement, const std::string& where);

}  // namespace gpushare::scenario
