#include "results/window_meter.hpp"

#include <algorithm>

namespace gpushare {

WindowMeter::WindowMeter(const Workload& workload)
    : workload_(&workload), latencies_(request_latencies(workload)), histograms_(latencies_.size() + 1) {}

std::vector<std::string> WindowMeter::names() const {
  std::vector<std::string> all{kEndToEnd};
  for (const RequestLatency& latency : latencies_) all.push_back(latency.name);
  return all;
}

void WindowMeter::reset() {
  ended_ = {};
  std::fill(histograms_.begin(), histograms_.end(), Histogram());
}

void WindowMeter::finish(const Request& request, Time now) {
  switch (request.status) {
    case RequestStatus::completed:
      ++ended_.completed;
      break;
    case RequestStatus::rejected:
      ++ended_.rejected;
      return;
    case RequestStatus::failed:
      ++ended_.failed;
      return;
    case RequestStatus::skipped:
      return;
  }
  const auto pipeline =
      static_cast<std::size_t>(workload_->traffic[static_cast<std::size_t>(request.traffic)].pipeline);
  histograms_[0].add(now - request.arrival);
  for (std::size_t i = 0; i < latencies_.size(); ++i)
    if (latencies_[i].pipeline == pipeline)
      if (const auto value = measure(latencies_[i], *workload_, request, now)) histograms_[i + 1].add(*value);
}

}  // namespace gpushare
