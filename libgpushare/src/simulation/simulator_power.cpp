#include <algorithm>
#include <cmath>

#include "models/model_kind.hpp"
#include "sharing/power.hpp"
#include "simulation/simulator.hpp"

// The power that the partitions of a GPU share: where it can lower the clock, and how far it does.

namespace gpushare {
namespace {

// A step's draw is the mean over its groups. One of them computes for a share x of its time and moves bytes for a share
// y, with x^2 + y^2 <= 1 for a smooth maximum and x + y <= 1 for a sum.
double largest_draw_w(const Service& service, const GpuProfile& gpu, const Resources& resources) {
  const double compute = gpu.power.compute_w * resources.sms / gpu.sms;
  const double bandwidth =
      gpu.power.bandwidth_w * resources.bandwidth_bytes_per_s / gpu.bandwidth_bytes_per_s;
  double most = 0;
  for (const Network& network : networks_of(*service.model, service.precision, service.engine))
    for (const Peaks& peaks : peaks_of(*network.model, network.precision, gpu))
      most = std::max(most, std::hypot(compute * peaks.flop, bandwidth * peaks.bandwidth));
  return most;
}

}  // namespace

// Of all processes of a partition together: under MPS they run side by side, otherwise by turns.
double Simulator::largest_draw_w(const PartitionState& partition, std::uint32_t where) const {
  double most = 0, sum = 0;
  for (const int index : partition.servers) {
    const Server& server = fleet_.servers[static_cast<std::size_t>(index)];
    const auto service = static_cast<std::size_t>(server.service);
    const double draw = gpushare::largest_draw_w(scenario_.workload.services[service], *partition.profile,
                                                 server.resources_on(static_cast<int>(where))) /
                        fleet_.services[service].step_time_factor;
    most = std::max(most, draw);
    sum += draw;
  }
  return partition.sharing.mode == SharingMode::mps ? sum : most;
}

// Partitions whose steps cannot reach the limit together do not feel each other.
void Simulator::bound_draws() {
  constexpr double kRounding = 1e-9;
  for (GpuState& gpu : fleet_.gpus) {
    if (!gpu.can_throttle) continue;
    double most = 0;
    for (const std::uint32_t index : gpu.partitions) most += largest_draw_w(fleet_.partitions[index], index);
    const PowerConstants& power = gpu.profile->power;
    gpu.can_throttle = most > (power.limit_w - power.idle_w) * (1 - kRounding);
  }
}

void Simulator::govern_clock(Time now, GpuState& gpu) {
  if (!gpu.can_throttle) return;
  double draw_w = 0;
  for (const std::uint32_t index : gpu.partitions)
    draw_w +=
        std::visit([](const auto& executor) { return executor.draw_w(); }, fleet_.partitions[index].executor);
  const double clock = clock_share(gpu.profile->power, draw_w);
  if (clock == gpu.clock) return;
  gpu.clock = clock;
  for (const std::uint32_t index : gpu.partitions) {
    PartitionState& partition = fleet_.partitions[index];
    queue_.set(partition.slot, std::visit(
                                   [now, clock](auto& executor) {
                                     executor.set_clock(now, clock);
                                     return executor.next_event();
                                   },
                                   partition.executor));
  }
}

}  // namespace gpushare
