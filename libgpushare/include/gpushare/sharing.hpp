#pragma once

#include <cstdint>
#include <string_view>

#include "gpushare/profile.hpp"

namespace gpushare {

enum class SharingMode : std::uint8_t { exclusive, time_slicing, mps };
[[nodiscard]] std::string_view to_string(SharingMode mode);

/// How the processes of one partition share it. Times below zero take the profile's constants.
struct Sharing {
  SharingMode mode = SharingMode::exclusive;
  double slice_s = -1;             ///< time-slicing; 0 is the limit of ideal processor sharing
  double switch_preempted_s = -1;  ///< hand-over from a process that still had work
  double switch_idle_s = -1;       ///< hand-over from a process that had gone idle
};

/// SMs that an MPS client sees under CUDA_MPS_ACTIVE_THREAD_PERCENTAGE, rounded as the hardware does.
[[nodiscard]] int mps_sms(const GpuProfile& profile, int partition_sms, double active_thread_percentage);

/// A step's part in the interference law rate_i = 1 / (1 + susceptibility_i * sum of the others' pressure).
struct Interference {
  double susceptibility = 0;
  double pressure = 0;
};
/// Predicted from the mean kernel length by the profile's MPS law.
[[nodiscard]] Interference predict_interference(const MpsConstants::Law& law, double mean_kernel_s);

}  // namespace gpushare
