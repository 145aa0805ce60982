#include "results/window_objectives.hpp"

#include <algorithm>

#include "gpushare/figures.hpp"
#include "results/recorder.hpp"

namespace gpushare {

WindowObjectives::WindowObjectives(const Objectives& objectives, const WindowMeter& meter) {
  const std::vector<std::string> names = meter.names();
  for (const FigureBound& asked : objectives.figures) {
    Bound bound{Of::latency, 0, {}, asked.value, asked.at_most};
    if (asked.name == "success_rate" || asked.name == "request_throughput") {
      bound.of = asked.name == "success_rate" ? Of::success : Of::throughput;
      bounds_.push_back(bound);
      continue;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!asked.name.starts_with(names[i] + "_")) continue;
      bound.latency = i;
      bound.statistic = asked.name.substr(names[i].size() + 1);
      if (figure(LatencySummary{}, bound.statistic)) bounds_.push_back(bound);
    }
  }
}

bool WindowObjectives::misses(const Bound& bound, double seconds, const WindowMeter& meter) {
  const WindowMeter::Ended& ended = meter.ended();
  const auto completed = static_cast<double>(ended.completed);
  double value = 0;
  switch (bound.of) {
    case Of::latency: {
      const Histogram& latency = meter.latencies()[bound.latency];
      if (latency.count() == 0) return false;
      value = figure(summarise("", latency), bound.statistic).value();
      break;
    }
    case Of::success:
      value = completed / static_cast<double>(ended.completed + ended.rejected + ended.failed);
      break;
    case Of::throughput:
      value = completed / seconds;
      break;
  }
  return bound.at_most ? value > bound.value : value < bound.value;
}

void WindowObjectives::add(double seconds, bool waited, const WindowMeter& meter) {
  const WindowMeter::Ended& ended = meter.ended();
  const bool silent = ended.completed + ended.rejected + ended.failed == 0;
  if (silent && !waited) return;
  judged_s_ += seconds;
  const bool out = silent || std::any_of(bounds_.begin(), bounds_.end(),
                                         [&](const Bound& bound) { return misses(bound, seconds, meter); });
  if (out) out_s_ += seconds;
}

std::optional<double> WindowObjectives::share_out() const {
  if (bounds_.empty() || judged_s_ <= 0) return std::nullopt;
  return out_s_ / judged_s_;
}

bool judged_by_window(const Workload& workload) {
  return WindowObjectives(workload.objectives, WindowMeter(workload)).any();
}

}  // namespace gpushare
