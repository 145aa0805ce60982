#pragma once

#include <cstdint>
#include <vector>

#include "gpushare/sharing.hpp"
#include "gpushare/time.hpp"

namespace gpushare {

using StepId = std::uint32_t;

/// A step on its way through a partition.
struct Work {
  StepId step = 0;
  int process = 0;          ///< client of the partition
  double gpu_s = 0;         ///< time alone on the process's resources
  double memory_s = 0;      ///< of which bound by bandwidth
  double bytes_per_s = 0;   ///< HBM traffic while alone
  double compute_s = 0;     ///< part of gpu_s that follows the clock
  double filled_s = 0;      ///< part of gpu_s in which it fills the SMs of its process
  double power_w = 0;       ///< draw above idle while alone
  double collective_s = 0;  ///< part of gpu_s in all-reduces, which leave the partition to others
  /// What all-reduces wait for their turn where other kernels take twice as long; they own no SMs under MPS without caps.
  double collective_wait_s = 0;
  Interference interference;  ///< under MPS
  int kind = -1;              ///< row of the executor's pair factors; -1: none
  int segments = 1;           ///< equal dependent parts; each end gives the GPU away under time-slicing
  bool one_launch = false;    ///< a single kernel or CUDA graph: its time slice is not renewed while it runs
};

/// A step in progress: `left_s` seconds of its time alone are still to do.
struct ActiveWork {
  Work work;
  double left_s = 0;
  double rate = 1;  ///< at full clock

  /// How the rate changes when the clock runs at a share of its full rate.
  [[nodiscard]] double speed(double clock) const {
    if (clock >= 1 || work.compute_s <= 0) return 1;
    return 1 / (1 + work.compute_s / work.gpu_s * (1 / clock - 1));
  }
};

/// Below this many seconds a remainder is rounding, not work.
inline constexpr double kWorkEpsilon = 1e-12;

/// How a partition spent its time, seconds.
struct ExecutorAccount {
  double busy_s = 0;            ///< a step was running
  double switching_s = 0;       ///< handing over between processes
  double idle_with_work_s = 0;  ///< neither, although there was work: a broken invariant
  double submitted_s = 0;       ///< work handed in, in seconds alone
  double finished_s = 0;        ///< work completed or aborted
  double energy_j = 0;          ///< drawn by its steps, above idle
};

}  // namespace gpushare
