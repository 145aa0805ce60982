
#include <algorithm>
#include <numeric>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "placement/memory.hpp"
#include "placement/mig_placement.hpp"
#include "placement/placement_mode.hpp"

namespace gpushare {
namespace scenario {
namespace {

using ProfilePointer = std::shared_ptr<const GpuProfile>;

GpuPlacement whole_gpu(const ProfilePointer& profile, const PlacementMode& mode,
                       std::vector<ProcessPlacement> processes) {
  GpuPlacement gpu = empty_gpu(cut_gpu(profile));
  gpu.partitions[0].sharing.mode = mode.sharing;
  if (!mode.weights.empty()) gpu.partitions[0].sharing.policy = SlicePolicy::fair;
  gpu.partitions[0].processes = std::move(processes);
  return gpu;
}

// Each replica of the services that are not shared on a GPU of its own, or as many as it has ranks, in the document's
// order.
std::vector<GpuPlacement> dedicated(const std::vector<Service>& services, const std::vector<int>& shared,
                                    const ProfilePointer& profile) {
  const GpuPlacement empty = empty_gpu(cut_gpu(profile));
  std::vector<GpuPlacement> gpus;
  for (int s = 0; s < static_cast<int>(services.size()); ++s) {
    if (std::find(shared.begin(), shared.end(), s) != shared.end()) continue;
    const Service& service = services[static_cast<std::size_t>(s)];
    for (int process = 0; process < service.replicas * service.tensor_parallel; ++process) {
      gpus.push_back(empty);
      gpus.back().partitions[0].processes.push_back({s});
    }
  }
  return gpus;
}

std::vector<int> sharing_services(const std::vector<int>& consolidate, std::size_t services) {
  if (!consolidate.empty()) return consolidate;
  std::vector<int> all(services);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<ProcessPlacement> expand(const std::vector<Service>& services, const std::vector<int>& shared,
                                     const PlacementMode& mode, const std::string& where) {
  const bool on_instances = mode.kind == PlacementMode::Kind::mig;
  const int replicas = on_instances ? 0 : mode.replicas;
  std::vector<ProcessPlacement> processes;
  for (const int s : shared) {
    const Service& service = services[static_cast<std::size_t>(s)];
    if (service.tensor_parallel > 1)
      throw ScenarioError(
          where,
          text::format("service \"{}\" has tensor_parallel {}, and this mode shares one GPU{}; list the "
                       "other services in \"consolidate\", or every GPU in \"gpus\"",
                       service.name, service.tensor_parallel,
                       on_instances ? ", whose MIG instances cannot be joined: they do not reach each "
                                      "other's memory"
                                    : ""));
    const int count = replicas > 0 ? replicas : services[static_cast<std::size_t>(s)].replicas;
    for (int replica = 0; replica < count; ++replica) processes.push_back(ProcessPlacement{s});
  }
  return processes;
}

// One of what the mode says for each process, or nothing at all.
void check_count(const std::vector<double>& values, std::string_view what, std::size_t processes,
                 const PlacementMode& mode, const std::string& where) {
  if (values.empty() || values.size() == processes) return;
  throw ScenarioError(
      where,
      text::format("mode \"{}\": {} {} for {} processes; give one for each process, in the order of the "
                   "services",
                   to_string(mode.sharing), values.size(), what, processes));
}

void set_shares(std::vector<ProcessPlacement>& processes, const PlacementMode& mode,
                const std::string& where) {
  std::vector<double> percentages = mode.percentages;
  if (mode.same_percentage) percentages.assign(processes.size(), percentages.front());
  check_count(percentages, "percentages", processes.size(), mode, where);
  check_count(mode.weights, "weights", processes.size(), mode, where);
  for (std::size_t i = 0; i < percentages.size(); ++i) processes[i].active_thread_percentage = percentages[i];
  for (std::size_t i = 0; i < mode.weights.size(); ++i) processes[i].share = mode.weights[i];
}

std::vector<GpuPlacement> gpus_of(const PlacementMode& mode, const std::vector<Service>& services,
                                  const std::vector<int>& shared, const ProfilePointer& profile,
                                  const std::string& where) {
  using Kind = PlacementMode::Kind;
  if (mode.kind == Kind::dedicated) return dedicated(services, {}, profile);
  auto processes = expand(services, shared, mode, where);
  auto gpus = dedicated(services, shared, profile);
  if (mode.kind == Kind::mig) {
    gpus.push_back(place_on_instances(mode, services, processes, profile, gpus.size()));
    return gpus;
  }
  set_shares(processes, mode, where);
  gpus.push_back(whole_gpu(profile, mode, std::move(processes)));
  return gpus;
}

}  // namespace

Placement place(const PlacementMode& mode, const Workload& workload, const PlacementOptions& options,
                const std::string& where) {
  const auto shared = sharing_services(options.consolidate, workload.services.size());
  return {{options.node}, gpus_of(mode, workload.services, shared, options.gpu, where)};
}

}  // namespace scenario

Placement place(const PlacementMode& mode, const Workload& workload, const PlacementOptions& options) {
  return scenario::place(mode, workload, options, {});
}

}  // namespace gpushare
