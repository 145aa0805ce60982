#include "results/goodput.hpp"

#include <algorithm>
#include <array>

namespace gpushare {
namespace {

/// Statistics that say where requests are, not how far apart.
constexpr std::array<std::string_view, 6> kPlaces{"_mean_s", "_p50_s", "_p90_s",
                                                  "_p95_s",  "_p99_s", "_max_s"};

}  // namespace

std::string_view latency_bounded(const FigureBound& bound) {
  const std::string_view name = bound.name;
  if (bound.at_most)
    for (const std::string_view place : kPlaces)
      if (name.ends_with(place)) return name.substr(0, name.size() - place.size());
  return {};
}

GoodRequests::GoodRequests(const Workload& workload, const std::vector<FigureBound>& bounds)
    : workload_(&workload) {
  const std::vector<RequestLatency> latencies = request_latencies(workload);
  for (const FigureBound& bound : bounds) {
    const std::string_view name = latency_bounded(bound);
    if (name == kEndToEnd) bounds_.push_back({std::nullopt, bound.value});
    for (const RequestLatency& latency : latencies)
      if (latency.name == name) bounds_.push_back({latency, bound.value});
  }
}

bool GoodRequests::is_good(const Request& request, Time now) const {
  const auto pipeline =
      static_cast<std::size_t>(workload_->traffic[static_cast<std::size_t>(request.traffic)].pipeline);
  return std::all_of(bounds_.begin(), bounds_.end(), [&](const Bound& bound) {
    if (!bound.latency) return to_seconds(now - request.arrival) <= bound.at_most_s;
    if (bound.latency->pipeline != pipeline) return true;
    const auto value = measure(*bound.latency, *workload_, request, now);
    return !value || to_seconds(*value) <= bound.at_most_s;
  });
}

}  // namespace gpushare
