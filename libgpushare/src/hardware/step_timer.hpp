#pragma once

#include <cstdint>

#include "gpushare/demand.hpp"

namespace gpushare {

/// What a group takes on given resources, but for its bytes.
struct GroupTerms {
  double flop = 0;
  std::uint8_t norm = 1;
  bool of_llm = false;
  double floor_s = 0, compute_s = 0, peak_compute_s = 0;
  double traffic_share = 1;           ///< of its bytes, that L2 does not save
  double memory_bytes_per_s = 1;      ///< at which its traffic moves
  double saturating_bytes_per_s = 1;  ///< at which kernels move traffic at most
};

/// Times of steps on the same resources that differ in the bytes of their last group alone: iterations of a batch whose
/// contexts grow.
class StepTimer {
 public:
  StepTimer() = default;
  StepTimer(const Demand& demand, const GpuProfile& profile, const Resources& resources);

  [[nodiscard]] bool is_on(const Resources& resources) const { return resources_ == resources; }
  /// As step_time() has it for the demand, with so many bytes in its last group.
  [[nodiscard]] StepTime time(double last_bytes) const;

 private:
  StepTime others_;          // what all but the last group take
  bool has_groups_ = false;  // otherwise there is no last one
  GroupTerms last_;
  double kernels_change_s_ = 0;  // of all kernels
  Resources resources_;
};

/// Of the group that is added last; 0 where there is none.
[[nodiscard]] double last_bytes(const Demand& demand);

}  // namespace gpushare
