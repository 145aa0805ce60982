#include <algorithm>

#include "sharing/power.hpp"
#include "simulation/simulator.hpp"

// A step on its GPU, or on those of all its ranks: they start together, and the slowest ends it.

namespace gpushare {

StepTime Simulator::time_of(const Demand& demand, const Server& server, int partition,
                            const Resources& resources) const {
  const double factor = fleet_.services[static_cast<std::size_t>(server.service)].step_time_factor;
  const GpuProfile& profile = *fleet_.partitions[static_cast<std::size_t>(partition)].profile;
  StepTime time = step_time(demand, profile, resources);
  time.gpu_s *= factor;
  time.memory_s *= factor;
  time.compute_s *= factor;
  return time;
}

Interference Simulator::interference_of(const PartitionState& partition, const Server& server,
                                        const Resources& resources, const StepState& state,
                                        double kernels) const {
  const StepTime& time = state.time;
  const StepCharacter character{time.gpu_s / std::max(1.0, kernels),
                                (time.compute_s + time.memory_s) / time.gpu_s,
                                time.bytes / time.gpu_s / partition.partition.bandwidth_bytes_per_s,
                                time.peak_compute_s / time.gpu_s, resources.sms / partition.partition.sms};
  const MpsConstants& mps = partition.profile->mps;
  Interference part = partition.capped ? predict_interference(mps.capped, character)
                                       : predict_interference(mps.uncapped, character);
  part.pressure *= fleet_.services[static_cast<std::size_t>(server.service)].pressure_factor;
  return part;
}

void Simulator::submit_to_gpu(Time now, std::uint32_t id) {
  StepState& state = steps_[id];
  const Server& server = fleet_.servers[static_cast<std::size_t>(state.server)];
  state.phase = Phase::gpu;
  if (state.time.gpu_s <= 0) {
    after_gpu(now, id);
    return;
  }
  state.gpu_start = now;
  state.ranks_left = 1 + server.others.size();
  const Demand& demand = state.step.demand;
  submit_work(now, id, demand, server.partition, server.client, server.resources);
  for (const Rank& rank : server.others) {
    StepState& part = steps_[rank.step];
    part.phase = Phase::gpu;
    part.time = time_of(demand, server, rank.partition, rank.resources);
    submit_work(now, rank.step, demand, rank.partition, rank.client, rank.resources);
  }
}

void Simulator::submit_work(Time now, std::uint32_t id, const Demand& demand, int where, int client,
                            const Resources& resources) {
  const StepState& state = steps_[id];
  const auto index = static_cast<std::uint32_t>(where);
  PartitionState& partition = fleet_.partitions[index];
  Work work;
  work.step = id;
  work.process = client;
  work.gpu_s = state.time.gpu_s;
  work.memory_s = state.time.memory_s;
  work.bytes_per_s = state.time.bytes / state.time.gpu_s;
  work.segments = demand.segments;
  work.one_launch = demand.one_launch || demand.kernels <= 1;
  work.compute_s = state.time.compute_s;
  work.power_w = step_power_w(*partition.profile, state.time, resources.sms);
  if (partition.sharing.mode == SharingMode::mps)
    work.interference = interference_of(partition, fleet_.servers[static_cast<std::size_t>(state.server)],
                                        resources, state, demand.kernels);
  std::visit([&](auto& executor) { executor.submit(now, work); }, partition.executor);
  touch_partition(index);
}

void Simulator::on_partition(Time now, std::uint32_t index) {
  PartitionState& partition = fleet_.partitions[index];
  touch_partition(index);
  finished_steps_.clear();
  std::visit([&](auto& executor) { executor.collect(now, finished_steps_); }, partition.executor);
  for (const StepId id : finished_steps_) {
    partition.flop += steps_[id].time.flop;
    partition.bytes += steps_[id].time.bytes;
    end_rank(now, id);
  }
}

void Simulator::end_rank(Time now, std::uint32_t id) {
  const std::uint32_t whole = steps_[id].whole;
  if (whole != id) steps_[id].phase = Phase::free;
  if (--steps_[whole].ranks_left > 0) return;
  steps_[whole].gpu_end = now;
  after_gpu(now, whole);
}

void Simulator::after_gpu(Time now, std::uint32_t id) {
  StepState& state = steps_[id];
  const Demand& demand = state.step.demand;
  state.phase = Phase::host_after;
  double seconds = demand.host_after_s;
  if (state.gpu_start != kNever)
    seconds += std::max(0.0, demand.launch_s - to_seconds(now - state.gpu_start));
  Server& server = fleet_.servers[static_cast<std::size_t>(state.server)];
  if (auto* engine = std::get_if<StreamEngine>(&server.engine); engine != nullptr && engine->gpu_done())
    mark_dirty(state.server);
  begin_host(now, id, seconds);
}

}  // namespace gpushare
