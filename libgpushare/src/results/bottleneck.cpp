#include "results/bottleneck.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace gpushare {
namespace {

/// Share of the time from which a resource is what others wait for.
constexpr double kSaturated = 0.85;
/// Share of the time from which hand-overs are worth a word.
constexpr double kNoticeable = 0.02;
/// Share of a peak from which it is what a full partition lacks.
constexpr double kMostOfPeak = 0.5;
/// Of the requests at an overloaded service, the share that has to wait at a later one for this to be overloaded too.
constexpr double kQueue = 0.05;

double filled(const PartitionSummary& partition) { return partition.busy + partition.switching; }

// -1 without partitions.
int fullest_of(const std::vector<PartitionSummary>& all, const std::vector<int>& partitions) {
  int fullest = -1;
  for (const int index : partitions) {
    const auto full = [&](int i) { return filled(all[static_cast<std::size_t>(i)]); };
    if (fullest < 0 || full(index) > full(fullest)) fullest = index;
  }
  return fullest;
}

Bottleneck::Cause lacking_in(const PartitionSummary& partition) {
  using Cause = Bottleneck::Cause;
  if (partition.switching > kNoticeable) return Cause::gpu_time;
  if (partition.bandwidth_utilisation > kMostOfPeak) return Cause::memory_bandwidth;
  return partition.compute_utilisation > kMostOfPeak ? Cause::compute : Cause::gpu_time;
}

// Requests that wait for their first step at a stage, on average: Little's law.
double waiting_at(const Summary& summary, const Pipeline& pipeline, const Stage& stage) {
  const std::string own = stage.name + ".queue";
  const LatencySummary* queue =
      summary.latency(summary.only_pipeline.empty() ? pipeline.name + "." + own : own);
  if (queue == nullptr || summary.duration_s <= 0) return 0;
  return static_cast<double>(queue->count) * queue->mean / summary.duration_s;
}

bool follows(const Pipeline& pipeline, const Stage& stage, int service) {
  for (int before = stage.after; before >= 0;
       before = pipeline.stages[static_cast<std::size_t>(before)].after)
    if (pipeline.stages[static_cast<std::size_t>(before)].service == service) return true;
  return false;
}

// The service after an overloaded one that falls behind it most, or -1.
int overloaded_after(const Summary& summary, std::span<const Pipeline> pipelines, int service) {
  double most = kQueue * summary.services[static_cast<std::size_t>(service)].mean_in_system;
  int found = -1;
  for (const Pipeline& pipeline : pipelines)
    for (const Stage& stage : pipeline.stages) {
      if (stage.service < 0 || stage.service == service || !follows(pipeline, stage, service)) continue;
      const double waiting = waiting_at(summary, pipeline, stage);
      if (waiting < most) continue;
      most = waiting;
      found = stage.service;
    }
  return found;
}

int least_capable(const Summary& summary, std::span<const Pipeline> pipelines, int service) {
  const bool keeps_up = std::all_of(summary.traffic.begin(), summary.traffic.end(),
                                    [](const TrafficSummary& traffic) { return traffic.keeps_up; });
  if (keeps_up) return service;
  for (std::size_t step = 0; step < summary.services.size();
       ++step) {  // services may visit each other in turn
    const int next = overloaded_after(summary, pipelines, service);
    if (next < 0) break;
    service = next;
  }
  return service;
}

std::string_view resource(Bottleneck::Cause cause) {
  switch (cause) {
    case Bottleneck::Cause::memory_bandwidth:
      return "memory bandwidth";
    case Bottleneck::Cause::compute:
      return "compute";
    default:
      return "GPU time";
  }
}

}  // namespace

Bottleneck find_bottleneck(const Summary& summary, std::span<const std::vector<int>> partitions,
                           std::span<const Pipeline> pipelines) {
  using Cause = Bottleneck::Cause;
  Bottleneck found;
  const auto most =
      std::max_element(summary.services.begin(), summary.services.end(),
                       [](const auto& a, const auto& b) { return a.mean_in_system < b.mean_in_system; });
  if (most == summary.services.end() || most->mean_in_system <= 0) {
    found.cause = summary.rejected > 0 ? Cause::admission : Cause::nothing;
    return found;
  }
  found.service = least_capable(summary, pipelines, static_cast<int>(most - summary.services.begin()));
  found.service_busy = summary.services[static_cast<std::size_t>(found.service)].busy;
  found.cause = found.service_busy >= kSaturated ? Cause::host : Cause::own_latency;
  const int index = fullest_of(summary.partitions, partitions[static_cast<std::size_t>(found.service)]);
  if (index < 0) return found;
  const PartitionSummary& fullest = summary.partitions[static_cast<std::size_t>(index)];
  found.busy = fullest.busy;
  found.switching = fullest.switching;
  if (filled(fullest) < kSaturated) return found;
  found.partition = index;
  found.cause = lacking_in(fullest);
  return found;
}

std::string_view to_string(Bottleneck::Cause cause) {
  switch (cause) {
    case Bottleneck::Cause::nothing:
      return "nothing";
    case Bottleneck::Cause::admission:
      return "admission";
    case Bottleneck::Cause::own_latency:
      return "own-latency";
    case Bottleneck::Cause::host:
      return "host";
    case Bottleneck::Cause::gpu_time:
      return "gpu-time";
    case Bottleneck::Cause::memory_bandwidth:
      return "memory-bandwidth";
    case Bottleneck::Cause::compute:
      return "compute";
  }
  return "";
}

std::string brief(const Bottleneck& bottleneck, std::string_view service) {
  switch (bottleneck.cause) {
    case Bottleneck::Cause::nothing:
      return "nothing: no requests were served";
    case Bottleneck::Cause::admission:
      return "admission: every request was refused";
    case Bottleneck::Cause::own_latency:
      return text::format("{}: its own latency", service);
    case Bottleneck::Cause::host:
      return text::format("{}: serial steps", service);
    default:
      return text::format("{}: {}", service, resource(bottleneck.cause));
  }
}

std::string to_string(const Bottleneck& bottleneck, std::string_view service, std::string_view partition) {
  using Cause = Bottleneck::Cause;
  const Bottleneck& b = bottleneck;
  std::string what = brief(b, service);
  if (b.cause == Cause::nothing || b.cause == Cause::admission) return what;
  if (b.cause == Cause::own_latency) return what + "; no resource is saturated";
  if (b.cause == Cause::host) {
    const double on_gpu = b.service_busy > 0 ? (b.busy + b.switching) / b.service_busy : 0;
    return text::format("{} ({:.0f} % GPU, else host/link)", what, 100 * on_gpu);
  }
  if (b.cause == Cause::gpu_time && b.switching > kNoticeable)
    return text::format("{} of {} ({:.0f} % busy, {:.0f} % switching)", what, partition, 100 * b.busy,
                        100 * b.switching);
  return text::format("{} of {} ({:.0f} % busy)", what, partition, 100 * b.busy);
}

std::string to_string(const Bottleneck& bottleneck, const Summary& summary) {
  const auto name = [](const auto& parts, int index) -> std::string_view {
    return index < 0 ? std::string_view{} : parts[static_cast<std::size_t>(index)].name;
  };
  return to_string(bottleneck, name(summary.services, bottleneck.service),
                   name(summary.partitions, bottleneck.partition));
}

}  // namespace gpushare
