#include "simulation/faults.hpp"

#include <algorithm>

namespace gpushare {

Faults::Faults(Kernel& kernel, Fleet& fleet, Servers& servers, MergedIterations& merged, const Luck& luck,
               const Scenario& scenario)
    : kernel_(kernel),
      fleet_(fleet),
      servers_(servers),
      merged_(merged),
      luck_(luck),
      scenario_(scenario),
      end_(Time{} + duration_from_seconds(scenario.workload.duration_s)),
      targets_of_(scenario.faults.size()) {}

// ---- What there is to fail

// The same under every placement; a second fault of the same things has luck of its own.
std::string Faults::name_of(std::size_t index) const {
  const auto name = [this](const Fault& fault) {
    if (fault.target == FaultTarget::gpu) return std::string("gpu");
    if (fault.target == FaultTarget::node) return std::string("node");
    const Service& service = scenario_.workload.services[static_cast<std::size_t>(fault.service)];
    return "service/" + service.name + "/" + std::string(to_string(fault.kind));
  };
  const std::string own = name(scenario_.faults[index]);
  const auto before =
      std::count_if(scenario_.faults.begin(), scenario_.faults.begin() + static_cast<std::ptrdiff_t>(index),
                    [&](const Fault& fault) { return name(fault) == own; });
  return before == 0 ? own : own + "/" + std::to_string(before);
}

int Faults::count_of(const Fault& fault) const {
  switch (fault.target) {
    case FaultTarget::process:
      return static_cast<int>(fleet_.services[static_cast<std::size_t>(fault.service)].servers.size());
    case FaultTarget::gpu:
      return static_cast<int>(fleet_.gpus.size());
    case FaultTarget::node:
      return static_cast<int>(fleet_.nodes.size());
  }
  return 0;
}

// Those that the fleet has and were not there at the last call.
void Faults::add_targets(std::size_t index) {
  const Fault& fault = scenario_.faults[index];
  const bool each = fault.number == Fault::kEach;
  const int count = each ? count_of(fault) : 1;
  if (targets_of_[index] == count) return;
  const std::string name = name_of(index);
  for (int& i = targets_of_[index]; i < count; ++i) {
    const int number = each ? i : fault.number;
    const auto of = static_cast<std::uint64_t>(number);
    const Kernel::Slot timer = add_slot(kernel_, kFleetEvent, Part::fault, targets_.size());
    merged_.add_boundary(timer);
    targets_.push_back({&fault, number, luck_.stream("uptimes/" + name).at(of),
                        luck_.stream("repairs/" + name).at(of), luck_.stream("restarts/" + name).at(of),
                        timer});
    if (fault.mtbf_s > 0) draw(targets_.back());
  }
}

bool Faults::is_on(const Server& server, std::uint32_t gpu) const {
  return fleet_.gpu_of(server) == gpu ||
         std::any_of(server.others.begin(), server.others.end(),
                     [&](const Rank& rank) { return fleet_.gpu_of(rank) == gpu; });
}

bool Faults::is_of(const Target& target, const Server& server) const {
  switch (target.fault->target) {
    case FaultTarget::process:
      return server.service == target.fault->service && server.replica == target.number;
    case FaultTarget::gpu:
      return is_on(server, static_cast<std::uint32_t>(target.number));
    case FaultTarget::node:
      return static_cast<int>(server.node) == target.number;
  }
  return false;
}

const Server& Faults::culprit_of(const Target& target) const {
  const ServiceState& service = fleet_.services[static_cast<std::size_t>(target.fault->service)];
  return fleet_.servers[static_cast<std::size_t>(service.servers[static_cast<std::size_t>(target.number)])];
}

// ---- When

double Faults::time_of(const Target& target) const {
  const Fault& fault = *target.fault;
  if (fault.leak_bytes_per_s <= 0) return fault.at_s;
  // Memory runs out when the leak has filled what its neighbours leave.
  const Server& server = culprit_of(target);
  const PartitionState& partition = fleet_.partition_of(server);
  double room = partition.partition.memory_bytes;
  for (const int neighbour : partition.servers)
    room -= fleet_.servers[static_cast<std::size_t>(neighbour)].rank_on(server.partition).memory_bytes;
  if (const double limit = server.process.memory_limit_bytes; limit > 0)
    room = std::min(room, limit - server.memory_bytes);
  return fault.at_s + std::max(0.0, room) / fault.leak_bytes_per_s;
}

void Faults::start() {
  bool by_rate = false;
  for (std::size_t i = 0; i < scenario_.faults.size(); ++i) {
    add_targets(i);
    by_rate = by_rate || scenario_.faults[i].mtbf_s > 0;
  }
  if (by_rate) {
    servers_.tell(Servers::Told::to<&Faults::on_server>(*this));
    for (std::uint32_t server = 0; server < fleet_.servers.size(); ++server) on_server({}, server, true);
  }
  for (Target& target : targets_) {
    if (target.fault->mtbf_s > 0) continue;
    const Time at = Time{} + duration_from_seconds(time_of(target));
    if (at == Time{}) {
      strike(at, target);
    } else if (at <= end_) {
      kernel_.set(target.timer, at);
    }
  }
}

void Faults::draw(Target& target) const {
  target.left = duration_from_seconds(target.fault->mtbf_s * target.uptimes.exponential());
}

void Faults::join(std::uint32_t index) {
  for (std::size_t i = 0; i < scenario_.faults.size(); ++i) add_targets(i);
  const Server& server = fleet_.servers[index];
  clocks_.resize(index + 1);
  for (std::uint32_t t = 0; t < targets_.size(); ++t)
    if (targets_[t].fault->mtbf_s > 0 && is_of(targets_[t], server)) clocks_[index].push_back(t);
  // A clock starts while others compute ahead of the events, unless that is the end of what they may.
  merged_.add_boundary(server.restart_slot);
}

void Faults::on_server(Time now, std::uint32_t index, bool runs) {
  if (index >= clocks_.size()) join(index);
  for (const std::uint32_t t : clocks_[index]) {
    Target& target = targets_[t];
    if (runs && target.running++ == 0) {
      target.due = now + target.left;
      if (target.due <= end_) kernel_.set(target.timer, target.due);
    } else if (!runs && --target.running == 0) {
      target.left = target.due - now;
      kernel_.cancel(target.timer);
    }
  }
}

void Faults::on_fault(Time now, std::uint32_t index) {
  Target& target = targets_[index];
  if (target.fault->mtbf_s >
      0) {  // its next one, should this one leave it running; otherwise its clock stops
    draw(target);
    target.due = now + target.left;
    if (target.due <= end_) kernel_.set(target.timer, target.due);
  }
  strike(now, target);
}

// ---- Whom it takes along, and until when

void Faults::strike(Time now, Target& target) {
  const Indices stopped = stopped_by(target);
  const Indices victims = victims_of(target, stopped);
  if (stopped.empty() && victims.empty()) return;  // a process that is not there
  ++happened_;
  if (!stopped.empty()) {
    const Time repaired = now + duration_from_seconds(target.fault->repair_s.sample(target.repairs));
    for (const std::uint32_t gpu : stopped)
      fleet_.gpus[gpu].repaired = std::max(fleet_.gpus[gpu].repaired, repaired);
  }
  take_down(now, target, victims);
}

// GPUs on which nothing runs before they are repaired.
std::vector<std::uint32_t> Faults::stopped_by(const Target& target) const {
  Indices gpus;
  switch (target.fault->target) {
    case FaultTarget::process:
      if (const Server& culprit = culprit_of(target);
          target.fault->kind == FaultKind::device && culprit.state != Server::State::gone)
        gpus.push_back(fleet_.gpu_of(culprit));
      break;
    case FaultTarget::gpu:
      gpus.push_back(static_cast<std::uint32_t>(target.number));
      break;
    case FaultTarget::node:
      for (std::uint32_t gpu = 0; gpu < fleet_.gpus.size(); ++gpu)
        if (fleet_.gpus[gpu].node == target.number) gpus.push_back(gpu);
      break;
  }
  return gpus;
}

// Servers, in their order.
std::vector<std::uint32_t> Faults::victims_of(const Target& target, const Indices& stopped) const {
  const auto all_on = [this](const Indices& gpus) {
    Indices found;
    for (std::uint32_t index = 0; index < fleet_.servers.size(); ++index) {
      const Server& server = fleet_.servers[index];
      if (server.state != Server::State::gone &&
          std::any_of(gpus.begin(), gpus.end(), [&](std::uint32_t gpu) { return is_on(server, gpu); }))
        found.push_back(index);
    }
    return found;
  };
  const Fault& fault = *target.fault;
  if (fault.target != FaultTarget::process) return all_on(stopped);
  const Server& culprit = culprit_of(target);
  if (!fault.stops_hardware() && !culprit.runs()) return {};
  const PartitionState& partition = fleet_.partition_of(culprit);
  const bool shared =
      fault.shared_fault_domain.value_or(shares_fault_domain(fault.kind, partition.sharing.mode));
  if (!shared) return {static_cast<std::uint32_t>(&culprit - fleet_.servers.data())};
  if (fault.stops_hardware()) return all_on(stopped);
  Indices found(partition.servers.begin(), partition.servers.end());
  std::sort(found.begin(), found.end());
  return found;
}

// When the next process begins to come back to each GPU: at once, when it is repaired; in turn, when in addition those
// are back that are down and no victims.
std::vector<Time> Faults::free_from(Time now, const Indices& victims, RestartOrder order) const {
  std::vector<Time> free;
  for (const GpuState& gpu : fleet_.gpus) free.push_back(std::max(now, gpu.repaired));
  if (order == RestartOrder::together) return free;
  for (std::uint32_t index = 0; index < fleet_.servers.size(); ++index) {
    const Server& server = fleet_.servers[index];
    if (server.state != Server::State::down || std::binary_search(victims.begin(), victims.end(), index))
      continue;
    for_each_gpu(server, [&](std::uint32_t gpu) {
      free[gpu] = std::max(free[gpu], kernel_.time_of(server.restart_slot));
    });
  }
  return free;
}

void Faults::take_down(Time now, Target& target, const Indices& victims) {
  const RestartOrder order = target.fault->restart_order;
  std::vector<Time> free = free_from(now, victims, order);
  for (const std::uint32_t index : victims) {
    const Server& server = fleet_.servers[index];
    Time from = now;
    for_each_gpu(server, [&](std::uint32_t gpu) { from = std::max(from, free[gpu]); });
    const Time back = from + duration_from_seconds(target.fault->restart_s.sample(target.restarts));
    servers_.kill(now, index);
    servers_.restart_at(back, index);
    if (order == RestartOrder::in_turn) for_each_gpu(server, [&](std::uint32_t gpu) { free[gpu] = back; });
  }
}

}  // namespace gpushare
