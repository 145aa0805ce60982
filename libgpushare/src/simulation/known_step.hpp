#pragma once

#include <algorithm>

#include "gpushare/demand.hpp"
#include "gpushare/time.hpp"
#include "hardware/known_forms.hpp"
#include "sharing/work.hpp"

namespace gpushare {

/// What a step takes one after the other where its process has the GPU to itself.
struct StepLengths {
  Duration host_before{}, on_gpu{}, host_after{};
};

[[nodiscard]] inline StepLengths lengths_of(const StepTime& time, const Demand& demand) {
  const Duration on_gpu = duration_from_seconds(time.gpu_s);
  const double launching = std::max(0.0, demand.launch_s - to_seconds(on_gpu));
  return {duration_from_seconds(demand.host_before_s), on_gpu,
          duration_from_seconds(demand.host_after_s + launching)};
}

/// All that a step of a form is on its server's first rank, whenever it comes.
struct KnownStep {
  StepTime time;
  StepLengths lengths;
  Work work;  ///< but for which step it is
};

/// All that it hangs on beside the form.
struct KnownWhere {
  Resources resources;
  bool capped = false;  ///< as the partition is

  friend bool operator==(const KnownWhere&, const KnownWhere&) = default;
};
using KnownSteps = KnownForms<KnownStep, KnownWhere>;

}  // namespace gpushare
