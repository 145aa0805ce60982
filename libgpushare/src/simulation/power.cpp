#include "simulation/power.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/model_kind.hpp"
#include "sharing/power.hpp"
#include "sharing/sharing_modes.hpp"
#include "simulation/kernel.hpp"

namespace gpushare {
namespace {

// A step's draw is the mean over its groups. One of them computes for a share x of its time and moves bytes for a share
// y, with x^2 + y^2 <= 1 for a smooth maximum and x + y <= 1 for a sum.
double largest_draw_w(const Service& service, const GpuProfile& gpu, const Resources& resources) {
  const double active = gpu.power.active_w * active_share(gpu, resources.sms);
  const double compute = gpu.power.compute_w * resources.sms / gpu.sms;
  const double bandwidth =
      gpu.power.bandwidth_w * resources.bandwidth_bytes_per_s / gpu.bandwidth_bytes_per_s;
  double most = 0;
  for (const Network& network : networks_of(*service.model, service.precision, service.engine))
    for (const Peaks& peaks : peaks_of(*network.model, network.precision, gpu))
      most = std::max(most, std::hypot(active + compute * peaks.flop, bandwidth * peaks.bandwidth));
  return most;
}

// Side by side, in one partition or in several; a process alone, or one at a time, cannot draw more than the limit.
bool run_together(const Fleet& fleet, const GpuState& gpu) {
  std::size_t processes = 0, used = 0;
  bool side_by_side = false;
  for (const std::uint32_t index : gpu.partitions) {
    const PartitionState& partition = fleet.partitions[index];
    processes += partition.servers.size();
    used += !partition.servers.empty();
    side_by_side = side_by_side || traits_of(partition.sharing.mode).side_by_side;
  }
  return processes > 1 && (used > 1 || side_by_side);
}

}  // namespace

// Of all processes of a partition together: they run side by side, or by turns.
double Power::largest_draw_w(std::uint32_t index) const {
  const PartitionState& partition = fleet_.partitions[index];
  double most = 0, sum = 0;
  for (const int server_index : partition.servers) {
    const Server& server = fleet_.servers[static_cast<std::size_t>(server_index)];
    const auto service = static_cast<std::size_t>(server.service);
    const Resources& resources = server.rank_on(static_cast<int>(index)).resources;
    const double draw = gpushare::largest_draw_w(workload_.services[service], *partition.profile, resources) /
                        fleet_.services[service].step_time_factor;
    most = std::max(most, draw);
    sum += draw;
  }
  return traits_of(partition.sharing.mode).side_by_side ? sum : most;
}

bool Power::can_reach_limit(const GpuState& gpu) const {
  constexpr double kRounding = 1e-9;
  if (gpu.profile->power.averaging_s == 0 && !run_together(fleet_, gpu)) return false;
  double most = 0;
  for (const std::uint32_t partition : gpu.partitions) most += largest_draw_w(partition);
  return most > gpu.profile->power.left_w() * (1 - kRounding);
}

void Power::bound(Time now, std::uint32_t index) {
  GpuState& gpu = fleet_.gpus[index];
  gpu.can_throttle = can_reach_limit(gpu);
  if (gpu.can_throttle) return;
  set_clock(now, gpu, 1);  // whoever drew so much has left
  if (gpu.profile->power.averaging_s == 0) return;
  gpu.draw = {};
  kernel_.set(gpu.clock_slot, kNever);
}

void Power::govern(Time now, std::uint32_t index) {
  GpuState& gpu = fleet_.gpus[index];
  if (!gpu.can_throttle) return;
  const PowerConstants& power = gpu.profile->power;
  const bool averaged = power.averaging_s > 0;
  double draw_w = 0;
  for (const std::uint32_t partition : gpu.partitions)
    draw_w += std::visit([averaged](const auto& executor) { return executor.draw_w(averaged); },
                         fleet_.partitions[partition].executor);
  if (!averaged) return set_clock(now, gpu, clock_share(power, draw_w));
  if (draw_w == gpu.draw.draw_w()) return;
  gpu.draw.set(now, draw_w, power.averaging_s);
  follow(now, index);
}

// Until the mean has come up to the draw it is looked at again and again.
void Power::follow(Time now, std::uint32_t index) {
  constexpr double kLooks = 8;      // in one time constant
  constexpr double kSteps = 128;    // of the clock: 15 MHz each at 1,980 MHz
  constexpr double kClose = 0.005;  // of what the limit leaves
  GpuState& gpu = fleet_.gpus[index];
  const PowerConstants& power = gpu.profile->power;
  const double draw = gpu.draw.draw_w(), mean = gpu.draw.mean_w(now, power.averaging_s),
               left = power.left_w();
  set_clock(now, gpu, std::round(clock_share(power, mean) * kSteps) / kSteps);
  const bool moves = std::max(draw, mean) > left && std::abs(draw - mean) > kClose * left;
  kernel_.set(gpu.clock_slot, moves ? now + duration_from_seconds(power.averaging_s / kLooks) : kNever);
}

void Power::change_clock(Time now, GpuState& gpu, double clock) {
  gpu.clock = clock;
  const double share = draw_share(gpu.profile->power, clock);
  for (const std::uint32_t index : gpu.partitions) {
    PartitionState& partition = fleet_.partitions[index];
    kernel_.set(partition.slot, std::visit(
                                    [now, clock, share](auto& executor) {
                                      executor.set_clock(now, clock, share);
                                      return executor.next_event();
                                    },
                                    partition.executor));
  }
}

}  // namespace gpushare
