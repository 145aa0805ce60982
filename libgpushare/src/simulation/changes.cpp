#include "simulation/changes.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/fits.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace {

// What a newcomer takes beside those who are there, who keep what they took.
MemoryNeed need_of_newcomer(const Fleet& fleet, const Workload& workload, const control::Seat& seat) {
  Placement wanted;
  wanted.gpus = {placement_of(fleet, seat.gpu)};
  GpuPlacement& gpu = wanted.gpus[0];
  gpu.node = 0;
  const std::size_t p = index_of(gpu.parts(), seat.partition);
  const Partition& part = gpu.parts()[p];
  gpu.partitions[p].processes.push_back(seat.process);
  const std::string where = text::format("gpu{}/{}", seat.gpu, seat.partition);
  if (const Fit fit = fits(workload, wanted); !fit.ok())
    throw MemoryError(where, explain(fit.misfits.front(), workload, wanted));
  const MemoryNeed need = memory_needs(workload.services, gpu)[p].back();
  double taken = 0;
  for (const std::uint32_t i : fleet.gpus[seat.gpu].partitions)
    if (fleet.partitions[i].partition.memory_domain == part.memory_domain)
      for (const int server : fleet.partitions[i].servers)
        taken += fleet.servers[static_cast<std::size_t>(server)].rank_on(static_cast<int>(i)).memory_bytes;
  if (taken + need.total > part.memory_bytes)
    throw MemoryError(where,
                      text::format("a new process needs {:.1f} GB, but those that run there left {:.1f} GB",
                                   need.total / 1e9, (part.memory_bytes - taken) / 1e9));
  return need;
}

}  // namespace

void Changes::start(std::vector<control::TimedAction> actions) {
  actions_ = std::move(actions);
  for (std::size_t i = 0; i < actions_.size(); ++i) {
    const Kernel::Slot slot = add_slot(parts_.kernel, kFleetEvent, Part::change, i);
    parts_.merged.add_boundary(slot);
    parts_.kernel.set(slot, Time{} + duration_from_seconds(actions_[i].at_s));
  }
}

void Changes::on_change(Time now, std::uint32_t index) { put(now, actions_[index].action); }

void Changes::put(Time now, const control::Action& action) {
  std::visit([&](const auto& one) { apply(now, one); }, action);
  parts_.merged.refresh();
}

void Changes::check_service(int service) const {
  if (service < 0 || static_cast<std::size_t>(service) >= parts_.fleet.services.size())
    throw SimulationError("", text::format("there is no service {}", service));
}

void Changes::check_ranks(const std::vector<control::Seat>& ranks) const {
  if (ranks.empty()) throw SimulationError("", "a replica that starts needs a seat");
  for (const control::Seat& seat : ranks) check_service(seat.process.service);
  const Service& service =
      parts_.builder.workload().services[static_cast<std::size_t>(ranks[0].process.service)];
  if (static_cast<int>(ranks.size()) != service.tensor_parallel)
    throw SimulationError(
        "", text::format("a replica of {} has {} rank{}; found seats for {}", service.name,
                         service.tensor_parallel, service.tensor_parallel == 1 ? "" : "s", ranks.size()));
}

std::uint32_t Changes::server_of(int service, int replica) const {
  check_service(service);
  const auto& servers = parts_.fleet.services[static_cast<std::size_t>(service)].servers;
  const auto number = static_cast<std::size_t>(replica);
  if (number < servers.size()) {
    const auto index = static_cast<std::uint32_t>(servers[number]);
    if (parts_.fleet.servers[index].state != Server::State::gone) return index;
  }
  throw SimulationError("", text::format("service {} has no replica {} to drain or stop", service, replica));
}

std::uint32_t Changes::take_partition(Time now, const control::Seat& seat,
                                      const std::optional<Sharing>& sharing) {
  Fleet& fleet = parts_.fleet;
  const std::string where = text::format("gpu{}/{}", seat.gpu, seat.partition);
  if (seat.gpu >= fleet.gpus.size()) throw LayoutError(where, "there is no such GPU");
  const std::vector<std::uint32_t> present = fleet.gpus[seat.gpu].partitions;
  for (const std::uint32_t index : present) {
    PartitionState& partition = fleet.partitions[index];
    if (partition.partition.name != seat.partition) continue;
    if (!sharing || *sharing == partition.sharing) {
      if (traits_of(partition.sharing.mode).one_process && !partition.servers.empty())
        throw LayoutError(where, "is exclusive and has a process; drain it first");
      return index;
    }
    if (!partition.servers.empty())
      throw LayoutError(where, "cannot be shared in another way while processes run there; drain them first");
    drop_partition(now, index);
  }
  const std::vector<Partition>& parts = fleet.gpus[seat.gpu].cut->partitions;
  const std::size_t p = index_of(parts, seat.partition);
  if (p == parts.size()) throw LayoutError(where, "the GPU's layout has no such partition");
  const std::uint32_t index = parts_.builder.add_partition(seat.gpu, parts[p], sharing.value_or(Sharing{}));
  parts_.gpus.add_partition(index);
  if (parts_.log != nullptr) parts_.log->partition_joined(index);
  parts_.meters.partition_joined(now, index);
  parts_.meters.gpu_on(now, seat.gpu);
  return index;
}

void Changes::start_server(Time now, const std::vector<std::uint32_t>& partitions,
                           const std::vector<ProcessPlacement>& processes,
                           const std::vector<MemoryNeed>& needs) {
  const int index = parts_.builder.add_server(partitions[0], processes[0], needs[0]);
  for (std::size_t r = 1; r < partitions.size(); ++r)
    parts_.builder.add_rank(index, partitions[r], processes[r], needs[r]);
  parts_.servers.add(now, static_cast<std::uint32_t>(index));
  parts_.meters.server_joined(now, parts_.fleet.servers[static_cast<std::size_t>(index)]);
  for (const std::uint32_t partition : partitions)
    parts_.gpus.processes_changed(now, parts_.fleet.partitions[partition].gpu);
  Time repaired{};
  for (const std::uint32_t partition : partitions)
    repaired = std::max(repaired, parts_.fleet.gpus[parts_.fleet.partitions[partition].gpu].repaired);
  if (repaired > now) {
    parts_.servers.move(now, static_cast<std::uint32_t>(index), Server::State::down);
    parts_.servers.restart_at(repaired, static_cast<std::uint32_t>(index));
  }
  parts_.kernel.mark(static_cast<std::size_t>(index));  // jobs may wait in a shared queue
}

void Changes::apply(Time now, const control::StartServer& action) {
  std::vector<std::uint32_t> partitions;
  std::vector<ProcessPlacement> processes;
  std::vector<MemoryNeed> needs;
  check_ranks(action.ranks);
  for (const control::Seat& seat : action.ranks) {
    partitions.push_back(take_partition(now, seat, action.sharing));
    processes.push_back(seat.process);
    needs.push_back(need_of_newcomer(parts_.fleet, parts_.builder.workload(), seat));
  }
  start_server(now, partitions, processes, needs);
}

void Changes::apply(Time now, const control::DrainServer& action) {
  const std::uint32_t index = server_of(action.service, action.replica);
  Server& server = parts_.fleet.servers[index];
  if (server.state == Server::State::down) return remove(now, index);
  if (server.state == Server::State::up) draining_.push_back(index);
  parts_.servers.move(now, index, Server::State::draining);
}

void Changes::apply(Time now, const control::StopServer& action) {
  const std::uint32_t index = server_of(action.service, action.replica);
  Outbox& told = parts_.kernel.outbox();
  const std::size_t before = told.size();
  parts_.servers.kill(now, index);
  for (std::size_t i = before; action.moves_requests && i < told.size(); ++i)
    if (told[i].signal == Signal::failed) told[i].signal = Signal::moved;
  std::erase(draining_, index);
  remove(now, index);
}

void Changes::apply(Time now, const control::Recut& action) {
  Fleet& fleet = parts_.fleet;
  if (action.gpu >= fleet.gpus.size())
    throw LayoutError(text::format("gpu{}", action.gpu), "there is no such GPU");
  GpuState& gpu = fleet.gpus[action.gpu];
  const auto cut = cut_gpu(gpu.cut->profile, action.layout);
  const std::vector<std::uint32_t> present = gpu.partitions;
  for (const std::uint32_t index : present) {
    const PartitionState& partition = fleet.partitions[index];
    if (index_of(cut->partitions, partition.partition.name) < cut->partitions.size()) continue;
    if (!partition.servers.empty())
      throw LayoutError(partition.name,
                        "has processes, and the new layout has no such instance; drain them first");
    drop_partition(now, index);
  }
  gpu.cut = cut;
}

void Changes::apply(Time now, const control::StartNode& action) {
  const int node = parts_.builder.add_node(action.node);
  for (GpuPlacement gpu : action.gpus) {
    gpu.node = node;
    const InterconnectConstants& reach = action.node.link ? *action.node.link : gpu.profile().interconnect;
    const std::uint32_t number = parts_.builder.add_gpu(gpu, reach);
    parts_.gpus.add_gpu(number);
    parts_.meters.gpu_on(now, number);
    const std::vector<Partition>& parts = gpu.parts();
    for (std::size_t p = 0; p < parts.size(); ++p)
      for (const ProcessPlacement& process : gpu.partitions[p].processes)
        apply(now, control::StartServer{{{number, parts[p].name, process}}, gpu.partitions[p].sharing});
  }
}

void Changes::apply(Time now, const control::StopNode& action) {
  Fleet& fleet = parts_.fleet;
  if (action.node < 0 || static_cast<std::size_t>(action.node) >= fleet.nodes.size() ||
      fleet.nodes[static_cast<std::size_t>(action.node)].gone)
    throw SimulationError("", text::format("there is no node {} to stop", action.node));
  fleet.nodes[static_cast<std::size_t>(action.node)].gone = true;
  for (std::uint32_t index = 0; index < fleet.servers.size(); ++index) {
    const Server& server = fleet.servers[index];
    if (server.state == Server::State::gone || static_cast<int>(server.node) != action.node) continue;
    apply(now, control::StopServer{server.service, server.replica});
  }
  for (std::uint32_t gpu = 0; gpu < fleet.gpus.size(); ++gpu) {
    if (fleet.gpus[gpu].node != action.node) continue;
    const std::vector<std::uint32_t> present = fleet.gpus[gpu].partitions;
    for (const std::uint32_t partition : present) drop_partition(now, partition);
    parts_.meters.gpu_off(now, gpu);
  }
}

void Changes::drop_partition(Time now, std::uint32_t partition) {
  parts_.meters.partition_left(now, partition);
  parts_.gpus.remove_partition(partition);
  parts_.builder.remove_partition(partition);
}

void Changes::remove(Time now, std::uint32_t index) {
  Fleet& fleet = parts_.fleet;
  Server& server = fleet.servers[index];
  parts_.merged.cut(now, static_cast<int>(index));
  parts_.kernel.cancel(server.wake_slot);
  parts_.kernel.cancel(server.restart_slot);
  parts_.meters.server_left(now, server);
  if (parts_.log != nullptr) parts_.log->server_down(now, index);
  parts_.servers.move(now, index, Server::State::gone);
  parts_.builder.remove_server(static_cast<int>(index));
  parts_.gpus.processes_changed(now, fleet.gpu_of(server));
  for (const Rank& rank : server.others) parts_.gpus.processes_changed(now, fleet.gpu_of(rank));
  left_(index);
  ServiceState& service = fleet.service_of(fleet.servers[index]);
  if (!service.present.empty() || service.shared_queue == nullptr) return;
  while (!service.shared_queue->empty())  // nobody is left to serve what waits
    parts_.kernel.outbox().push_back(
        tell(service.shared_queue->pop(), service.waits_for_replicas ? Signal::moved : Signal::failed));
}

void Changes::release(Time now) {
  const auto done = [&](std::uint32_t index) {
    const Server& server = parts_.fleet.servers[index];
    const ServiceState& service = parts_.fleet.service_of(server);
    // What waits in a shared queue is served by the others, while there are any.
    const bool has_jobs = service.shared_queue == nullptr ? server.in_system > 0
                          : service.present.size() == 1   ? !service.shared_queue->empty()
                                                          : false;
    if (server.state == Server::State::draining && (server.steps_in_hand > 0 || has_jobs)) return false;
    remove(now, index);
    return true;
  };
  const std::size_t before = draining_.size();
  std::erase_if(draining_, done);
  if (draining_.size() < before) parts_.merged.refresh();
}

}  // namespace gpushare
