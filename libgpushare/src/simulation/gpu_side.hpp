#pragma once

#include <cstdint>
#include <vector>

#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/power.hpp"

namespace gpushare {

/// What runs on partitions and links: work goes in, and comes out when its time has come.
///
/// Whatever was touched by an event settles once at its end, partitions before clocks before links.
class GpuSide {
 public:
  GpuSide(Kernel& kernel, Fleet& fleet, const Workload& workload);

  // Timers of what joins the fleet. The clock of the GPU is bound anew when processes came or went.
  void add_partition(std::uint32_t partition);
  void add_gpu(std::uint32_t gpu);
  void processes_changed(Time now, std::uint32_t gpu);
  /// Its instance is gone, and no event of it comes any more.
  void remove_partition(std::uint32_t partition);

  /// A step's work on one rank's partition.
  void submit(Time now, const Rank& rank, const Work& work);
  /// A step's input over the link of its first rank's GPU.
  void copy(Time now, std::uint32_t step, const Server& server, double bytes);
  /// Steps whose work there is done by now; valid until the next call.
  [[nodiscard]] const std::vector<StepId>& collect(Time now, std::uint32_t partition);
  [[nodiscard]] const std::vector<StepId>& collect_copies(Time now, std::uint32_t gpu);
  /// Drops what a process has there, unfinished.
  void abort(Time now, const Rank& rank);
  /// The mean draw has moved on.
  void on_clock(Time now, std::uint32_t gpu) { power_.follow(now, gpu); }
  void settle(Time now);
  /// Settles a partition that has been touched last, for who sets its timer later.
  void settle_last(Time now);
  /// No step of the process ends before this, whatever comes and goes beside it.
  [[nodiscard]] Time earliest_end(const Rank& rank) const;

 private:
  void touch_partition(std::uint32_t index) {
    PartitionState& partition = fleet_.partitions[index];
    if (partition.touched) return;
    partition.touched = true;
    touched_.push_back(index);
  }
  void touch_link(std::uint32_t index) {
    GpuState& gpu = fleet_.gpus[index];
    if (gpu.link_touched) return;
    gpu.link_touched = true;
    touched_links_.push_back(index);
  }

  void pass_turns(Time now, PartitionState& partition);

  Kernel& kernel_;
  Fleet& fleet_;
  Power power_;
  std::uint64_t ranks_ = 0;             // of timers, given out so far
  std::vector<std::uint32_t> touched_;  // partitions
  std::vector<std::uint32_t> touched_links_;
  std::vector<StepId> finished_;
};

}  // namespace gpushare
