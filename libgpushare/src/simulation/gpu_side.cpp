#include "simulation/gpu_side.hpp"

#include <algorithm>

namespace gpushare {
GpuSide::GpuSide(Kernel& kernel, Fleet& fleet, const Workload& workload)
    : kernel_(kernel), fleet_(fleet), power_(kernel, fleet, workload) {
  for (std::uint32_t i = 0; i < fleet.partitions.size(); ++i) add_partition(i);
  for (std::uint32_t i = 0; i < fleet.gpus.size(); ++i) add_gpu(i);
}

void GpuSide::add_partition(std::uint32_t index) {
  fleet_.partitions[index].slot = add_slot(kernel_, kGpuEvent, Part::partition, index, ranks_++);
}

void GpuSide::add_gpu(std::uint32_t index) {
  GpuState& gpu = fleet_.gpus[index];
  gpu.link_slot = add_slot(kernel_, kGpuEvent, Part::link, index, ranks_++);
  if (gpu.profile->power.averaging_s > 0)
    gpu.clock_slot = add_slot(kernel_, kGpuEvent, Part::clock, index, ranks_++);
}

void GpuSide::processes_changed(Time now, std::uint32_t gpu) {
  power_.bound(now, gpu);
  const GpuState& state = fleet_.gpus[gpu];
  const bool each_draws = state.can_throttle && state.profile->power.averaging_s == 0;
  for (const std::uint32_t partition : state.partitions) {
    if (auto* slices = std::get_if<TimeSliceExecutor>(&fleet_.partitions[partition].executor))
      slices->show_turns(fleet_.one_by_one || each_draws);
    touch_partition(partition);
  }
}

void GpuSide::remove_partition(std::uint32_t index) {
  PartitionState& partition = fleet_.partitions[index];
  kernel_.cancel(partition.slot);
  kernel_.release_slot(partition.slot);
  if (partition.touched) std::erase(touched_, index);
}

// Turns that nobody sees are over where their event would come before the one that is handled.
void GpuSide::pass_turns(Time now, PartitionState& partition) {
  if (auto* slices = std::get_if<TimeSliceExecutor>(&partition.executor);
      slices != nullptr && kernel_.owner(partition.slot).before(kernel_.current()))
    slices->pass_turns(now);
}

void GpuSide::submit(Time now, const Rank& rank, const Work& work) {
  PartitionState& partition = fleet_.partition_of(rank);
  pass_turns(now, partition);
  std::visit([&](auto& executor) { executor.submit(now, work); }, partition.executor);
  touch_partition(static_cast<std::uint32_t>(rank.partition));
}

void GpuSide::copy(Time now, std::uint32_t step, const Server& server, double bytes) {
  const std::uint32_t index = fleet_.gpu_of(server);
  GpuState& gpu = fleet_.gpus[index];
  Work work;
  work.step = step;
  work.process = server.gpu_client;
  work.gpu_s = bytes / gpu.profile->pcie_bytes_per_s;
  gpu.link.submit(now, work);
  touch_link(index);
}

const std::vector<StepId>& GpuSide::collect(Time now, std::uint32_t index) {
  touch_partition(index);
  finished_.clear();
  std::visit([&](auto& executor) { executor.collect(now, finished_); }, fleet_.partitions[index].executor);
  return finished_;
}

const std::vector<StepId>& GpuSide::collect_copies(Time now, std::uint32_t index) {
  touch_link(index);
  finished_.clear();
  fleet_.gpus[index].link.collect(now, finished_);
  return finished_;
}

void GpuSide::abort(Time now, const Rank& rank) {
  PartitionState& partition = fleet_.partition_of(rank);
  finished_.clear();
  pass_turns(now, partition);
  std::visit([&](auto& executor) { executor.abort(now, rank.client, finished_); }, partition.executor);
  touch_partition(static_cast<std::uint32_t>(rank.partition));
  fleet_.gpus[partition.gpu].link.abort(now, rank.gpu_client, finished_);
  touch_link(partition.gpu);
}

void GpuSide::settle_last(Time now) {
  PartitionState& partition = fleet_.partitions[touched_.back()];
  touched_.pop_back();
  partition.touched = false;
  std::visit([now](auto& executor) { executor.settle(now); }, partition.executor);
  if (fleet_.gpus[partition.gpu].can_throttle) power_.govern(now, partition.gpu);
}

Time GpuSide::earliest_end(const Rank& rank) const {
  return std::visit([&](const auto& executor) { return executor.earliest_end(rank.client); },
                    fleet_.partition_of(rank).executor);
}

void GpuSide::settle(Time now) {
  bool throttle = false;
  for (const std::uint32_t index : touched_) {
    PartitionState& partition = fleet_.partitions[index];
    partition.touched = false;
    throttle |= fleet_.gpus[partition.gpu].can_throttle;
    kernel_.set(partition.slot, std::visit(
                                    [now](auto& executor) {
                                      executor.settle(now);
                                      return executor.next_event();
                                    },
                                    partition.executor));
  }
  if (throttle)
    for (const std::uint32_t index : touched_) power_.govern(now, fleet_.partitions[index].gpu);
  touched_.clear();
  for (const std::uint32_t index : touched_links_) {
    GpuState& gpu = fleet_.gpus[index];
    gpu.link_touched = false;
    gpu.link.settle(now);
    kernel_.set(gpu.link_slot, gpu.link.next_event());
  }
  touched_links_.clear();
}

}  // namespace gpushare
