#pragma once

#include "gpushare/control.hpp"

namespace gpushare::control {

/// Whether GPUs should have their other shape: by the clock, or by a load that has to stay high (or low) for long enough,
/// so that a load between both bounds changes nothing. It knows what it was told, and nothing else.
class ShapePolicy {
 public:
  explicit ShapePolicy(const Reshaping& reshaping) : reshaping_(reshaping) {}

  /// By the clock.
  [[nodiscard]] bool at(double now_s) const;
  /// The next time after `now_s` at which the clock says something else; infinite when there is none.
  [[nodiscard]] double next_s(double now_s) const;
  /// By load; times ascend.
  [[nodiscard]] bool decide(double now_s, double metric);

 private:
  Reshaping reshaping_;
  bool other_ = false;
  double since_s_ = -1;  // the load asks for the change; below zero: it does not
};

}  // namespace gpushare::control
