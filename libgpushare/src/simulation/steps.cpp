#include "simulation/steps.hpp"

#include <algorithm>

namespace gpushare {
namespace {

// Of what it takes; its FLOP and bytes have been counted.
StepTime share_of(const StepTime& whole, double share) {
  StepTime part;
  part.gpu_s = whole.gpu_s * share;
  part.memory_s = whole.memory_s * share;
  part.compute_s = whole.compute_s * share;
  part.saturating_s = whole.saturating_s * share;
  part.held_s = whole.held_s * share;
  part.floor_s = whole.floor_s * share;
  part.filled_s = whole.filled_s * share;
  return part;
}

// How long its kernels are still being launched, where others may have the GPU when the last one is.
double left_to_launch_s(Time now, const Fleet& fleet, const Steps::State& state, const Demand& demand) {
  if (demand.eager_launch_s <= 0 || demand.kernels <= 1) return 0;
  const Server& server = fleet.servers[static_cast<std::size_t>(state.server)];
  const auto shared = [&fleet](const Rank& rank) { return fleet.partition_of(rank).servers.size() > 1; };
  if (state.last_launched || state.gpu_start == kNever) return 0;
  if (!shared(server) && std::none_of(server.others.begin(), server.others.end(), shared)) return 0;
  return demand.eager_launch_s - to_seconds(now - state.gpu_start);
}

}  // namespace

void Steps::add_own_step(std::uint32_t index) {
  Server& server = fleet_.servers[index];
  const std::size_t id = steps_.size();
  server.own_step = static_cast<std::int64_t>(id);
  steps_.emplace_back().slot = add_slot(kernel_, kIterationEvent, Part::step, id, index);
  for (Rank& rank : server.others) {
    rank.step = static_cast<std::uint32_t>(steps_.size());
    steps_.emplace_back().server = static_cast<int>(index);
    steps_.back().whole = static_cast<std::uint32_t>(id);
  }
}

const Step& Steps::step_of(const State& state) {
  return std::visit(
      [&](const auto& engine) -> const Step& {
        if constexpr (requires { engine.planned(); }) return engine.planned();
        return state.step;
      },
      server_of(state).engine);
}

std::uint32_t Steps::take(const Server& server) {
  if (server.own_step >= 0) return static_cast<std::uint32_t>(server.own_step);
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(steps_.size()));
    const EventQueue::Slot timer = add_slot(kernel_, kHostEvent, Part::step, steps_.size());
    steps_.emplace_back().slot = timer;
  }
  const std::uint32_t id = free_.back();
  free_.pop_back();
  return id;
}

void Steps::release(std::uint32_t id) {
  State& step = steps_[id];
  step.phase = Phase::free;
  if (server_of(step).own_step < 0) free_.push_back(id);
}

void Steps::start(Time now, int index, const Step& step) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  const std::uint32_t id = take(server);
  if (server.steps_in_hand++ == 0) fleet_.service_of(server).servers_busy.add(now, 1);
  plan(now, id, index, step);
  begin_host(now, id, step.demand.host_before_s);
}

void Steps::plan(Time now, std::uint32_t id, int index, const Step& step) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  State& state = steps_[id];
  ServiceState& service = fleet_.service_of(server);
  state.server = index;
  state.whole = id;
  state.known = step.form != 0;
  if (state.known) {
    const KnownWhere where = where_of(fleet_, server);
    const KnownStep& known =
        known_step(fleet_, server, where, step.form, [&]() -> const Step& { return step; });
    state.time = known.time;
    state.work = known.work;
    state.capped = where.capped;
  } else {
    state.time = own_step_time(fleet_, server, step);
  }
  if (server.own_step < 0) state.step = step;
  state.planned = now;
  state.gpu_start = state.gpu_end = kNever;
  state.last_launched = false;
  ++service.steps;
  service.step_items += step.items;
  state.phase = Phase::host_before;
}

void Steps::begin_host(Time now, std::uint32_t id, double seconds) {
  State& state = steps_[id];
  state.on_core = false;
  if (seconds <= 0) return end_host(now, id);
  const Duration length = duration_from_seconds(seconds);
  if (!host_of(state).start({id, length})) return;
  state.on_core = true;
  kernel_.set(state.slot, now + length);
}

void Steps::release_core(Time now, State& step) {
  if (!step.on_core) return;
  step.on_core = false;
  if (const auto next = host_of(step).release()) {
    steps_[next->step].on_core = true;
    kernel_.set(steps_[next->step].slot, now + next->length);
  }
}

void Steps::end_host(Time now, std::uint32_t id) {
  State& state = steps_[id];
  release_core(now, state);
  if (state.phase == Phase::host_after) {
    finish(now, id);
  } else if (const double bytes = step_of(state).demand.pcie_bytes; bytes > 0 && !state.last_launched) {
    state.phase = Phase::copy;
    gpus_.copy(now, id, server_of(state), bytes);
  } else {
    submit(now, id);
  }
}

void Steps::on_link(Time now, std::uint32_t gpu) {
  for (const StepId id : gpus_.collect_copies(now, gpu)) submit(now, id);
}

void Steps::submit(Time now, std::uint32_t id) {
  State& state = steps_[id];
  const Server& server = server_of(state);
  state.phase = Phase::gpu;
  if (state.time.gpu_s <= 0) return after_gpu(now, id);
  state.ranks_left = 1 + server.others.size();
  static const Demand last{};  // a single kernel
  const Demand& demand = state.last_launched ? last : step_of(state).demand;
  if (!state.last_launched) state.gpu_start = now;
  const bool known =
      state.known && !state.last_launched && state.capped == fleet_.partition_of(server).capped;
  if (known) {
    state.work.step = id;
    gpus_.submit(now, server, state.work);
  } else {
    gpus_.submit(now, server, work_of(fleet_, id, server, server, state.time, demand));
  }
  for (const Rank& rank : server.others) {
    State& part = steps_[rank.step];
    part.phase = Phase::gpu;
    if (!state.last_launched) part.time = step_time_on(fleet_, server, rank, demand);
    gpus_.submit(now, rank, work_of(fleet_, rank.step, server, rank, part.time, demand));
  }
}

void Steps::on_partition(Time now, std::uint32_t index) {
  for (const StepId id : gpus_.collect(now, index)) {
    PartitionState& partition = fleet_.partitions[index];
    partition.flop += steps_[id].time.flop;
    partition.bytes += steps_[id].time.bytes;
    end_rank(now, id);
  }
}

void Steps::end_rank(Time now, std::uint32_t id) {
  const std::uint32_t whole = steps_[id].whole;
  steps_[id].gpu_end = now;
  if (whole != id) steps_[id].phase = Phase::free;
  if (--steps_[whole].ranks_left > 0) return;
  steps_[whole].gpu_end = now;
  after_gpu(now, whole);
}

// The last kernel of those that are launched one by one, a mean one and of 10 us at most: it is launched at the end, and
// waits for the GPU again. The step's time on the GPU holds it already, which is as much as it counts twice.
void Steps::launch_last(Time now, std::uint32_t id, double launching_s) {
  State& state = steps_[id];
  const double share = std::min(1 / step_of(state).demand.kernels, kReferenceKernelS / state.time.gpu_s);
  state.time = share_of(state.time, share);
  for (const Rank& rank : server_of(state).others)
    steps_[rank.step].time = share_of(steps_[rank.step].time, share);
  state.last_launched = true;
  state.phase = Phase::launch;
  begin_host(now, id, std::max(0.0, launching_s - state.time.gpu_s));
}

void Steps::after_gpu(Time now, std::uint32_t id) {
  State& state = steps_[id];
  if (const double launching_s = left_to_launch_s(now, fleet_, state, step_of(state).demand); launching_s > 0)
    return launch_last(now, id, launching_s);
  state.phase = Phase::host_after;
  const double seconds = host_after_s(now, state);
  if (auto* engine = std::get_if<StreamEngine>(&server_of(state).engine);
      engine != nullptr && engine->gpu_done())
    kernel_.mark(static_cast<std::size_t>(state.server));
  begin_host(now, id, seconds);
}

double Steps::host_after_s(Time now, const State& state) {
  const Demand& demand = step_of(state).demand;
  if (state.gpu_start == kNever) return demand.host_after_s;
  return demand.host_after_s + std::max(0.0, demand.launch_s - to_seconds(now - state.gpu_start));
}

void Steps::finish(Time now, std::uint32_t id) {
  State& state = steps_[id];
  Server& server = server_of(state);
  const Step& step = step_of(state);
  release(id);
  if (--server.steps_in_hand == 0) fleet_.service_of(server).servers_busy.add(now, -1);
  recorder_.step(server.service, server.replica, state.planned, state.gpu_start, state.gpu_end, now,
                 step.items);
  if (log_ != nullptr) write_down(now, state);
  std::visit([&](auto& engine) { engine.complete(step, now, kernel_.outbox()); }, server.engine);
  kernel_.mark(static_cast<std::size_t>(state.server));
}

void Steps::write_down(Time now, const State& state) {
  const auto server = static_cast<std::uint32_t>(state.server);
  const auto& others = fleet_.servers[server].others;
  for (std::size_t rank = 0; rank <= others.size(); ++rank) {
    const State& part = rank == 0 ? state : steps_[others[rank - 1].step];
    log_->step(
        server, rank,
        {0, step_of(state).phase, state.planned, state.gpu_start, part.gpu_end, now, step_of(state).items});
  }
}

void Steps::kill(Time now, int index) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  gpus_.abort(now, server);
  for (const Rank& rank : server.others) gpus_.abort(now, rank);
  for (std::uint32_t id = 0; id < steps_.size(); ++id) {
    State& step = steps_[id];
    if (step.phase == Phase::free || step.server != index) continue;
    if (step.whole != id) {  // a rank's part, which has no timer
      step.phase = Phase::free;
      continue;
    }
    kernel_.cancel(step.slot);
    if (step.on_core) {
      release_core(now, step);
    } else {
      host_of(step).forget(id);
    }
    release(id);
  }
  if (server.steps_in_hand > 0) fleet_.service_of(server).servers_busy.add(now, -1);
  server.steps_in_hand = 0;
}

}  // namespace gpushare
