#include "planning/plan_failures.hpp"

#include <algorithm>
#include <functional>

#include "core/text.hpp"

namespace gpushare::planning {
namespace {

struct Place {
  int gpu = 0;
  std::size_t partition = 0;
};

std::vector<Place> places_used(const Placement& placement) {
  std::vector<Place> used;
  for (int g = 0; g < static_cast<int>(placement.gpus.size()); ++g) {
    const auto& partitions = placement.gpus[static_cast<std::size_t>(g)].partitions;
    for (std::size_t p = 0; p < partitions.size(); ++p)
      if (!partitions[p].processes.empty()) used.push_back({g, p});
  }
  return used;
}

const PartitionPlacement& partition_at(const Placement& placement, const Place& place) {
  return placement.gpus[static_cast<std::size_t>(place.gpu)].partitions[place.partition];
}

std::string name_of(const Placement& placement, const Place& place) {
  return text::format("gpu{}/{}", place.gpu,
                      placement.gpus[static_cast<std::size_t>(place.gpu)].parts()[place.partition].name);
}

Failure failure_of(const Scenario& scenario, std::string lost, FaultTarget target, int number,
                   const std::function<bool(const Place&)>& is_lost) {
  Failure failure{std::move(lost), {}, {}};
  failure.fault.target = target;
  failure.fault.number = number;
  // Whatever waits is served by the others before it would be back.
  failure.fault.restart_s = constant(1e6 + 10 * scenario.workload.duration_s);
  std::vector<bool> left(scenario.workload.services.size());
  for (const Place& place : places_used(scenario.placement))
    if (!is_lost(place))
      for (const ProcessPlacement& process : partition_at(scenario.placement, place).processes)
        left[static_cast<std::size_t>(process.service)] = true;
  const auto lacking = std::find(left.begin(), left.end(), false);
  if (lacking != left.end())
    failure.lacking = scenario.workload.services[static_cast<std::size_t>(lacking - left.begin())].name;
  return failure;
}

std::vector<Failure> lost_nodes(const Scenario& scenario, const std::vector<Place>& used) {
  std::vector<Failure> failures;
  for (int n = 0; n < static_cast<int>(scenario.placement.nodes.size()); ++n) {
    const auto is_lost = [&](const Place& place) {
      return scenario.placement.gpus[static_cast<std::size_t>(place.gpu)].node == n;
    };
    if (std::any_of(used.begin(), used.end(), is_lost))
      failures.push_back(
          failure_of(scenario, node_name(scenario.placement, n), FaultTarget::node, n, is_lost));
  }
  return failures;
}

Failure lost_gpu(const Scenario& scenario, int gpu, std::string name) {
  return failure_of(scenario, std::move(name), FaultTarget::gpu, gpu,
                    [gpu](const Place& place) { return place.gpu == gpu; });
}

// An instance goes alone when the context of all that share it does: by the first of its processes.
Failure lost_instance(const Scenario& scenario, const std::vector<Place>& used, const Place& lost) {
  const auto is_lost = [&](const Place& place) {
    return place.gpu == lost.gpu && place.partition == lost.partition;
  };
  const int service = partition_at(scenario.placement, lost).processes.front().service;
  int replica = 0;
  for (const Place& place : used) {
    if (is_lost(place)) break;
    for (const ProcessPlacement& process : partition_at(scenario.placement, place).processes)
      replica += process.service == service ? 1 : 0;
  }
  Failure failure =
      failure_of(scenario, name_of(scenario.placement, lost), FaultTarget::process, replica, is_lost);
  failure.fault.service = service;
  failure.fault.shared_fault_domain = true;
  return failure;
}

}  // namespace

std::vector<Failure> failures_of(const Scenario& scenario, Tolerance tolerate) {
  const std::vector<Place> used = places_used(scenario.placement);
  if (tolerate == Tolerance::nothing) return {};
  if (tolerate == Tolerance::node) return lost_nodes(scenario, used);
  std::vector<Failure> failures;
  for (std::size_t i = 0; i < used.size(); ++i) {
    const int gpu = used[i].gpu;
    const bool first = i == 0 || used[i - 1].gpu != gpu,
               last = i + 1 == used.size() || used[i + 1].gpu != gpu;
    if (tolerate == Tolerance::gpu) {
      if (first) failures.push_back(lost_gpu(scenario, gpu, text::format("gpu{}", gpu)));
    } else if (first && last) {
      failures.push_back(lost_gpu(scenario, gpu, name_of(scenario.placement, used[i])));
    } else {
      failures.push_back(lost_instance(scenario, used, used[i]));
    }
  }
  return failures;
}

}  // namespace gpushare::planning
