#include <algorithm>

#include "simulation/simulator.hpp"

namespace gpushare {

void Simulator::add_faults() {
  for (std::size_t i = 0; i < scenario_.faults.size(); ++i) {
    const Fault& fault = scenario_.faults[i];
    const auto& service = fleet_.services[static_cast<std::size_t>(fault.service)];
    const Server& server =
        fleet_.servers[static_cast<std::size_t>(service.servers[static_cast<std::size_t>(fault.replica)])];
    double at_s = fault.at_s;
    if (fault.leak_bytes_per_s > 0) {  // memory runs out when the leak has filled what its neighbours leave
      const PartitionState& partition = fleet_.partitions[static_cast<std::size_t>(server.partition)];
      double room = partition.partition.memory_bytes;
      for (const int neighbour : partition.servers)
        room -= fleet_.servers[static_cast<std::size_t>(neighbour)].memory_on(server.partition);
      at_s += std::max(0.0, room) / fault.leak_bytes_per_s;
    }
    fault_slots_.push_back(add_slot(kFaultEvent, Owner::fault, i));
    boundary_slots_.push_back(fault_slots_.back());
    if (at_s <= scenario_.workload.duration_s)
      queue_.set(fault_slots_.back(), Time{} + duration_from_seconds(at_s));
  }
}

void Simulator::on_fault(Time now, std::uint32_t index) {
  const Fault& fault = scenario_.faults[index];
  const auto& service = fleet_.services[static_cast<std::size_t>(fault.service)];
  const int culprit = service.servers[static_cast<std::size_t>(fault.replica)];
  const PartitionState& partition =
      fleet_
          .partitions[static_cast<std::size_t>(fleet_.servers[static_cast<std::size_t>(culprit)].partition)];
  // MIG: the instance only. MPS: every client. Time-slicing: all processes by the vendor's wording, or the one.
  const bool alone = partition.sharing.mode == SharingMode::time_slicing && fault.contained;
  for (const int server : partition.servers)
    if (server == culprit || !alone) kill_server(now, server, fault.restart_s);
}

void Simulator::kill_server(Time now, int index, double restart_s) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  abort_work(now, server.partition, server.client, server.gpu_client);
  for (const Rank& rank : server.others) abort_work(now, rank.partition, rank.client, rank.gpu_client);
  for (std::uint32_t id = 0; id < steps_.size(); ++id) {
    StepState& step = steps_[id];
    if (step.phase == Phase::free || step.server != index) continue;
    if (step.whole != id) {  // a rank's part, which has no timer
      step.phase = Phase::free;
      continue;
    }
    queue_.cancel(step.slot);
    if (step.on_core) {
      release_core(now, step);
    } else {
      hosts_[static_cast<std::size_t>(node_of(server))].forget(id);
    }
    release_step(id);
  }
  if (server.steps_in_hand > 0)
    fleet_.services[static_cast<std::size_t>(server.service)].servers_busy.add(now, -1);
  server.steps_in_hand = 0;
  server.up = false;
  queue_.cancel(server.wake_slot);
  std::visit([&](auto& engine) { engine.fail(outbox_); }, server.engine);
  queue_.set(restart_slots_[static_cast<std::size_t>(index)], now + duration_from_seconds(restart_s));
}

void Simulator::abort_work(Time now, int where, int client, int gpu_client) {
  PartitionState& partition = fleet_.partitions[static_cast<std::size_t>(where)];
  finished_steps_.clear();
  std::visit([&](auto& executor) { executor.abort(now, client, finished_steps_); }, partition.executor);
  touch_partition(static_cast<std::uint32_t>(where));
  fleet_.gpus[partition.gpu].link.abort(now, gpu_client, finished_steps_);
  touch_link(partition.gpu);
}

void Simulator::on_restart(Time, std::uint32_t index) {
  fleet_.servers[index].up = true;
  mark_dirty(static_cast<int>(index));
}

}  // namespace gpushare
