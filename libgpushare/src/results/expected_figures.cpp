#include "core/text.hpp"
#include "gpushare/figures.hpp"
#include "results/figure_names.hpp"
#include "results/goodput.hpp"
#include "results/request_latencies.hpp"
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

}  // namespace

std::vector<std::string> figure_names(const Workload& workload, const Placement& placement, bool goodput) {
  Summary summary;
  if (goodput) summary.goodput = summary.goodput_rate = 0;
  if (has_clients(workload)) summary.timed_out = summary.retried = 0;
  add_latencies(workload, summary);
  add_partitions(placement, summary);
  add_services(workload, summary);
  return figure_names(summary);
}

std::vector<std::string> figure_names(const Workload& workload, const Placement& placement) {
  return figure_names(workload, placement, GoodRequests(workload, workload.objectives.figures).counted());
}

}  // namespace gpushare
