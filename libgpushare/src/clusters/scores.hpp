#pragma once

#include "clusters/cluster_state.hpp"
#include "clusters/fragments.hpp"
#include "clusters/lookahead.hpp"

namespace gpushare::clusters {

/// What scores are made of. The scales are those of the published runs, or the largest node's.
struct Scoring {
  const ClusterState& cluster;
  const FragmentMeter& fragments;
  const Lookahead* lookahead = nullptr;  ///< of the policy that asks it
  double cpu_scale = 128000;
  double gpu_scale = 8000;
  bool keep_most = false;  ///< instances start where most placements stay open, not as low as they can
};

/// A score, higher being better, and the device of a share that it is for; -1: the best that fits.
struct Scored {
  double score = 0;
  int device = -1;
};

/// The score of placing `want` on a node that it fits.
using ScoreFunction = Scored (*)(const Scoring&, const NodeState&, const Want&);
[[nodiscard]] ScoreFunction score_function(PackingPolicy policy);

}  // namespace gpushare::clusters
