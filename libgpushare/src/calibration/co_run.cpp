#include <algorithm>
#include <cmath>
#include <limits>

#include "gpushare/calibration.hpp"
#include "gpushare/errors.hpp"
#include "sharing/executor.hpp"
#include "sharing/power.hpp"
#include "simulation/kernel.hpp"

namespace gpushare {
namespace {

/// Rows of the square of pair factors.
std::size_t kinds_of(const CoRunSharing& sharing) {
  return static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(sharing.pair_factors.size()))));
}

Executor executor_of(const CoRunSharing& sharing, std::size_t clients) {
  // What bandwidth does to clients is in their pressure and susceptibility: no bytes are declared.
  Executor executor = make_executor(sharing.mode, {1.0, sharing.time_slicing});
  for (std::size_t c = 0; c < clients; ++c) static_cast<void>(add_process(executor, 1.0));
  if (auto* rates = std::get_if<RateExecutor>(&executor); rates != nullptr && !sharing.pair_factors.empty())
    rates->set_pair_factors(sharing.pair_factors, kinds_of(sharing));
  return executor;
}

/// A client's place in its jobs.
struct Progress {
  std::size_t job = 0;
  std::size_t part = 0;
  std::uint32_t done = 0;  ///< repeats of the part
  bool busy = false;
  Time begun{}, first{}, last{};
  bool first_done = false;
  std::uint64_t steps = 0;  ///< finished in all
};

/// Clients on one executor, on a kernel with one timer: an arrival, or the executor's next instant.
class CoRun {
 public:
  CoRun(std::span<const CoRunClient> clients, const CoRunSharing& sharing, Time stop, Time horizon)
      : clients_(clients),
        power_(sharing.power),
        stop_(stop),
        horizon_(horizon),
        executor_(executor_of(sharing, clients.size())),
        progress_(clients.size()),
        rows_(clients.size()),
        timer_(kernel_.add_slot(0, 0, 0)) {}

  /// Until all is served, or until the horizon.
  void run() {
    kernel_.set(timer_, Time{});
    kernel_.run(*this);
  }

  // What the kernel asks. Nothing is told and nobody is marked here.
  void on_event(Time now, std::uint8_t, std::uint32_t) {
    collect(now);
    // A client that waits for its step gives the GPU away before it submits the next one.
    settle_executor(now);
    for (const std::size_t c : waiting_) submit(now, c);
    waiting_.clear();
    begin_jobs(now);
  }
  void settle(Time now) {
    settle_executor(now);
    const Time next = std::min(next_arrival(), next_event());
    kernel_.set(timer_, next > horizon_ ? kNever : next);
  }
  void on_outcome(Time, const Outcome&) {}
  void serve(Time, std::uint32_t) {}
  void report(Time) {}

  [[nodiscard]] std::vector<std::vector<CoRunRow>> take_rows() { return std::move(rows_); }
  [[nodiscard]] const std::vector<Progress>& progress() const { return progress_; }

 private:
  [[nodiscard]] const CoRunJob& job_of(std::size_t c) const { return clients_[c].jobs[progress_[c].job]; }
  [[nodiscard]] Time arrival_of(std::size_t c) const {
    return Time{} + duration_from_seconds(job_of(c).arrival_s);
  }
  [[nodiscard]] bool waits_for_job(std::size_t c) const {
    return !progress_[c].busy && progress_[c].job < clients_[c].jobs.size();
  }

  void begin_jobs(Time now) {
    for (std::size_t c = 0; c < clients_.size(); ++c) {
      if (!waits_for_job(c)) continue;
      if (now > stop_) {
        progress_[c].job = clients_[c].jobs.size();
      } else if (arrival_of(c) <= now) {
        Progress& at = progress_[c];
        at.busy = true;
        at.part = 0;
        at.done = 0;
        at.first_done = false;
        at.begun = now;
        submit(now, c);
      }
    }
  }

  void submit(Time now, std::size_t c) {
    const CoRunStep& step = clients_[c].steps[job_of(c).parts[progress_[c].part].step];
    Work work;
    work.step = static_cast<StepId>(c);
    work.process = static_cast<int>(c);
    work.gpu_s = step.gpu_s;
    work.memory_s = step.memory_s;
    work.compute_s = step.compute_s;
    work.power_w = step.power_w;
    work.interference = step.interference;
    work.kind = step.kind;
    work.one_launch = step.one_launch;
    std::visit([&](auto& executor) { executor.submit(now, work); }, executor_);
  }

  void settle_executor(Time now) {
    std::visit(
        [&](auto& executor) {
          executor.settle(now);
          const double clock = clock_share(power_, executor.draw_w());
          executor.set_clock(now, clock, draw_share(power_, clock));
        },
        executor_);
  }

  [[nodiscard]] Time next_event() const {
    return std::visit([](const auto& executor) { return executor.next_event(); }, executor_);
  }

  [[nodiscard]] Time next_arrival() const {
    Time next = kNever;
    for (std::size_t c = 0; c < clients_.size(); ++c)
      if (waits_for_job(c)) next = std::min(next, arrival_of(c));
    return next;
  }

  void collect(Time now) {
    finished_.clear();
    std::visit([&](auto& executor) { executor.collect(now, finished_); }, executor_);
    for (const StepId c : finished_) finish_step(now, c);
  }

  void finish_step(Time now, std::size_t c) {
    Progress& at = progress_[c];
    const CoRunJob& job = job_of(c);
    ++at.steps;
    at.last = now;
    if (!at.first_done) {
      at.first_done = true;
      at.first = now;
    }
    if (++at.done == job.parts[at.part].repeats) {
      at.done = 0;
      ++at.part;
    }
    if (at.part < job.parts.size()) {
      waiting_.push_back(c);
      return;
    }
    const Time arrival = arrival_of(c);
    rows_[c].push_back({job.arrival_s, to_seconds(at.begun - arrival), to_seconds(at.first - arrival),
                        to_seconds(now - arrival)});
    at.busy = false;
    ++at.job;
  }

  std::span<const CoRunClient> clients_;
  PowerConstants power_;
  Time stop_, horizon_;
  Kernel kernel_;
  Executor executor_;
  std::vector<Progress> progress_;
  std::vector<std::vector<CoRunRow>> rows_;
  std::vector<StepId> finished_;
  std::vector<std::size_t> waiting_;  // clients between two steps of a job
  Kernel::Slot timer_;
};

void check(std::span<const CoRunClient> clients, const CoRunSharing& sharing) {
  const std::size_t kinds = kinds_of(sharing);
  if (kinds * kinds != sharing.pair_factors.size())
    throw SimulationError("pair factors", "expected a square of them");
  for (std::size_t c = 0; c < clients.size(); ++c) {
    for (const CoRunStep& step : clients[c].steps) {
      const auto who = "client " + std::to_string(c);
      if (kinds > 0 && step.kind >= static_cast<int>(kinds))
        throw SimulationError(who, "a step's kind has no row of pair factors");
      if (!(step.gpu_s >= 0)) throw SimulationError(who, "a step's gpu_s must not be below zero");
      if (step.power_w > 0 && sharing.power.limit_w <= sharing.power.idle_w)
        throw SimulationError(who, "a step that draws power needs a limit above the idle power");
    }
    for (std::size_t j = 0; j < clients[c].jobs.size(); ++j) {
      const CoRunJob& job = clients[c].jobs[j];
      const auto where = "client " + std::to_string(c) + ", job " + std::to_string(j);
      if (job.parts.empty()) throw SimulationError(where, "a job needs at least one step");
      for (const CoRunJob::Part& part : job.parts)
        if (part.step >= clients[c].steps.size() || part.repeats == 0)
          throw SimulationError(where, "expected a step of the client, repeated at least once");
      if (j > 0 && job.arrival_s < clients[c].jobs[j - 1].arrival_s)
        throw SimulationError(where, "jobs must be in order of arrival");
    }
  }
}

}  // namespace

std::vector<std::vector<CoRunRow>> simulate_co_run(std::span<const CoRunClient> clients,
                                                   const CoRunSharing& sharing, double stop_after_s) {
  check(clients, sharing);
  CoRun run(clients, sharing, Time{} + duration_from_seconds(stop_after_s), kNever);
  run.run();
  return run.take_rows();
}

std::vector<double> simulate_saturated(std::span<const CoRunStep> steps, const CoRunSharing& sharing,
                                       double horizon_s) {
  std::vector<CoRunClient> clients;
  for (const CoRunStep& step : steps)
    clients.push_back({{step}, {{0, {{0, std::numeric_limits<std::uint32_t>::max()}}}}});
  check(clients, sharing);
  for (std::size_t c = 0; c < steps.size(); ++c)
    if (!(steps[c].gpu_s > 0))
      throw SimulationError("client " + std::to_string(c), "a step repeated without pause must take time");
  const Time horizon = Time{} + duration_from_seconds(horizon_s);
  CoRun run(clients, sharing, horizon, horizon);
  run.run();
  std::vector<double> means;
  for (const Progress& at : run.progress())
    means.push_back(at.steps < 2 ? horizon_s
                                 : to_seconds(at.last - at.first) / static_cast<double>(at.steps - 1));
  return means;
}

}  // namespace gpushare
