#include "simulation/faults.hpp"

#include <algorithm>

#include "sharing/sharing_modes.hpp"

namespace gpushare {

int Faults::culprit_of(const Fault& fault) const {
  const ServiceState& service = fleet_.services[static_cast<std::size_t>(fault.service)];
  return service.servers[static_cast<std::size_t>(fault.replica)];
}

double Faults::time_of(const Fault& fault) const {
  if (fault.leak_bytes_per_s <= 0) return fault.at_s;
  // Memory runs out when the leak has filled what its neighbours leave.
  const Server& server = fleet_.servers[static_cast<std::size_t>(culprit_of(fault))];
  const PartitionState& partition = fleet_.partition_of(server);
  double room = partition.partition.memory_bytes;
  for (const int neighbour : partition.servers)
    room -= fleet_.servers[static_cast<std::size_t>(neighbour)].rank_on(server.partition).memory_bytes;
  return fault.at_s + std::max(0.0, room) / fault.leak_bytes_per_s;
}

void Faults::start(double end_s, MergedIterations& merged) {
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    const double at_s = time_of(faults_[i]);
    const Kernel::Slot slot = add_slot(kernel_, kFleetEvent, Part::fault, i);
    merged.add_boundary(slot);
    if (at_s <= end_s) kernel_.set(slot, Time{} + duration_from_seconds(at_s));
  }
}

void Faults::on_fault(Time now, std::uint32_t index) {
  const Fault& fault = faults_[index];
  const int culprit = culprit_of(fault);
  const Server& server = fleet_.servers[static_cast<std::size_t>(culprit)];
  if (server.state == Server::State::gone) return;
  const PartitionState& partition = fleet_.partition_of(server);
  // MIG: the instance only. MPS: every client. Time-slicing: all processes by the vendor's wording, or the one.
  const bool alone = traits_of(partition.sharing.mode).contains_faults && fault.contained;
  for (const int victim : partition.servers) {
    if (victim != culprit && alone) continue;
    servers_.kill(now, static_cast<std::uint32_t>(victim));
    servers_.restart_at(now + duration_from_seconds(fault.restart_s), static_cast<std::uint32_t>(victim));
  }
}

}  // namespace gpushare
