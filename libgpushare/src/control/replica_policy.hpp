#pragma once

#include <deque>
#include <utility>

#include "gpushare/control.hpp"

namespace gpushare::control {

/// How many replicas a service should have: after Kubernetes' HorizontalPodAutoscaler for an average value of an external
/// metric, with its stabilisation windows and rates. It knows what it was told, and nothing else.
class ReplicaPolicy {
 public:
  ReplicaPolicy(const Autoscaling& scaling, int min, int max) : scaling_(scaling), min_(min), max_(max) {}

  /// The metric's sum over the service, which has `replicas` now, started or not. Times ascend.
  [[nodiscard]] int decide(double now_s, double metric, int replicas);

 private:
  [[nodiscard]] int wanted(double metric, int replicas) const;
  [[nodiscard]] int stabilised(double now_s, int wanted, int replicas);
  [[nodiscard]] int limited(double now_s, int wanted, int replicas) const;
  /// Replicas that were added (or taken) since then.
  [[nodiscard]] int moved_since(double then_s, bool up) const;

  Autoscaling scaling_;
  int min_, max_;
  std::deque<std::pair<double, int>> wishes_;  // when, how many
  std::deque<std::pair<double, int>> moves_;   // when, by how many
};

}  // namespace gpushare::control
