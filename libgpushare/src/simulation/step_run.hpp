#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gpushare/time.hpp"

namespace gpushare {

/// One step of a run: what the simulator has to account for when it is over.
struct RunStep {
  Time gpu_start, gpu_end, end;
  double gpu_s = 0;
  double flop = 0, bytes = 0;
  double power_w = 0;  ///< above idle
  double items = 0;
};

/// Steps of a server that follow each other with nothing to see between them, advanced together: one event at the
/// end of the last one stands for two or three of each.
///
/// Only a process that has its partition to itself runs so (MergedIterations). A job that arrives cuts the run
/// short at the end of the step in progress, which is when step-by-step simulation would look at it.
struct StepRun {
  bool possible = false;                      ///< nothing can slow this server's steps
  std::uint32_t gpu_slot = 0, host_slot = 0;  ///< timers of a last step that ends on the GPU or on the host
  std::vector<RunStep> steps;                 ///< computed; those beyond `length` will not happen
  std::size_t length = 0;                     ///< 0: no run in progress
};

}  // namespace gpushare
