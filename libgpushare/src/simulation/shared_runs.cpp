#include "simulation/shared_runs.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <variant>

namespace gpushare {
namespace {

constexpr std::size_t kMostProcesses = 8;     // each is looked at for every event
constexpr std::int64_t kLeastIterations = 2;  // in which a run is worth its timer
constexpr double kRounding = 1e-9;            // of sums of times

using Phase = Steps::Phase;

}  // namespace

void SharedRuns::refresh() {
  runs_.resize(fleet_.partitions.size());
  for (std::size_t i = 0; i < runs_.size(); ++i) runs_[i].possible = may_run(fleet_.partitions[i]);
}

// Whether nothing but its own processes changes how fast they run, and none of them has to wait for a core.
bool SharedRuns::may_run(const PartitionState& partition) const {
  const std::size_t processes = partition.servers.size();
  if (partition.gone || processes < 2 || processes > kMostProcesses) return false;
  const GpuState& gpu = fleet_.gpus[partition.gpu];
  const auto is_used = [this](std::uint32_t other) { return !fleet_.partitions[other].servers.empty(); };
  if (gpu.can_throttle && std::count_if(gpu.partitions.begin(), gpu.partitions.end(), is_used) > 1)
    return false;
  return std::all_of(partition.servers.begin(), partition.servers.end(), [&](int index) {
    const Server& server = fleet_.servers[static_cast<std::size_t>(index)];
    return server.others.empty() && fleet_.nodes[server.node].never_full;
  });
}

// Whether whoever has a step in hand goes on in silence.
bool SharedRuns::all_are_silent(const PartitionState& partition) const {
  return std::all_of(partition.servers.begin(), partition.servers.end(), [&](int index) {
    const Server& server = fleet_.servers[static_cast<std::size_t>(index)];
    if (server.steps_in_hand == 0) return true;
    const auto* engine = std::get_if<ContinuousEngine>(&server.engine);
    if (engine == nullptr || engine->silent_steps() < kLeastSteps) return false;
    const Demand& step = engine->planned().demand;
    return step.pcie_bytes == 0 && step.eager_launch_s == 0;
  });
}

// No neighbour makes a step faster, and one that follows has more to read.
SharedRuns::Outlook SharedRuns::outlook(const Server& server, const Steps::State& state) {
  const Demand& demand = steps_.step_of(state).demand;
  const Duration alone = duration_from_seconds(std::max(state.time.gpu_s, demand.launch_s));
  const Duration after = duration_from_seconds(demand.host_after_s);
  const Duration iteration = duration_from_seconds(demand.host_before_s) + alone + after;
  if (state.phase == Phase::gpu)
    return {std::max(state.gpu_start + alone, gpus_.earliest_end(server)) + after, iteration};
  const Time host_end = kernel_.time_of(state.slot);
  return {state.phase == Phase::host_before ? host_end + alone + after : host_end, iteration};
}

// Before that time nobody has anything to tell; `now` where a run is not worth it.
Time SharedRuns::over_before(Time now, const PartitionState& partition, Time boundary) {
  Time until = boundary;
  Duration least = kForever;
  for (const int index : partition.servers) {
    const Server& server = fleet_.servers[static_cast<std::size_t>(index)];
    if (server.steps_in_hand == 0) continue;
    const Steps::State& state = steps_.state(static_cast<StepId>(server.own_step));
    if (state.time.gpu_s <= 0) return now;
    const Outlook ahead = outlook(server, state);
    const auto more = static_cast<std::int64_t>(std::get<ContinuousEngine>(server.engine).silent_steps()) - 1;
    const std::int64_t all = (ahead.end + ahead.iteration * more - now).ns;
    const auto rounding = static_cast<std::int64_t>(kRounding * static_cast<double>(all));
    until = std::min(until, now + Duration{all - rounding - 4 * (more + 1)});
    least = std::min(least, ahead.iteration);
  }
  until = until - Duration{1};
  return until < now + least * kLeastIterations ? now : until;
}

void SharedRuns::begin(Time now, std::uint32_t index, Time boundary) {
  PartitionState& partition = fleet_.partitions[index];
  const Time until = over_before(now, partition, boundary);
  if (until == now) return;
  Run& run = runs_[index];
  run.goes_on = true;
  run.members.clear();
  for (const int number : partition.servers) {
    const Server& server = fleet_.servers[static_cast<std::size_t>(number)];
    if (server.steps_in_hand == 0) continue;
    const auto step = static_cast<StepId>(server.own_step);
    const EventQueue::Slot slot = steps_.state(step).slot;
    run.members.push_back({step, kernel_.time_of(slot)});
    kernel_.cancel(slot);
  }
  kernel_.set(partition.slot, until);
  const GpuState& gpu = fleet_.gpus[partition.gpu];
  run.clock_at = kNever;
  if (!gpu.can_throttle || gpu.profile->power.averaging_s == 0) return;
  run.clock_at = kernel_.time_of(gpu.clock_slot);
  kernel_.cancel(gpu.clock_slot);
}

void SharedRuns::on_timer(Time now, std::uint32_t index) {
  go_through(now, index);
  propose(index);
}

void SharedRuns::go_through(Time now, std::uint32_t index) {
  Run& run = runs_[index];
  run.goes_on = false;
  PartitionState& partition = fleet_.partitions[index];
  const EventQueue::Slot clock = fleet_.gpus[partition.gpu].clock_slot;
  const bool has_clock = fleet_.gpus[partition.gpu].profile->power.averaging_s > 0;
  if (run.clock_at != kNever) kernel_.set(clock, run.clock_at);
  for (const Member& member : run.members) steps_.give_core_back(steps_.state(member.step));
  const EventQueue::Slot handled = kernel_.current_slot();
  const Kernel::Owner limit = kernel_.current();
  while (true) {  // in the order of events
    Time at = std::visit([](const auto& executor) { return executor.next_event(); }, partition.executor);
    EventQueue::Slot slot = partition.slot;
    Member* on_host = nullptr;
    if (has_clock)
      if (const Time looks = kernel_.time_of(clock); looks < at) at = looks, slot = clock;
    for (Member& member : run.members)
      if (member.host_end < at) at = member.host_end, on_host = &member;
    if (on_host != nullptr) slot = steps_.state(on_host->step).slot;
    if (at > now || (at == now && !kernel_.owner(slot).before(limit))) break;
    kernel_.stand_for(slot);
    if (on_host != nullptr) {
      this->on_host(at, *on_host);
    } else if (slot == clock && has_clock) {
      kernel_.cancel(clock);
      gpus_.on_clock(at, partition.gpu);
    } else {
      on_partition(at, index);
    }
  }
  kernel_.stand_for(handled);
  kernel_.set(partition.slot,
              std::visit([](const auto& executor) { return executor.next_event(); }, partition.executor));
  for (const Member& member : run.members) {
    if (member.host_end == kNever) continue;
    Steps::State& state = steps_.state(member.step);
    steps_.hold_core(state);
    kernel_.set(state.slot, member.host_end);
  }
}

void SharedRuns::on_partition(Time now, std::uint32_t index) {
  PartitionState& partition = fleet_.partitions[index];
  Run& run = runs_[index];
  for (const StepId id : gpus_.collect(now, index)) {
    Steps::State& state = steps_.state(id);
    partition.flop += state.time.flop;
    partition.bytes += state.time.bytes;
    state.gpu_end = now;
    after_gpu(now, *std::find_if(run.members.begin(), run.members.end(),
                                 [id](const Member& member) { return member.step == id; }));
  }
  gpus_.settle_last(now);
}

void SharedRuns::after_gpu(Time now, Member& member) {
  Steps::State& state = steps_.state(member.step);
  state.phase = Phase::host_after;
  const double seconds = steps_.host_after_s(now, state);
  if (seconds <= 0) return go_on(now, member);
  member.host_end = now + duration_from_seconds(seconds);
}

void SharedRuns::on_host(Time now, Member& member) {
  member.host_end = kNever;
  if (steps_.state(member.step).phase == Phase::host_after) {
    go_on(now, member);
  } else {
    steps_.submit(now, member.step);
  }
  if (member.host_end == kNever) gpus_.settle_last(now);
}

void SharedRuns::go_on(Time now, Member& member) {
  Steps::State& state = steps_.state(member.step);
  auto& engine = std::get<ContinuousEngine>(fleet_.servers[static_cast<std::size_t>(state.server)].engine);
  engine.complete(engine.planned(), now, kernel_.outbox());
  const Step* next = engine.plan(now, kernel_.outbox());
  assert(next != nullptr && next->goes_on && "an iteration that had nothing to tell was not one");
  steps_.plan(now, member.step, state.server, *next);
  if (const double seconds = next->demand.host_before_s; seconds > 0) {
    member.host_end = now + duration_from_seconds(seconds);
  } else {
    steps_.submit(now, member.step);
  }
}

}  // namespace gpushare
