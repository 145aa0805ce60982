#include "simulation/simulator.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "results/partition_table.hpp"

namespace gpushare {

Simulator::Simulator(const Scenario& scenario, const RunOptions& options)
    : scenario_(scenario),
      options_(options),
      seed_(options.seed != 0 ? options.seed : scenario.seed),
      end_of_arrivals_(Time{} + duration_from_seconds(scenario.workload.duration_s)),
      fleet_(build_fleet(scenario, factor("switching", options.spread.switching))),
      host_(scenario.placement.nodes.front().host_cores),
      recorder_(scenario, options.record_requests, options.record_steps),
      workers_(scenario.workload.pipelines.size()),
      routing_stream_(stream("routing")),
      windows_(fleet_.partitions.size()),
      service_windows_(fleet_.services.size()) {
  const std::size_t parts = fleet_.partitions.size();
  for (std::size_t i = 0; i < parts; ++i)
    fleet_.partitions[i].slot = add_ranked_slot(kGpuEvent, Owner::partition, i, i);
  for (std::size_t i = 0; i < fleet_.gpus.size(); ++i)
    fleet_.gpus[i].link_slot = add_ranked_slot(kGpuEvent, Owner::link, i, parts + i);
  for (std::size_t i = 0; i < fleet_.servers.size(); ++i) {
    fleet_.servers[i].wake_slot = add_slot(kWakeEvent, Owner::wake, i);
    restart_slots_.push_back(add_slot(kFaultEvent, Owner::restart, i));
  }
  const Time begin = Time{} + duration_from_seconds(scenario.workload.warmup_s);
  recorder_.set_window(begin, end_of_arrivals_);
  boundary_slots_ = {add_slot(kWindowEvent, Owner::window, 0), add_slot(kWindowEvent, Owner::window, 1)};
  queue_.set(boundary_slots_[0], begin);
  queue_.set(boundary_slots_[1], end_of_arrivals_);
  draw_calibration();
  bound_draws();
  add_traffic();
  add_faults();
  add_runs();
}

double Simulator::factor(const std::string& name, double spread) const {
  return spread > 0 ? std::exp(spread * stream("calibration/" + name).normal()) : 1;
}

void Simulator::draw_calibration() {
  for (std::size_t s = 0; s < fleet_.services.size(); ++s) {
    const std::string& name = scenario_.workload.services[s].name;
    fleet_.services[s].step_time_factor = factor("step_time/" + name, options_.spread.step_time);
    fleet_.services[s].pressure_factor = factor("pressure/" + name, options_.spread.pressure);
    for (const int server : fleet_.services[s].servers)
      if (auto* engine =
              std::get_if<ContinuousEngine>(&fleet_.servers[static_cast<std::size_t>(server)].engine))
        engine->draw_from(stream("speculation/" + name));
  }
}

EventQueue::Slot Simulator::add_slot(EventClass event_class, Owner owner, std::size_t index) {
  const EventQueue::Slot slot = queue_.add_slot(event_class);
  if (slot >= owners_.size()) owners_.resize(slot + 1);
  owners_[slot] = {owner, static_cast<std::uint32_t>(index), event_class};
  return slot;
}

EventQueue::Slot Simulator::add_ranked_slot(EventClass event_class, Owner owner, std::size_t index,
                                            std::uint64_t rank) {
  const EventQueue::Slot slot = add_slot(event_class, owner, index);
  queue_.set_rank(slot, rank);
  owners_[slot].rank = rank;
  return slot;
}

Run Simulator::run() {
  constexpr std::uint64_t kEventsBetweenReports = 1 << 16;
  const double horizon = std::max(1e-9, scenario_.workload.duration_s);
  Time now{};
  while (!queue_.empty()) {
    const EventQueue::Event event = queue_.pop();
    now = event.time;
    current_slot_ = event.slot;
    dispatch(now, event.slot);
    drain(now);
    settle(now);
    if (++events_ % kEventsBetweenReports == 0 && options_.progress &&
        !options_.progress(std::min(1.0, to_seconds(now) / horizon)))
      throw SimulationError("", "interrupted at " + std::to_string(to_seconds(now)) + " s of simulated time");
  }
  Run run;
  run.scenario = scenario_.name;
  run.mode = scenario_.mode;
  run.seed = seed_;
  run.replication = options_.replication;
  run.perturbed =
      options_.spread.step_time > 0 || options_.spread.pressure > 0 || options_.spread.switching > 0;
  run.summary = summarise_run();
  check_invariants(run.summary, now);
  run.partitions = partition_table(run.summary);
  run.requests = recorder_.take_requests();
  run.steps = recorder_.take_steps();
  return run;
}

void Simulator::dispatch(Time now, EventQueue::Slot slot) {
  const SlotOwner owner = owners_[slot];
  switch (owner.kind) {
    case Owner::window:
      on_window(now, owner.index);
      break;
    case Owner::partition:
      on_partition(now, owner.index);
      break;
    case Owner::link:
      on_link(now, owner.index);
      break;
    case Owner::step:
      end_host(now, owner.index);
      break;
    case Owner::delay:
      on_delay(now, owner.index);
      break;
    case Owner::open:
    case Owner::user:
    case Owner::trace:
    case Owner::call_source:
    case Owner::call:
      dispatch_traffic(now, owner);
      break;
    case Owner::fault:
      on_fault(now, owner.index);
      break;
    case Owner::restart:
      on_restart(now, owner.index);
      break;
    case Owner::wake:
      mark_dirty(static_cast<int>(owner.index));
      break;
    case Owner::run:
      end_run(now, owner.index);
      break;
  }
}

void Simulator::drain(Time now) {
  while (!outbox_.empty() || !dirty_.empty()) {
    for (std::size_t i = 0; i < outbox_.size(); ++i) {
      const Outcome outcome = outbox_[i];
      on_outcome(now, outcome);
    }
    outbox_.clear();
    if (dirty_.empty()) continue;
    const int server = dirty_.front();
    dirty_.pop_front();
    fleet_.servers[static_cast<std::size_t>(server)].dirty = false;
    kick(now, server);
  }
}

void Simulator::settle(Time now) {
  bool throttle = false;
  for (const std::uint32_t index : touched_) {
    PartitionState& partition = fleet_.partitions[index];
    partition.touched = false;
    throttle |= fleet_.gpus[partition.gpu].can_throttle;
    queue_.set(partition.slot, std::visit(
                                   [now](auto& executor) {
                                     executor.settle(now);
                                     return executor.next_event();
                                   },
                                   partition.executor));
  }
  if (throttle)
    for (const std::uint32_t index : touched_) govern_clock(now, fleet_.gpus[fleet_.partitions[index].gpu]);
  touched_.clear();
  for (const std::uint32_t index : touched_links_) {
    GpuState& gpu = fleet_.gpus[index];
    gpu.link_touched = false;
    gpu.link.settle(now);
    queue_.set(gpu.link_slot, gpu.link.next_event());
  }
  touched_links_.clear();
}

void Simulator::mark_dirty(int server) {
  Server& state = fleet_.servers[static_cast<std::size_t>(server)];
  if (state.dirty || !state.up) return;
  state.dirty = true;
  dirty_.push_back(server);
}

void Simulator::kick(Time now, int server) {
  Server& state = fleet_.servers[static_cast<std::size_t>(server)];
  if (!state.up) return;
  std::visit(
      [&](auto& engine) {
        while (const auto step = engine.plan(now, outbox_)) {
          if constexpr (std::is_same_v<std::decay_t<decltype(engine)>, ContinuousEngine>)
            if (begin_run(now, server, engine, *step)) continue;
          start_step(now, server, *step);
        }
        queue_.set(state.wake_slot, engine.wake());
      },
      state.engine);
}

std::uint32_t Simulator::take_step(const Server& server) {
  if (server.own_step >= 0) return static_cast<std::uint32_t>(server.own_step);
  if (free_steps_.empty()) {
    free_steps_.push_back(static_cast<std::uint32_t>(steps_.size()));
    const EventQueue::Slot timer = add_slot(kHostEvent, Owner::step, steps_.size());
    steps_.emplace_back().slot = timer;
  }
  const std::uint32_t id = free_steps_.back();
  free_steps_.pop_back();
  return id;
}

void Simulator::release_step(std::uint32_t id) {
  StepState& step = steps_[id];
  step.phase = Phase::free;
  if (fleet_.servers[static_cast<std::size_t>(step.server)].own_step < 0) free_steps_.push_back(id);
}

void Simulator::start_step(Time now, int server, const Step& step) {
  Server& owner = fleet_.servers[static_cast<std::size_t>(server)];
  const std::uint32_t id = take_step(owner);
  StepState& state = steps_[id];
  ServiceState& service = fleet_.services[static_cast<std::size_t>(owner.service)];
  state.step = step;
  state.server = server;
  state.whole = id;
  state.time = time_of(step.demand, owner, owner.partition, owner.resources);
  state.planned = now;
  state.gpu_start = state.gpu_end = kNever;
  if (owner.steps_in_hand++ == 0) service.servers_busy.add(now, 1);
  ++service.steps;
  service.step_items += step.items;
  state.phase = Phase::host_before;
  begin_host(now, id, step.demand.host_before_s);
}

void Simulator::begin_host(Time now, std::uint32_t id, double seconds) {
  StepState& state = steps_[id];
  state.on_core = false;
  if (seconds <= 0) {
    end_host(now, id);
    return;
  }
  const Duration length = duration_from_seconds(seconds);
  if (!host_.start({id, length})) return;
  state.on_core = true;
  queue_.set(state.slot, now + length);
}

void Simulator::release_core(Time now, StepState& state) {
  if (!state.on_core) return;
  state.on_core = false;
  if (const auto next = host_.release()) {
    steps_[next->step].on_core = true;
    queue_.set(steps_[next->step].slot, now + next->length);
  }
}

void Simulator::end_host(Time now, std::uint32_t id) {
  StepState& state = steps_[id];
  release_core(now, state);
  if (state.phase == Phase::host_after) {
    finish_step(now, id);
  } else if (state.step.demand.pcie_bytes > 0) {
    begin_copy(now, id);
  } else {
    submit_to_gpu(now, id);
  }
}

void Simulator::begin_copy(Time now, std::uint32_t id) {
  StepState& state = steps_[id];
  const Server& server = fleet_.servers[static_cast<std::size_t>(state.server)];
  const std::uint32_t index = fleet_.partitions[static_cast<std::size_t>(server.partition)].gpu;
  GpuState& gpu = fleet_.gpus[index];
  state.phase = Phase::copy;
  Work copy;
  copy.step = id;
  copy.process = server.gpu_client;
  copy.gpu_s = state.step.demand.pcie_bytes / gpu.profile->pcie_bytes_per_s;
  gpu.link.submit(now, copy);
  touch_link(index);
}

void Simulator::on_link(Time now, std::uint32_t index) {
  touch_link(index);
  finished_steps_.clear();
  fleet_.gpus[index].link.collect(now, finished_steps_);
  for (const StepId id : finished_steps_) submit_to_gpu(now, id);
}

void Simulator::finish_step(Time now, std::uint32_t id) {
  StepState& state = steps_[id];
  Server& server = fleet_.servers[static_cast<std::size_t>(state.server)];
  release_step(id);
  if (--server.steps_in_hand == 0)
    fleet_.services[static_cast<std::size_t>(server.service)].servers_busy.add(now, -1);
  recorder_.step(server.service, server.replica, state.planned, state.gpu_start, state.gpu_end, now,
                 state.step.items);
  std::visit([&](auto& engine) { engine.complete(state.step, now, outbox_); }, server.engine);
  mark_dirty(state.server);
}

}  // namespace gpushare
