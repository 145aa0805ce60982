#pragma once

#include <algorithm>
#include <cmath>

#include "gpushare/demand.hpp"
#include "gpushare/profile.hpp"

namespace gpushare {

/// Power above idle of a step alone, watts. At most what the limit leaves: a step's time alone holds its own throttling.
[[nodiscard]] inline double step_power_w(const GpuProfile& profile, const StepTime& step, double sms) {
  const PowerConstants& power = profile.power;
  if (step.gpu_s <= 0) return 0;
  const double compute = step.peak_compute_s / step.gpu_s * sms / profile.sms;
  const double bandwidth = step.bytes / step.gpu_s / profile.bandwidth_bytes_per_s;
  return std::min(power.limit_w - power.idle_w, compute * power.compute_w + bandwidth * power.bandwidth_w);
}

/// The share of the full clock that keeps a draw above idle within the limit.
[[nodiscard]] inline double clock_share(const PowerConstants& power, double draw_w) {
  const double left = power.limit_w - power.idle_w;
  return draw_w <= left ? 1 : std::pow(left / draw_w, 1 / power.clock_exponent);
}

/// Of the draw above idle at full clock, what is drawn at a share of it: at that of clock_share() what the limit leaves.
[[nodiscard]] inline double draw_share(const PowerConstants& power, double clock) {
  return clock >= 1 ? 1 : std::pow(clock, power.clock_exponent);
}

}  // namespace gpushare
