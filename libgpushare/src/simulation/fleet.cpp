#include "simulation/fleet.hpp"

#include <algorithm>
#include <utility>

#include "placement/served_by.hpp"
#include "placement/tensor_parallel.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace {

AnyEngine engine_for(const Service& service, const MemoryNeed& need, const GpuState& gpu,
                     const ServiceState& state) {
  Process process = process_of(service, *gpu.profile);
  process.link = gpu.reach;
  return make_engine(EngineSite{*service.model, process, need, state.shared_queue, state.host_factor});
}

Resources resources_on(const PartitionState& partition, const Rank& rank) {
  Resources resources = rank.resources;
  resources.kernel_s =
      kernel_change_s(*partition.profile, partition.sharing.mode, partition.servers.size() > 1);
  return resources;
}

StepTime calibrated(StepTime time, const ServiceState& service) {
  const double factor = service.step_time_factor;
  time.gpu_s *= factor;
  time.memory_s *= factor;
  time.compute_s *= factor;
  time.saturating_s *= factor;
  time.held_s *= factor;
  time.filled_s *= factor;
  time.collective_s *= factor;
  return time;
}

// What the step is to its neighbours, and they to it.
void contends(Work& work, const Fleet& fleet, const Server& server, const Rank& rank, const StepTime& time,
              const Demand& demand) {
  const PartitionState& partition = fleet.partition_of(rank);
  const StepCharacter character = character_of(time, demand, partition.partition.bandwidth_bytes_per_s,
                                               rank.resources.sms / partition.partition.sms);
  const MpsConstants& mps = partition.profile->mps;
  work.interference = partition.capped ? predict_interference(mps.capped, character)
                                       : predict_interference(mps.uncapped, character);
  work.interference.pressure *= fleet.service_of(server).pressure_factor;
  work.interference.held *= fleet.service_of(server).pressure_factor;
  work.collective_s = time.collective_s;
  if (!partition.capped) work.collective_wait_s = demand.collectives * character.mean_kernel_s;
}

}  // namespace

void Fleet::add_jobs(int index, int jobs) {
  Server& server = servers[static_cast<std::size_t>(index)];
  server.in_system += jobs;
  move(index, server.state);
}

void Fleet::move(int index, ServerState to) {
  Server& server = servers[static_cast<std::size_t>(index)];
  server.state = to;
  service_of(server).outstanding.set(static_cast<std::size_t>(server.replica),
                                     server.accepts() ? server.in_system : LeastOf::kAbsent);
}

FleetBuilder::FleetBuilder(Fleet& fleet, const Workload& workload, const Luck& luck,
                           const CalibrationSpread& spread)
    : fleet_(&fleet),
      workload_(&workload),
      luck_(luck),
      switching_factor_(luck.factor("switching", spread.switching)) {
  for (std::size_t s = fleet.services.size(); s < workload.services.size(); ++s) {
    ServiceState& service = fleet.services.emplace_back();
    const std::string& name = workload.services[s].name;
    service.step_time_factor = luck.factor("step_time/" + name, spread.step_time);
    service.pressure_factor = luck.factor("pressure/" + name, spread.pressure);
    service.host_factor = luck.factor("host/" + name, spread.host);
    if (workload.services[s].routing == Routing::shared_queue)
      service.shared_queue = std::make_shared<JobQueue>(workload.services[s].engine.queue_limit);
  }
}

int FleetBuilder::add_node(const Node& node) {
  fleet_->nodes.push_back({HostCores(node.host_cores), node.pool});
  return static_cast<int>(fleet_->nodes.size()) - 1;
}

std::uint32_t FleetBuilder::add_gpu(const GpuPlacement& gpu, const InterconnectConstants& reach) {
  fleet_->gpus.push_back(
      {gpu.cut, gpu.cut->profile.get(), reach, gpu.node, RateExecutor(RateLaw::equal_share, {}, 0)});
  return static_cast<std::uint32_t>(fleet_->gpus.size() - 1);
}

std::uint32_t FleetBuilder::add_partition(std::uint32_t gpu, const Partition& partition,
                                          const Sharing& sharing) {
  GpuState& whole = fleet_->gpus[gpu];
  const auto index = static_cast<std::uint32_t>(fleet_->partitions.size());
  std::string name = "gpu" + std::to_string(gpu) + "/" + partition.name;
  const auto lives =
      std::count_if(fleet_->partitions.begin(), fleet_->partitions.end(), [&](const PartitionState& other) {
        return other.gpu == gpu && other.partition.name == partition.name;
      });
  if (lives > 0) name += " (" + std::to_string(lives + 1) + ")";
  fleet_->partitions.push_back({std::move(name), whole.profile, partition, sharing, gpu,
                                make_executor(*whole.profile, partition, sharing, switching_factor_)});
  whole.partitions.push_back(index);
  return index;
}

Rank FleetBuilder::join(std::uint32_t index, const ProcessPlacement& process, const MemoryNeed& need) {
  PartitionState& partition = fleet_->partitions[index];
  Rank rank;
  rank.process = process;
  const bool limited = traits_of(partition.sharing.mode).has_limits;
  const double percentage = limited ? process.active_thread_percentage : 100;
  partition.capped = partition.capped || percentage < 100;
  const int sms = mps_sms(*partition.profile, partition.partition.sms, percentage);
  rank.partition = static_cast<int>(index);
  rank.client = add_process(partition.executor, sms, process.share);
  rank.gpu_client = fleet_->gpus[partition.gpu].link.add_process(0);
  rank.resources = resources_of(*partition.profile, partition.partition, sms);
  rank.memory_bytes = need.total;
  return rank;
}

int FleetBuilder::add_server(std::uint32_t partition, const ProcessPlacement& process,
                             const MemoryNeed& need) {
  const auto number = static_cast<std::size_t>(process.service);
  ServiceState& service = fleet_->services[number];
  const GpuState& gpu = fleet_->gpus[fleet_->partitions[partition].gpu];
  const Rank first = join(partition, process, need);
  const auto index = static_cast<int>(fleet_->servers.size());
  fleet_->servers.emplace_back(process.service, static_cast<int>(service.servers.size()), first,
                               engine_for(workload_->services[number], need, gpu, service));
  fleet_->servers.back().steps_side_by_side = steps_side_by_side(workload_->services[number].engine);
  fleet_->servers.back().node = static_cast<std::uint32_t>(gpu.node);
  if (auto* engine = std::get_if<ContinuousEngine>(&fleet_->servers.back().engine))
    engine->draw_from(luck_.stream("speculation/" + workload_->services[number].name));
  service.servers.push_back(index);
  service.present.push_back(index);
  fleet_->move(index, ServerState::up);
  fleet_->partitions[partition].servers.push_back(index);
  return index;
}

void FleetBuilder::add_rank(int server, std::uint32_t partition, const ProcessPlacement& process,
                            const MemoryNeed& need) {
  Server& whole = fleet_->servers[static_cast<std::size_t>(server)];
  std::get<ContinuousEngine>(whole.engine).limit_blocks(need.kv_blocks);
  whole.others.push_back(join(partition, process, need));
  fleet_->partitions[partition].servers.push_back(server);
}

void FleetBuilder::leave(int server, const Rank& rank) {
  PartitionState& partition = fleet_->partition_of(rank);
  std::erase(partition.servers, server);
  std::visit([&](auto& executor) { executor.remove_process(rank.client); }, partition.executor);
  fleet_->gpus[partition.gpu].link.remove_process(rank.gpu_client);
  partition.capped =
      partition.capped && std::any_of(partition.servers.begin(), partition.servers.end(), [&](int other) {
        return fleet_->servers[static_cast<std::size_t>(other)]
                   .rank_on(rank.partition)
                   .process.active_thread_percentage < 100;
      });
}

void FleetBuilder::remove_server(int index) {
  const Server& server = fleet_->servers[static_cast<std::size_t>(index)];
  leave(index, server);
  for (const Rank& rank : server.others) leave(index, rank);
  fleet_->move(index, ServerState::gone);
  std::erase(fleet_->service_of(server).present, index);
}

void FleetBuilder::remove_partition(std::uint32_t index) {
  PartitionState& partition = fleet_->partitions[index];
  partition.gone = true;
  std::erase(fleet_->gpus[partition.gpu].partitions, index);
}

GpuPlacement placement_of(const Fleet& fleet, std::uint32_t index) {
  const GpuState& gpu = fleet.gpus[index];
  GpuPlacement placement = empty_gpu(gpu.cut, gpu.node);
  for (std::size_t i = 0; i < placement.parts().size(); ++i) {
    const Partition& part = placement.parts()[i];
    PartitionPlacement& there = placement.partitions[i];
    for (const std::uint32_t p : gpu.partitions) {
      const PartitionState& state = fleet.partitions[p];
      if (state.partition.name != part.name) continue;
      there.sharing = state.sharing;
      for (const int server : state.servers)
        there.processes.push_back(
            fleet.servers[static_cast<std::size_t>(server)].rank_on(static_cast<int>(p)).process);
    }
  }
  return placement;
}

Fleet build_fleet(const Workload& workload, const Placement& placement, const Luck& luck,
                  const CalibrationSpread& spread) {
  check_memory(workload, placement);
  Fleet fleet;
  FleetBuilder builder(fleet, workload, luck, spread);
  const auto places = scenario::replicas_of(workload.services, placement, {});
  const scenario::ReplicaRank* place = places.data();
  for (const Node& node : placement.nodes) static_cast<void>(builder.add_node(node));
  for (const GpuPlacement& gpu : placement.gpus) {
    const std::vector<Partition>& parts = gpu.parts();
    const auto needs = memory_needs(workload.services, gpu);
    const std::uint32_t number = builder.add_gpu(gpu, link_of(placement, gpu));
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const PartitionPlacement& part = gpu.partitions[p];
      if (part.processes.empty()) continue;
      const std::uint32_t partition = builder.add_partition(number, parts[p], part.sharing);
      for (std::size_t i = 0; i < part.processes.size(); ++i) {
        const auto [replica, rank] = *place++;
        const auto service = static_cast<std::size_t>(part.processes[i].service);
        if (rank == 0) {
          builder.add_server(partition, part.processes[i], needs[p][i]);
        } else {
          const int whole = fleet.services[service].servers[static_cast<std::size_t>(replica)];
          builder.add_rank(whole, partition, part.processes[i], needs[p][i]);
        }
      }
    }
  }
  return fleet;
}

StepTime step_time_on(const Fleet& fleet, const Server& server, const Rank& rank, const Demand& demand) {
  const PartitionState& partition = fleet.partition_of(rank);
  return calibrated(step_time(demand, *partition.profile, resources_on(partition, rank)),
                    fleet.service_of(server));
}

StepTime own_step_time(const Fleet& fleet, Server& server, const Step& step) {
  const PartitionState& partition = fleet.partition_of(server);
  const Resources resources = resources_on(partition, server);
  if (!step.goes_on || !server.timer.is_on(resources))
    server.timer = StepTimer(step.demand, *partition.profile, resources);
  return own_step_time(fleet, std::as_const(server), last_bytes(step.demand));
}

StepTime own_step_time(const Fleet& fleet, const Server& server, double last_bytes) {
  return calibrated(server.timer.time(last_bytes), fleet.service_of(server));
}

Work work_of(const Fleet& fleet, StepId step, const Server& server, const Rank& rank, const StepTime& time,
             const Demand& demand) {
  const PartitionState& partition = fleet.partition_of(rank);
  Work work;
  work.step = step;
  work.process = rank.client;
  work.gpu_s = time.gpu_s;
  work.memory_s = time.memory_s;
  work.bytes_per_s = time.bytes / time.gpu_s;
  work.segments = demand.segments;
  work.one_launch = demand.one_launch || demand.kernels <= 1;
  work.compute_s = time.compute_s + time.floor_s;
  work.power_w = step_power_w(*partition.profile, time, rank.resources.sms);
  if (partition.capped) work.filled_s = time.compute_s + time.filled_s;
  if (traits_of(partition.sharing.mode).contends || server.steps_side_by_side)
    contends(work, fleet, server, rank, time, demand);
  return work;
}

KnownWhere where_of(const Fleet& fleet, const Server& server) {
  const PartitionState& partition = fleet.partition_of(server);
  return {resources_on(partition, server), partition.capped};
}

KnownStep know(const Fleet& fleet, const Server& server, const Demand& demand) {
  const StepTime time = step_time_on(fleet, server, server, demand);
  return {time, lengths_of(time, demand), work_of(fleet, 0, server, server, time, demand)};
}

}  // namespace gpushare
