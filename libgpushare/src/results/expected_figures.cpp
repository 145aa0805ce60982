#include <algorithm>

#include "core/text.hpp"
#include "gpushare/figures.hpp"
#include "results/figure_names.hpp"
#include "results/goodput.hpp"
#include "results/request_latencies.hpp"
#include "results/window_objectives.hpp"
#include "serving/any_engine.hpp"

namespace gpushare {
namespace {

void add_latencies(const Workload& workload, Summary& summary) {
  const auto add = [&](std::string name) { summary.latencies.emplace_back().name = std::move(name); };
  if (workload.pipelines.size() == 1) add(kEndToEnd);
  for (RequestLatency& latency : request_latencies(workload)) add(std::move(latency.name));
  for (const Service& service : workload.services)
    for (const std::string_view latency : latencies_of(service.engine))
      add(service.name + "." + std::string(latency));
}

void add_partitions(const Placement& placement, Summary& summary) {
  for (std::size_t gpu = 0; gpu < placement.gpus.size(); ++gpu) {
    const GpuPlacement& placed = placement.gpus[gpu];
    for (const Partition& part : placed.parts())
      summary.partitions.emplace_back().name = text::format("gpu{}/{}", gpu, part.name);
  }
}

// With what makes figures appear that only some engines have.
void add_services(const Workload& workload, Summary& summary) {
  for (const Service& service : workload.services) {
    ServiceSummary& expected = summary.services.emplace_back();
    expected.name = service.name;
    const auto* options = std::get_if<ContinuousOptions>(&service.engine.options);
    if (options == nullptr) continue;
    expected.counts["max_num_seqs"] = 1;
    if (options->prefix_caching) expected.counts["prefix_prompt_tokens"] = 1;
    if (options->speculation.tokens > 0) expected.counts["draft_tokens"] = 1;
  }
}

bool knows_power(const Placement& placement) {
  return std::all_of(placement.gpus.begin(), placement.gpus.end(),
                     [](const GpuPlacement& gpu) { return gpu.profile().power.known(); });
}

// What some runs have and others lack.
struct Optional {
  bool goodput, error_budget, faults, windows;
};

std::vector<std::string> names_of(const Workload& workload, const Placement& placement, Optional has) {
  Summary summary;
  if (has.goodput) summary.goodput = summary.goodput_rate = 0;
  if (knows_power(placement)) {
    summary.energy_kwh = summary.mean_power_w = summary.energy_per_1000_requests_kwh = 0;
    if (workload.carbon_g_per_kwh) summary.co2_kg = 0;
  }
  if (has_clients(workload)) summary.timed_out = summary.retried = 0;
  add_latencies(workload, summary);
  add_partitions(placement, summary);
  add_services(workload, summary);
  if (has.windows) summary.time_out_of_objectives = 0;
  if (has.error_budget) summary.error_budget_used = 0;
  if (has.faults) {
    summary.faults = summary.failed_by_faults = 0;
    for (ServiceSummary& service : summary.services) service.availability = service.any_replica_up = 1;
  }
  return figure_names(summary);
}

}  // namespace

std::vector<std::string> all_figure_names(const Workload& workload, const Placement& placement, bool faults,
                                          bool control) {
  return names_of(workload, placement, {true, true, faults, control});
}

std::vector<std::string> figure_names(const Workload& workload, const Placement& placement, bool faults,
                                      bool control) {
  const Objectives& asked = workload.objectives;
  return names_of(workload, placement,
                  {GoodRequests(workload, asked.figures).counted(), allowed_failures(asked) > 0, faults,
                   control && judged_by_window(workload)});
}

}  // namespace gpushare
