#include <algorithm>

#include "core/text.hpp"
#include "gpushare/bounds.hpp"
#include "planning/least_latency.hpp"

namespace gpushare {
namespace {

// Of a mean request, on the fastest of the GPUs.
double least_s(const Scenario& scenario, Traffic traffic) {
  traffic.playback = false;  // which nobody waits for with a request
  const Workload& workload = scenario.workload;
  const planning::RequestShape shape = planning::shape_of(traffic, workload.duration_s, 0);
  double least = kNoBound;
  for (const GpuPlacement& gpu : scenario.placement.gpus)
    least = std::min(least, planning::least_latency(workload, traffic, shape, &gpu.profile()));
  return least;
}

}  // namespace

std::vector<Warning> short_timeouts(const Scenario& scenario) {
  std::vector<Warning> warnings;
  const std::vector<Traffic>& traffic = scenario.workload.traffic;
  for (std::size_t i = 0; i < traffic.size(); ++i) {
    if (!traffic[i].client || !traffic[i].client->timeout_s) continue;
    const double timeout_s = *traffic[i].client->timeout_s;
    const double least = least_s(scenario, traffic[i]);
    if (timeout_s >= least) continue;
    warnings.push_back(
        {text::format("/traffic/{}/client/timeout_s", i),
         text::format(
             "its clients give up after {:.4g} s, but a request of mean size takes {:.3g} s at least on "
             "a whole GPU that does nothing else: most will fail under any load. Give more, or count in "
             "what a request waits for: \"timeout_s\" is until its last answer, speech included",
             timeout_s, least)});
  }
  return warnings;
}

}  // namespace gpushare
