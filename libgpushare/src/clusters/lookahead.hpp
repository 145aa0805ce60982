#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "clusters/cluster_state.hpp"

namespace gpushare::clusters {

/// What nodes are still good for, from the statistics of pod classes alone.
///
/// The worth of what is left of a node is the GPU milli that it would come to give if pods drawn from the classes were
/// offered to it one after another and each that fits were placed: a mean over a few sequences, the same for all nodes.
/// How sought-after a node is, is the GPU demand for each of its GPUs, when every class spreads over all nodes that can
/// hold it: a node that few classes can go around is worth more.
class Lookahead {
 public:
  /// `empty` as it is when nothing runs. Draws no luck of the run: the sequences are part of the policy.
  Lookahead(const std::vector<PodClass>& classes, const ClusterState& empty);

  /// Milli that pods are expected to ask for and get of what is left, at most all of it.
  [[nodiscard]] double worth(const NodeState& node) const;
  /// GPU demand for each GPU of nodes like this, relative to the mean.
  [[nodiscard]] double demand_for(const NodeState& node) const {
    return demand_[static_cast<std::size_t>(node.group)];
  }

 private:
  struct Key {
    std::int64_t cpu;
    int kind;
    std::array<std::int16_t, kMostGpusOfNode> left;
    std::array<std::uint8_t, kMostGpusOfNode> taken;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  void count_demand(const std::vector<PodClass>& classes, const ClusterState& empty);
  [[nodiscard]] double fill(NodeState node, const std::vector<int>& sequence) const;

  const NodeKinds& kinds_;
  std::vector<std::vector<Want>>
      wants_;  ///< by kind and class; more GPUs than any node has where it may not run
  std::vector<std::vector<int>> sequences_;  ///< of classes
  std::vector<int> asked_;                   ///< milli of each GPU, by class
  std::vector<double> demand_;               ///< by group
  mutable std::unordered_map<Key, double, Hash> known_;
};

}  // namespace gpushare::clusters
