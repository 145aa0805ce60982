#include <algorithm>
#include <span>
#include <utility>

#include "simulation/simulator.hpp"

namespace gpushare {
namespace {

// How far a run looks ahead. Neither changes what comes out: a job that arrives makes steps beyond it worthless, and
// each end of a run costs an event.
constexpr std::size_t kMostSteps = 256;
constexpr std::size_t kStepsBeyondNextEvent = 8;

}  // namespace

bool Simulator::host_never_full() const {
  if (scenario_.placement.nodes.front().host_cores == 0) return true;
  int steps = 0;
  for (const Server& server : fleet_.servers)
    steps += most_steps_at_once(scenario_.workload.services[static_cast<std::size_t>(server.service)].engine);
  return steps <= scenario_.placement.nodes.front().host_cores;
}

void Simulator::add_runs() {
  const bool wanted = options_.merge_steps && !options_.record_steps && host_never_full();
  for (std::size_t i = 0; i < fleet_.servers.size(); ++i) {
    Server& server = fleet_.servers[i];
    if (!std::holds_alternative<ContinuousEngine>(server.engine)) continue;
    StepRun& run = server.run;
    const std::size_t id = steps_.size();
    server.own_step = static_cast<std::int64_t>(id);
    steps_.emplace_back();
    steps_[id].slot = add_ranked_slot(kIterationEvent, Owner::step, id, i);
    int last = server.partition;  // whose event ends a step on the GPU
    run.possible = wanted && undisturbed(server.partition);
    for (Rank& rank : server.others) {
      rank.step = static_cast<std::uint32_t>(steps_.size());
      steps_.emplace_back().server = static_cast<int>(i);
      steps_.back().whole = static_cast<std::uint32_t>(id);
      last = std::max(last, rank.partition);
      run.possible = run.possible && undisturbed(rank.partition) && rank.resources == server.resources;
    }
    run.gpu_slot = add_ranked_slot(kGpuEvent, Owner::run, i, static_cast<std::uint32_t>(last));
    run.host_slot = add_ranked_slot(kIterationEvent, Owner::run, i, i);
  }
}

// Whether nothing but a process's own steps sets their rate there.
bool Simulator::undisturbed(int where) const {
  const PartitionState& partition = fleet_.partitions[static_cast<std::size_t>(where)];
  return partition.servers.size() == 1 && !fleet_.gpus[partition.gpu].can_throttle;
}

Time Simulator::next_boundary() const {
  Time first = kNever;
  for (const EventQueue::Slot slot : boundary_slots_) first = std::min(first, queue_.time_of(slot));
  return first;
}

RunStep Simulator::run_step(Time planned, const Demand& demand, const Server& server) const {
  const StepTime time = time_of(demand, server, server.partition, server.resources);
  RunStep step;
  step.gpu_s = time.gpu_s;
  step.flop = time.flop;
  step.bytes = time.bytes;
  step.gpu_start = planned + duration_from_seconds(demand.host_before_s);
  step.gpu_end = step.gpu_start + duration_from_seconds(step.gpu_s);
  const double launching = std::max(0.0, demand.launch_s - to_seconds(step.gpu_end - step.gpu_start));
  step.end = step.gpu_end + duration_from_seconds(demand.host_after_s + launching);
  return step;
}

bool Simulator::begin_run(Time now, int index, const ContinuousEngine& engine, const Step& first) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  StepRun& run = server.run;
  if (!run.possible) return false;
  const Time boundary = next_boundary();
  const std::size_t most = std::min<std::size_t>(engine.silent_steps() + 1, kMostSteps);
  const Time next_event = queue_.empty() ? kNever : queue_.top().time;
  run.steps.clear();
  Time planned = now;
  while (run.steps.size() < most) {
    const Demand demand = run.steps.empty() ? first.demand : engine.following_step(run.steps.size()).demand;
    const RunStep step = run_step(planned, demand, server);
    if (step.gpu_s <= 0 || demand.pcie_bytes > 0 || step.end >= boundary) break;
    run.steps.push_back(step);
    planned = step.end;
    if (planned > next_event && run.steps.size() >= kStepsBeyondNextEvent) break;
  }
  if (run.steps.empty()) return false;
  run.length = run.steps.size();
  run.items = first.items;
  if (server.steps_in_hand++ == 0)
    fleet_.services[static_cast<std::size_t>(server.service)].servers_busy.add(now, 1);
  schedule_run(run);
  return true;
}

void Simulator::schedule_run(const StepRun& run) {
  const RunStep& last = run.steps[run.length - 1];
  const bool on_host = last.end > last.gpu_end;
  queue_.set(run.gpu_slot, on_host ? kNever : last.end);
  queue_.set(run.host_slot, on_host ? last.end : kNever);
}

// Whether the event that ends a step comes before the one being handled.
bool Simulator::has_ended(Time now, const Server& server, const RunStep& step) const {
  if (step.end != now) return step.end < now;
  const SlotOwner& last = owners_[step.end > step.gpu_end ? server.run.host_slot : server.run.gpu_slot];
  const SlotOwner& current = owners_[current_slot_];
  return std::pair(last.event_class, last.rank) < std::pair(current.event_class, current.rank);
}

// How many steps of a run have ended; the last one ends with the run.
std::size_t Simulator::steps_ended(Time now, const Server& server) const {
  const StepRun& run = server.run;
  const auto last = run.steps.begin() + static_cast<std::ptrdiff_t>(run.length) - 1;
  const auto current = std::partition_point(
      run.steps.begin(), last, [&](const RunStep& step) { return has_ended(now, server, step); });
  return static_cast<std::size_t>(current - run.steps.begin());
}

void Simulator::cut_run(Time now, int index) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  StepRun& run = server.run;
  if (run.length == 0) return;
  const std::size_t ended = steps_ended(now, server);
  if (ended + 1 == run.length) return;
  run.length = ended + 1;
  schedule_run(run);
}

void Simulator::catch_up(Time now, int index) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  StepRun& run = server.run;
  if (run.length == 0) return;
  const std::size_t ended = steps_ended(now, server);
  account_for(server, ended);
  skip_silent(server, ended);
  run.steps.erase(run.steps.begin(), run.steps.begin() + static_cast<std::ptrdiff_t>(ended));
  run.length -= ended;
}

void Simulator::account_for(Server& server, std::size_t count) {
  const StepRun& run = server.run;
  ServiceState& service = fleet_.services[static_cast<std::size_t>(server.service)];
  const std::span steps(run.steps.data(), count);
  account_on(server.partition, steps);
  for (const Rank& rank : server.others) account_on(rank.partition, steps);
  service.steps += count;
  service.step_items += run.items * static_cast<double>(count);
}

void Simulator::account_on(int where, std::span<const RunStep> steps) {
  PartitionState& partition = fleet_.partitions[static_cast<std::size_t>(where)];
  std::visit(
      [&](auto& executor) {
        for (const RunStep& step : steps) {
          partition.flop += step.flop;
          partition.bytes += step.bytes;
          executor.absorb(step.gpu_start, step.gpu_end, step.gpu_s);
        }
      },
      partition.executor);
}

void Simulator::skip_silent(Server& server, std::size_t count) {
  silent_ends_.clear();
  for (std::size_t i = 0; i < count; ++i) silent_ends_.push_back(server.run.steps[i].end);
  std::get<ContinuousEngine>(server.engine).skip(silent_ends_);
}

void Simulator::end_run(Time now, std::uint32_t index) {
  Server& server = fleet_.servers[index];
  account_for(server, server.run.length);
  skip_silent(server, server.run.length - 1);
  server.run.length = 0;
  if (--server.steps_in_hand == 0)
    fleet_.services[static_cast<std::size_t>(server.service)].servers_busy.add(now, -1);
  std::get<ContinuousEngine>(server.engine).complete({}, now, outbox_);
  mark_dirty(static_cast<int>(index));
}

}  // namespace gpushare
