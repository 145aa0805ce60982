#include "simulation/faults.hpp"

#include <algorithm>

#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace {

bool is_contained(const Fault& fault, const PartitionState& partition) {
  if (fault.contained) return *fault.contained;
  switch (fault.kind) {
    case FaultKind::allocation:
      return true;
    case FaultKind::context:
      return !traits_of(partition.sharing.mode).one_context;
    case FaultKind::device:
      break;
  }
  return false;
}

}  // namespace

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
  if (const double limit = server.process.memory_limit_bytes; limit > 0)
    room = std::min(room, limit - server.memory_bytes);
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
  const bool alone = is_contained(fault, partition);
  for (const int victim : partition.servers) {
    if (victim != culprit && alone) continue;
    servers_.kill(now, static_cast<std::uint32_t>(victim));
    servers_.restart_at(now + duration_from_seconds(fault.restart_s), static_cast<std::uint32_t>(victim));
  }
}

}  // namespace gpushare
