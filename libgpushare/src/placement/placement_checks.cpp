#include "placement/placement_checks.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "models/model_kind.hpp"
#include "placement/tensor_parallel.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace scenario {
namespace {

void check_partition(const Workload& workload, const PartitionPlacement& partition,
                     const std::string& where) {
  const auto services = static_cast<int>(workload.services.size());
  for (const ProcessPlacement& process : partition.processes)
    if (process.service < 0 || process.service >= services)
      throw ScenarioError(where, text::format("a process of service number {}, but the workload has {}",
                                              process.service, services));
  const SharingTraits& sharing = traits_of(partition.sharing.mode);
  if (sharing.one_process && partition.processes.size() > 1)
    throw ScenarioError(where, text::format("the partition is {} but has {} processes; choose {}",
                                            sharing.name, partition.processes.size(), shared_mode_choices()));
  for (const ProcessPlacement& process : partition.processes)
    if (!sharing.has_limits && (process.active_thread_percentage != 100 || process.memory_limit_bytes > 0))
      throw ScenarioError(
          where, text::format("only processes that share by {} have an active_thread_percentage or a "
                              "memory_limit_bytes",
                              modes_with_limits()));
  if (const auto wrong = wrong_shares(partition)) throw ScenarioError(where, *wrong);
}

void check_gpu(const Workload& workload, const Placement& placement, std::size_t number) {
  const GpuPlacement& gpu = placement.gpus[number];
  if (gpu.partitions.size() != gpu.parts().size())
    throw ScenarioError(text::format("gpu{}", number),
                        text::format("{} partitions are placed, but the layout has {}", gpu.partitions.size(),
                                     gpu.parts().size()));
  for (std::size_t i = 0; i < gpu.partitions.size(); ++i)
    check_partition(workload, gpu.partitions[i], text::format("gpu{}/{}", number, gpu.parts()[i].name));
}

[[noreturn]] void fail(const Workload& workload, const Objection& objection) {
  throw ScenarioError(workload.services[static_cast<std::size_t>(objection.service)].name, objection.what);
}

}  // namespace

void check_nodes(const Placement& placement) {
  int last = 0;
  std::vector<bool> used(placement.nodes.size());
  for (std::size_t i = 0; i < placement.gpus.size(); ++i) {
    const int node = placement.gpus[i].node;
    const std::string where = text::format("gpu{}", i);
    if (node < 0 || node >= static_cast<int>(used.size()))
      throw ScenarioError(where, text::format("it is on node number {}, but the placement has {}", node,
                                              placement.nodes.size()));
    if (node < last)
      throw ScenarioError(where, text::format("it is on {} and comes after GPUs of {}; put GPUs in the order "
                                              "of their nodes",
                                              node_name(placement, node), node_name(placement, last)));
    last = node;
    used[static_cast<std::size_t>(node)] = true;
  }
  const auto free = std::find(used.begin(), used.end(), false);
  if (free != used.end())
    throw ScenarioError(node_name(placement, static_cast<int>(free - used.begin())), "the node has no GPU");
}

std::optional<std::string> wrong_shares(const PartitionPlacement& partition) {
  const SlicePolicy policy = partition.sharing.policy;
  if (policy != SlicePolicy::round_robin && !traits_of(partition.sharing.mode).has_slices)
    return text::format("processes that share by {} have no turns, fair or strict",
                        to_string(partition.sharing.mode));
  double sum = 0;
  for (const ProcessPlacement& process : partition.processes) {
    sum += process.share;
    if (policy == SlicePolicy::round_robin ? process.share != 1
                                           : !(process.share > 0 && process.share < 1e300))
      return text::format("a process has a share of {}; shares are above 0, and 1 in a round", process.share);
  }
  if (policy == SlicePolicy::strict && sum > 1 + 1e-9)
    return text::format(
        "the processes are to have {:.4g} of the GPU's time together; fractions add up to 1 at most", sum);
  return std::nullopt;
}

std::optional<Objection> unplaced(const Workload& workload, const Placement& placement) {
  const auto counts = placed_replicas(workload, placement);
  for (std::size_t service = 0; service < counts.size(); ++service)
    if (counts[service] == 0 && workload.services[service].replicas > 0)
      return Objection{static_cast<int>(service),
                       text::format("service \"{}\" is placed on no GPU", workload.services[service].name)};
  return std::nullopt;
}

std::optional<Objection> without_rate(const Workload& workload, const Placement& placement) {
  for (const GpuPlacement& gpu : placement.gpus)
    for (const PartitionPlacement& partition : gpu.partitions)
      for (const ProcessPlacement& process : partition.processes) {
        const Service& service = workload.services[static_cast<std::size_t>(process.service)];
        for (const Network& network : networks_of(*service.model, service.precision, service.engine)) {
          const auto rate = computes_in(*network.model, network.precision, gpu.profile());
          if (!rate || gpu.profile().flops(*rate) > 0) continue;
          return Objection{process.service,
                           text::format("GPU {} has no {} rate, which model {} computes in",
                                        gpu.profile().name, to_string(*rate), network.model->name)};
        }
      }
  return std::nullopt;
}

}  // namespace scenario

void check_placement(const Workload& workload, const Placement& placement) {
  scenario::check_nodes(placement);
  for (std::size_t gpu = 0; gpu < placement.gpus.size(); ++gpu) scenario::check_gpu(workload, placement, gpu);
  static_cast<void>(scenario::replicas_of(workload.services, placement, {}));
  if (const auto nowhere = scenario::unplaced(workload, placement)) scenario::fail(workload, *nowhere);
  if (const auto rate = scenario::without_rate(workload, placement)) scenario::fail(workload, *rate);
  static_cast<void>(price_per_hour(workload.prices, placement));
}

}  // namespace gpushare
