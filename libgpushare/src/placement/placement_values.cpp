#include <algorithm>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/placement.hpp"

namespace gpushare {
namespace {

bool same_profile(const CutGpu& a, const CutGpu& b) {
  if (a.profile == b.profile) return true;
  return !a.profile->origin.empty() && a.profile->origin == b.profile->origin;
}

std::string kinds_with_prices(const Prices& prices) {
  std::vector<std::string> kinds;
  for (const auto& [kind, price] : prices.by_gpu) kinds.push_back(kind);
  return text::join(kinds, ", ");
}

}  // namespace

bool operator==(const GpuPlacement& a, const GpuPlacement& b) {
  const bool same_cut =
      a.cut == b.cut || (a.cut && b.cut && same_profile(*a.cut, *b.cut) && a.cut->layout == b.cut->layout);
  return same_cut && a.partitions == b.partitions && a.node == b.node;
}

bool is_used(const GpuPlacement& gpu) {
  return std::any_of(gpu.partitions.begin(), gpu.partitions.end(),
                     [](const PartitionPlacement& part) { return !part.processes.empty(); });
}

GpuPlacement empty_gpu(std::shared_ptr<const CutGpu> cut, int node) {
  GpuPlacement gpu;
  gpu.partitions.resize(cut->partitions.size());
  gpu.cut = std::move(cut);
  gpu.node = node;
  return gpu;
}

std::string node_name(const Placement& placement, int node) {
  const std::string& name = placement.nodes[static_cast<std::size_t>(node)].name;
  return name.empty() ? text::format("node{}", node) : name;
}

const InterconnectConstants& link_of(const Placement& placement, const GpuPlacement& gpu) {
  const auto& link = placement.nodes[static_cast<std::size_t>(gpu.node)].link;
  return link ? *link : gpu.profile().interconnect;
}

std::vector<int> placed_replicas(const Workload& workload, const Placement& placement) {
  std::vector<int> counts(workload.services.size());
  for (const GpuPlacement& gpu : placement.gpus)
    for (const PartitionPlacement& partition : gpu.partitions)
      for (const ProcessPlacement& process : partition.processes)
        ++counts[static_cast<std::size_t>(process.service)];
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] /= workload.services[i].tensor_parallel;
  return counts;
}

int gpus_used(const Placement& placement) {
  return static_cast<int>(std::count_if(placement.gpus.begin(), placement.gpus.end(), is_used));
}

double price_of(const Prices& prices, const GpuProfile& gpu) {
  if (prices.by_gpu.empty()) return prices.any_gpu;
  const auto price = prices.by_gpu.find(gpu.name);
  if (price == prices.by_gpu.end())
    throw ScenarioError({},
                        text::format("GPU {} has no price, but {} {}", gpu.name, kinds_with_prices(prices),
                                     prices.by_gpu.size() == 1 ? "has" : "have"));
  return price->second;
}

double price_per_hour(const Prices& prices, const Placement& placement) {
  double sum = 0;
  for (const GpuPlacement& gpu : placement.gpus)
    if (is_used(gpu)) sum += price_of(prices, gpu.profile());
  return sum;
}

}  // namespace gpushare
