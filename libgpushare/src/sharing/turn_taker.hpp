#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sharing/work.hpp"

namespace gpushare {

/// A process that takes turns with others: its steps in progress, and how long it has run since they were brought up.
///
/// That is counted in whole nanoseconds, so that it does not matter how turns cut it up. `clock` is the share of its full
/// rate that it ran at.
struct TurnTaker {
  static constexpr std::int64_t kUnsure = std::numeric_limits<std::int64_t>::min();

  std::vector<ActiveWork> works;
  Duration ran{};
  Duration cost{};  ///< of pre-empting it
  /// That it runs since then, at full clock, before its only step ends, which gives nothing away by itself; kUnsure where it
  /// has another or several.
  std::int64_t sure_ns = kUnsure;

  [[nodiscard]] double left_s(const ActiveWork& active, double clock) const {
    return active.left_s - to_seconds(ran) * active.rate * active.speed(clock);
  }
  [[nodiscard]] bool has_ended(const ActiveWork& active, double clock) const {
    return left_s(active, clock) <= kWorkEpsilon;
  }
  [[nodiscard]] bool any_ended(double clock) const {
    for (const ActiveWork& active : works)
      if (has_ended(active, clock)) return true;
    return false;
  }
  /// When the first of its steps ends if it goes on from now.
  [[nodiscard]] Time first_end(Time now, double clock) const;
  /// Where its only step gives the GPU away by itself while another process waits.
  [[nodiscard]] Time segment_end(Time now, double clock) const;
  /// Power above idle while it runs, at full clock.
  [[nodiscard]] double draw_w() const;
  /// What it has run is taken off its steps. Returns the energy that they drew above idle at full clock, J.
  double bring_up(double clock);
  /// What is left of its steps has changed.
  void renew();
  /// Steps came or went: how fast each runs beside the others while the process has the GPU, of which all together can
  /// draw so much; 0: no limit.
  void set_rates(double bandwidth_bytes_per_s);
};

}  // namespace gpushare
