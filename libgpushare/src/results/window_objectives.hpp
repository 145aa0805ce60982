#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpushare/objectives.hpp"
#include "results/window_meter.hpp"

namespace gpushare {

/// For how much of the time a run misses its objectives: window by window, of those on a latency, on success_rate and on
/// request_throughput, which a window has too.
class WindowObjectives {
 public:
  WindowObjectives(const Objectives& objectives, const WindowMeter& meter);

  [[nodiscard]] bool any() const { return !bounds_.empty(); }
  /// A window of so many seconds is over. `waited`: requests were in the system when it began. Without an answer and
  /// without any that waited all along it says nothing.
  void add(double seconds, bool waited, const WindowMeter& meter);
  /// Of the seconds that say something; absent where none does.
  [[nodiscard]] std::optional<double> share_out() const;

 private:
  enum class Of { latency, success, throughput };
  struct Bound {
    Of of;
    std::size_t latency = 0;  // index into WindowMeter::latencies()
    std::string statistic;    // "p95_s"
    double value = 0;
    bool at_most = true;
  };
  [[nodiscard]] static bool misses(const Bound& bound, double seconds, const WindowMeter& meter);

  std::vector<Bound> bounds_;
  double out_s_ = 0, judged_s_ = 0;
};

/// Whether runs by window can have such a share.
[[nodiscard]] bool judged_by_window(const Workload& workload);

}  // namespace gpushare
