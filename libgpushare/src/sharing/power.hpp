#pragma once

#include <algorithm>
#include <cmath>

#include "gpushare/demand.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/time.hpp"

namespace gpushare {

/// Of the SMs that are of use to arithmetic, so many are these; what binds all of them draws no more than what binds those.
[[nodiscard]] inline double active_share(const GpuProfile& profile, double sms) {
  return std::min(1.0, sms / (profile.sms * profile.sustained_flop_share));
}

/// Power above standing by of a step alone at full clock, watts. Where no mean is taken at most what the limit leaves: its
/// time alone holds its own throttling.
[[nodiscard]] inline double step_power_w(const GpuProfile& profile, const StepTime& step, double sms) {
  const PowerConstants& power = profile.power;
  if (step.gpu_s <= 0) return 0;
  const double active = step.compute_s / step.gpu_s * active_share(profile, sms);
  const double compute = step.peak_compute_s / step.gpu_s * sms / profile.sms;
  const double bandwidth = step.bytes / step.gpu_s / profile.bandwidth_bytes_per_s;
  const double draw = power.draw_w(active, compute, bandwidth);
  return power.averaging_s > 0 ? draw : std::min(power.left_w(), draw);
}

/// The share of the full clock that keeps a draw above standing by within the limit.
[[nodiscard]] inline double clock_share(const PowerConstants& power, double draw_w) {
  const double left = power.left_w();
  return draw_w <= left ? 1 : std::pow(left / draw_w, 1 / power.clock_exponent);
}

/// Of the draw at full clock, what is drawn at a share of it: at that of clock_share() what the limit leaves.
[[nodiscard]] inline double draw_share(const PowerConstants& power, double clock) {
  return clock >= 1 ? 1 : std::pow(clock, power.clock_exponent);
}

/// What a GPU draws above standing by at full clock, W, and its mean of late: each earlier moment counts less by
/// exp(-age / averaging_s).
class MeanDraw {
 public:
  [[nodiscard]] double draw_w() const { return draw_w_; }
  [[nodiscard]] double mean_w(Time now, double averaging_s) const {
    return mean_w_ + (draw_w_ - mean_w_) * -std::expm1(-to_seconds(now - since_) / averaging_s);
  }
  /// The draw from now on.
  void set(Time now, double draw_w, double averaging_s) {
    mean_w_ = mean_w(now, averaging_s);
    since_ = now;
    draw_w_ = draw_w;
  }

 private:
  double draw_w_ = 0;
  double mean_w_ = 0;
  Time since_{};  // of mean_w_
};

}  // namespace gpushare
