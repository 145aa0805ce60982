#pragma once

#include <vector>

#include "clusters/fragments.hpp"
#include "gpushare/cluster_run.hpp"

namespace gpushare::clusters {

/// What a cluster is like now, and its mean over time.
class ClusterMeter {
 public:
  /// Both outlive it.
  ClusterMeter(const ClusterState& cluster, const FragmentMeter& fragments);

  /// Time passes in which nothing changed.
  void advance(double now_s);
  /// What is left of the node changed, with so many pods more.
  void changed(int node, int pods);
  /// So many more pods wait that ask for so many milli each.
  void waits(std::int64_t milli, int pods);

  [[nodiscard]] ClusterSample sample() const;
  [[nodiscard]] ClusterSample mean() const;

 private:
  struct OfNode {
    double fragment = 0;
    Stranded stranded;
  };
  [[nodiscard]] OfNode measure(int node) const;

  const ClusterState& cluster_;
  const FragmentMeter& fragments_;
  std::vector<OfNode> nodes_;
  OfNode sum_;
  std::int64_t running_ = 0, waiting_ = 0, waiting_milli_ = 0;
  double now_s_ = 0;
  double running_s_ = 0, waiting_s_ = 0;
  ClusterSample integral_;
};

}  // namespace gpushare::clusters
