#pragma once

#include <vector>

#include "gpushare/control.hpp"

namespace gpushare::control {

/// A node of a pool as the policy sees it.
struct ObservedNode {
  int number = 0;        ///< of the pool, in the order they came
  bool ready = false;    ///< its processes can start
  bool leaving = false;  ///< nothing new comes to it
  int seats = 0, taken = 0;
};

struct NodeDecision {
  int add = 0;
  std::vector<int> remove;  ///< numbers; whatever runs there has to find another seat
};

/// How many nodes a pool should have: after Kubernetes' cluster autoscaler. Nodes are added for replicas without a seat,
/// and while there are fewer than the least, others having been taken away. They go when they were not needed for long
/// enough: less than `needed_from` of their seats taken, and room elsewhere for those that are.
class NodePolicy {
 public:
  explicit NodePolicy(const NodePool& pool) : pool_(pool) {}

  /// `waiting` replicas have no seat. Times ascend.
  [[nodiscard]] NodeDecision decide(double now_s, int waiting, const std::vector<ObservedNode>& nodes);

 private:
  [[nodiscard]] int to_add(int waiting, const std::vector<ObservedNode>& nodes) const;

  NodePool pool_;
  double last_added_s_ = -1e300;
  std::vector<double> unneeded_since_s_;  // by number; below zero: it is needed
};

}  // namespace gpushare::control
