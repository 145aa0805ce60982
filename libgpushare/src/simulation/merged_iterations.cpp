#include "simulation/merged_iterations.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace gpushare {
namespace {

// How far a run looks ahead. Neither changes what comes out: a job that arrives makes steps beyond it worthless, and
// each end of a run costs an event.
constexpr std::size_t kMostSteps = 256;
constexpr std::size_t kStepsBeyondNextEvent = 8;

// Whether nobody else draws power there.
bool has_clock_to_itself(const Fleet& fleet, const GpuState& gpu) {
  std::size_t processes = 0;
  for (const std::uint32_t partition : gpu.partitions)
    processes += fleet.partitions[partition].servers.size();
  return gpu.profile->power.averaging_s > 0 && processes == 1;
}

}  // namespace

void MergedIterations::add(std::uint32_t index) {
  Server& server = fleet_.servers[index];
  if (auto* engine = std::get_if<ContinuousEngine>(&server.engine); engine != nullptr && fleet_.one_by_one)
    engine->take_one_by_one();
  // The partition whose event would end a step on the GPU: the last of those that end it together.
  const auto rank_of = [this](const Rank& rank) {
    return kernel_.owner(fleet_.partition_of(rank).slot).rank;
  };
  std::uint64_t last = rank_of(server);
  for (const Rank& rank : server.others) last = std::max(last, rank_of(rank));
  server.run.gpu_slot = add_slot(kernel_, kGpuEvent, Part::iterations, index, last);
  server.run.host_slot = add_slot(kernel_, kIterationEvent, Part::iterations, index, index);
}

void MergedIterations::refresh() {
  for (std::size_t node = 0; node < fleet_.nodes.size(); ++node)
    fleet_.nodes[node].never_full = wanted_ && host_never_full(node);
  for (Server& server : fleet_.servers) {
    if (server.own_step < 0 || server.state == Server::State::gone) continue;
    server.run.possible = fleet_.nodes[server.node].never_full && undisturbed(server) &&
                          std::all_of(server.others.begin(), server.others.end(), [&](const Rank& rank) {
                            return undisturbed(rank) && rank.resources == server.resources;
                          });
  }
  shared_.refresh();
}

bool MergedIterations::host_never_full(std::size_t node) const {
  const int cores = fleet_.nodes[node].cores.cores();
  if (cores == 0) return true;
  int steps = 0;
  for (const Server& server : fleet_.servers)
    if (server.state != Server::State::gone && server.node == node)
      steps += most_steps_at_once(workload_.services[static_cast<std::size_t>(server.service)].engine);
  return steps <= cores;
}

// Whether nothing but a process's own steps sets their rate there.
bool MergedIterations::undisturbed(const Rank& rank) const {
  const PartitionState& partition = fleet_.partition_of(rank);
  const GpuState& gpu = fleet_.gpus[partition.gpu];
  return partition.servers.size() == 1 && partition.sharing.policy == SlicePolicy::round_robin &&
         (!gpu.can_throttle || has_clock_to_itself(fleet_, gpu));
}

// Whether the clock stays full for steps that draw no more than the limit leaves.
bool MergedIterations::at_full_clock(Time now, const Rank& rank) const {
  const GpuState& gpu = fleet_.gpus[fleet_.gpu_of(rank)];
  const PowerConstants& power = gpu.profile->power;
  return !gpu.can_throttle || (gpu.clock == 1 && gpu.draw.mean_w(now, power.averaging_s) <= power.left_w());
}

double MergedIterations::most_power_w(const Rank& rank) const {
  const GpuState& gpu = fleet_.gpus[fleet_.gpu_of(rank)];
  return gpu.can_throttle ? gpu.profile->power.left_w() : std::numeric_limits<double>::infinity();
}

Time MergedIterations::next_boundary() const {
  Time first = kNever;
  for (const EventQueue::Slot slot : boundaries_) first = std::min(first, kernel_.time_of(slot));
  return first;
}

RunStep MergedIterations::run_step(Time planned, const StepTime& time, const Step& step,
                                   const Server& server) const {
  const double power_w = step_power_w(*fleet_.partition_of(server).profile, time, server.resources.sms);
  return run_step(planned, time, power_w, lengths_of(time, step.demand), step.items);
}

template <class MakeStep>
RunStep MergedIterations::known_run_step(Time planned, Server& server, std::uint64_t form, double items,
                                         const MakeStep& step) const {
  const KnownStep& known = known_step(fleet_, server, where_, form, step);
  return run_step(planned, known.time, known.work.power_w, known.lengths, items);
}

RunStep MergedIterations::run_step(Time planned, const StepTime& time, double power_w,
                                   const StepLengths& lengths, double items) {
  RunStep run;
  run.gpu_s = time.gpu_s;
  run.flop = time.flop;
  run.bytes = time.bytes;
  run.power_w = power_w;
  run.items = items;
  run.gpu_start = planned + lengths.host_before;
  run.gpu_end = run.gpu_start + lengths.on_gpu;
  run.end = run.gpu_end + lengths.host_after;
  return run;
}

bool MergedIterations::append(StepRun& run, const RunStep& step) const {
  if (step.gpu_s <= 0 || step.end >= boundary_ || step.power_w > most_power_w_) return false;
  run.steps.push_back(step);
  return true;
}

void MergedIterations::look_ahead(Server& server, StepRun& run, const ContinuousEngine& engine,
                                  const Step& first, std::size_t most) const {
  while (run.steps.size() < most) {
    const Time planned = run.steps.back().end;
    if (planned > next_event_ && run.steps.size() >= kStepsBeyondNextEvent) return;
    const StepTime time =
        own_step_time(fleet_, std::as_const(server), engine.following_bytes(run.steps.size()));
    if (!append(run, run_step(planned, time, first, server))) return;
  }
}

void MergedIterations::look_ahead(Server& server, StepRun& run, const SlotEngine& engine, const Step&,
                                  std::size_t most) const {
  while (run.steps.size() < most) {
    const SlotForm form = engine.following_form(run.steps.size());
    if (!append(run, known_run_step(run.steps.back().end, server, form.number(), form.items(),
                                    [&] { return engine.step_of(form); })))
      return;
  }
}

template <class Engine>
bool MergedIterations::begin(Time now, int index, const Engine& engine, const Step& first) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  StepRun& run = server.run;
  if (!run.possible || first.demand.pcie_bytes > 0) return false;
  if (!at_full_clock(now, server) || !std::all_of(server.others.begin(), server.others.end(),
                                                  [&](const Rank& rank) { return at_full_clock(now, rank); }))
    return false;
  boundary_ = next_boundary();
  most_power_w_ = most_power_w(server);
  next_event_ = kernel_.next_time();
  run.steps.clear();
  if (first.form != 0) where_ = where_of(fleet_, server);
  const RunStep step = first.form == 0 ? run_step(now, own_step_time(fleet_, server, first), first, server)
                                       : known_run_step(now, server, first.form, first.items,
                                                        [&]() -> const Step& { return first; });
  if (!append(run, step)) return false;
  look_ahead(server, run, engine, first, std::min<std::size_t>(engine.silent_steps() + 1, kMostSteps));
  run.length = run.steps.size();
  if (server.steps_in_hand++ == 0) fleet_.service_of(server).servers_busy.add(now, 1);
  schedule(run);
  return true;
}
template bool MergedIterations::begin(Time, int, const ContinuousEngine&, const Step&);
template bool MergedIterations::begin(Time, int, const SlotEngine&, const Step&);

void MergedIterations::schedule(const StepRun& run) {
  const RunStep& last = run.steps[run.length - 1];
  const bool on_host = last.end > last.gpu_end;
  kernel_.set(run.gpu_slot, on_host ? kNever : last.end);
  kernel_.set(run.host_slot, on_host ? last.end : kNever);
}

// Whether the event that ends a step comes before the one being handled.
bool MergedIterations::has_ended(Time now, const Server& server, const RunStep& step) const {
  if (step.end != now) return step.end < now;
  const Kernel::Owner& last =
      kernel_.owner(step.end > step.gpu_end ? server.run.host_slot : server.run.gpu_slot);
  return last.before(kernel_.current());
}

// How many steps of a run have ended; the last one ends with the run.
std::size_t MergedIterations::steps_ended(Time now, const Server& server) const {
  const StepRun& run = server.run;
  const auto last = run.steps.begin() + static_cast<std::ptrdiff_t>(run.length) - 1;
  const auto current = std::partition_point(
      run.steps.begin(), last, [&](const RunStep& step) { return has_ended(now, server, step); });
  return static_cast<std::size_t>(current - run.steps.begin());
}

void MergedIterations::job_came(Time now, int index, const Job& job) {
  const Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  if (server.run.length == 0) return;
  const bool admits = std::visit(
      [&](const auto& engine) {
        if constexpr (requires { engine.may_admit(job); }) return engine.may_admit(job);
        return false;
      },
      server.engine);
  if (admits) cut(now, index);
}

void MergedIterations::cut(Time now, int index) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  shared_.end(now, server);
  StepRun& run = server.run;
  if (run.length == 0) return;
  const std::size_t ended = steps_ended(now, server);
  if (ended + 1 == run.length) return;
  run.length = ended + 1;
  schedule(run);
}

void MergedIterations::catch_up(Time now, int index) {
  Server& server = fleet_.servers[static_cast<std::size_t>(index)];
  shared_.end(now, server);
  StepRun& run = server.run;
  if (run.length == 0) return;
  const std::size_t ended = steps_ended(now, server);
  account_for(server, ended);
  skip(server, ended);
  run.steps.erase(run.steps.begin(), run.steps.begin() + static_cast<std::ptrdiff_t>(ended));
  run.length -= ended;
}

void MergedIterations::account_for(Server& server, std::size_t count) {
  const StepRun& run = server.run;
  ServiceState& service = fleet_.service_of(server);
  const std::span steps(run.steps.data(), count);
  account_on(server, steps);
  for (const Rank& rank : server.others) account_on(rank, steps);
  service.steps += count;
  for (const RunStep& step : steps) service.step_items += step.items;
}

void MergedIterations::account_on(const Rank& rank, std::span<const RunStep> steps) {
  PartitionState& partition = fleet_.partition_of(rank);
  if (GpuState& gpu = fleet_.gpus[partition.gpu]; gpu.can_throttle)
    for (const RunStep& step : steps) {
      gpu.draw.set(step.gpu_start, step.power_w, gpu.profile->power.averaging_s);
      gpu.draw.set(step.gpu_end, 0, gpu.profile->power.averaging_s);
    }
  std::visit(
      [&](auto& executor) {
        for (const RunStep& step : steps) {
          partition.flop += step.flop;
          partition.bytes += step.bytes;
          executor.absorb(step.gpu_start, step.gpu_end, step.gpu_s, step.power_w);
        }
      },
      partition.executor);
}

void MergedIterations::skip(Server& server, std::size_t count) {
  ends_.clear();
  for (std::size_t i = 0; i < count; ++i) ends_.push_back(server.run.steps[i].end);
  std::visit(
      [&](auto& engine) {
        if constexpr (requires { engine.skip(ends_); }) engine.skip(ends_);
      },
      server.engine);
}

void MergedIterations::on_end(Time now, std::uint32_t index) {
  Server& server = fleet_.servers[index];
  account_for(server, server.run.length);
  skip(server, server.run.length - 1);
  server.run.length = 0;
  if (--server.steps_in_hand == 0) fleet_.service_of(server).servers_busy.add(now, -1);
  std::visit([&](auto& engine) { engine.complete({}, now, kernel_.outbox()); }, server.engine);
  kernel_.mark(index);
}

}  // namespace gpushare
