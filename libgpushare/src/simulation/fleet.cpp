#include "simulation/fleet.hpp"

#include <algorithm>

#include "placement/served_by.hpp"
#include "placement/tensor_parallel.hpp"

namespace gpushare {
namespace {

AnyEngine engine_for(const Service& service, const MemoryNeed& need, const GpuProfile& gpu,
                     const std::shared_ptr<JobQueue>& shared) {
  const Process process = process_of(service, gpu);
  return make_engine(EngineSite{*service.model, process, need, shared});
}

/// SMs that each process of a partition may use.
std::vector<double> sms_of(const GpuProfile& profile, const Partition& partition,
                           const PartitionPlacement& placement) {
  std::vector<double> sms;
  for (const ProcessPlacement& process : placement.processes) {
    const bool mps = placement.sharing.mode == SharingMode::mps;
    sms.push_back(mps_sms(profile, partition.sms, mps ? process.active_thread_percentage : 100));
  }
  return sms;
}

bool is_capped(const PartitionPlacement& placement) {
  return placement.sharing.mode == SharingMode::mps &&
         std::any_of(placement.processes.begin(), placement.processes.end(),
                     [](const ProcessPlacement& process) { return process.active_thread_percentage < 100; });
}

void add_rank(Server& server, Rank rank, const MemoryNeed& need) {
  std::get<ContinuousEngine>(server.engine).limit_blocks(need.kv_blocks);
  server.others.push_back(rank);
}

void add_partition(Fleet& fleet, const Scenario& scenario, const GpuPlacement& gpu,
                   const std::string& gpu_name, const Partition& part, const PartitionPlacement& placement,
                   const std::vector<MemoryNeed>& needs, double switching_factor, int& gpu_client,
                   const scenario::ReplicaRank*& place) {
  const GpuProfile& profile = *gpu.profile;
  const std::vector<double> sms = sms_of(profile, part, placement);
  PartitionState state{gpu_name + "/" + part.name,
                       &profile,
                       part,
                       placement.sharing,
                       is_capped(placement),
                       static_cast<std::uint32_t>(fleet.gpus.size() - 1),
                       make_executor(profile, part, placement.sharing, sms, switching_factor)};
  for (std::size_t client = 0; client < placement.processes.size(); ++client) {
    const int index = placement.processes[client].service;
    ServiceState& service = fleet.services[static_cast<std::size_t>(index)];
    const auto partition = static_cast<int>(fleet.partitions.size());
    const Resources resources = resources_of(profile, part, static_cast<int>(sms[client]));
    const scenario::ReplicaRank here = *place++;
    if (here.rank > 0) {
      const int whole = service.servers[static_cast<std::size_t>(here.replica)];
      add_rank(fleet.servers[static_cast<std::size_t>(whole)],
               {partition, static_cast<int>(client), gpu_client++, resources, needs[client].total},
               needs[client]);
      state.servers.push_back(whole);
      continue;
    }
    Server server{index,
                  here.replica,
                  partition,
                  static_cast<int>(client),
                  gpu_client++,
                  engine_for(scenario.workload.services[static_cast<std::size_t>(index)], needs[client],
                             profile, service.shared_queue)};
    server.resources = resources;
    server.memory_bytes = needs[client].total;
    service.servers.push_back(static_cast<int>(fleet.servers.size()));
    state.servers.push_back(static_cast<int>(fleet.servers.size()));
    fleet.servers.push_back(std::move(server));
  }
  fleet.gpus.back().partitions.push_back(static_cast<std::uint32_t>(fleet.partitions.size()));
  fleet.partitions.push_back(std::move(state));
}

GpuState make_gpu(const GpuPlacement& gpu) {
  std::size_t processes = 0, used = 0;
  bool mps = false;
  for (const PartitionPlacement& part : gpu.partitions) {
    processes += part.processes.size();
    used += !part.processes.empty();
    mps = mps || part.sharing.mode == SharingMode::mps;
  }
  return {gpu.profile.get(), processes > 1 && (used > 1 || mps),
          RateExecutor(RateLaw::equal_share, std::vector<double>(processes, 0.0), 0)};
}

}  // namespace

Fleet build_fleet(const Scenario& scenario, double switching_factor) {
  check_memory(scenario);
  Fleet fleet;
  const auto places = scenario::replicas_of(scenario.workload.services, scenario.placement.gpus, {});
  const scenario::ReplicaRank* place = places.data();
  fleet.services.resize(scenario.workload.services.size());
  for (std::size_t s = 0; s < scenario.workload.services.size(); ++s)
    if (scenario.workload.services[s].routing == Routing::shared_queue)
      fleet.services[s].shared_queue =
          std::make_shared<JobQueue>(scenario.workload.services[s].engine.queue_limit);
  for (std::size_t g = 0; g < scenario.placement.gpus.size(); ++g) {
    const GpuPlacement& gpu = scenario.placement.gpus[g];
    const std::vector<Partition> parts = partitions(*gpu.profile, gpu.layout);
    const auto needs = memory_needs(scenario.workload.services, gpu);
    fleet.gpus.push_back(make_gpu(gpu));
    int gpu_client = 0;
    for (std::size_t p = 0; p < parts.size(); ++p)
      if (!gpu.partitions[p].processes.empty())
        add_partition(fleet, scenario, gpu, "gpu" + std::to_string(g), parts[p], gpu.partitions[p], needs[p],
                      switching_factor, gpu_client, place);
  }
  return fleet;
}

}  // namespace gpushare
