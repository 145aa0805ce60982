#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "gpushare/scenario.hpp"
#include "gpushare/simulation.hpp"
#include "sharing/executor.hpp"

namespace test_leases {

// Turns by shares: what each process gets, whoever else has work. Times in seconds.

namespace {

using namespace gpushare;

Time at(double s) { return {std::llround(s * 1e9)}; }

/// Processes with shares that do steps of these lengths again and again, each some time after the one before.
struct Looping {
  double share = 1;
  double step_s = 0.05;
  double gap_s = 0;     ///< between two steps
  double first_s = 0;   ///< when it begins
  double last_s = 1e9;  ///< when it begins no more
};

struct Outcome {
  std::vector<double> ran_s;
  std::map<std::int64_t, std::vector<double>> by_plan_s;
  ExecutorAccount account;
};

/// Run times by process, from the log, cut at the ends of plans.
void add_holds(const ExecutorLog& log, double plan_s, std::size_t processes, Outcome& outcome) {
  outcome.ran_s.resize(processes);
  for (const ExecutorLog::Hold& hold : log.holds) {
    if (hold.switching) continue;
    const auto process = static_cast<std::size_t>(hold.process);
    outcome.ran_s[process] += to_seconds(hold.end - hold.begin);
    for (Time from = hold.begin; from < hold.end;) {
      const std::int64_t plan = from.ns / duration_from_seconds(plan_s).ns;
      const Time end = std::min(hold.end, Time{(plan + 1) * duration_from_seconds(plan_s).ns});
      auto& ran = outcome.by_plan_s[plan];
      ran.resize(processes);
      ran[process] += to_seconds(end - from);
      from = end;
    }
  }
}

Outcome run(const Sharing& sharing, const std::vector<Looping>& loops, double until_s) {
  GpuProfile profile;
  profile.time_slicing = {2e-3, 0.2e-3, 0.1e-3, 0};
  Executor any = make_executor(profile, {}, sharing);
  auto& executor = std::get<TimeSliceExecutor>(any);
  ExecutorLog log;
  executor.log_to(&log);
  std::vector<Time> next;
  for (const Looping& loop : loops) {
    static_cast<void>(add_process(any, 108, loop.share));
    next.push_back(at(loop.first_s));
  }
  std::vector<StepId> finished;
  Time now{};
  while (true) {
    now = executor.next_event();
    for (const Time time : next) now = std::min(now, time);
    if (now >= at(until_s)) break;
    finished.clear();
    if (executor.next_event() <= now) executor.collect(now, finished);
    for (const StepId step : finished) {
      const Looping& loop = loops[step];
      if (now < at(loop.last_s)) next[step] = now + duration_from_seconds(loop.gap_s);
    }
    for (std::size_t i = 0; i < loops.size(); ++i) {
      if (next[i] > now) continue;
      next[i] = kNever;
      Work work;
      work.step = static_cast<StepId>(i);
      work.process = static_cast<int>(i);
      work.gpu_s = loops[i].step_s;
      work.segments = 3;  // which end no turn here
      executor.submit(now, work);
    }
    executor.settle(now);
  }
  Outcome outcome;
  outcome.account = executor.account(at(until_s));
  for (std::size_t i = 0; i < loops.size(); ++i) {
    std::vector<StepId> dropped;
    executor.abort(at(until_s), static_cast<int>(i), dropped);  // ends the hold in progress
  }
  add_holds(log, sharing.plan_s, loops.size(), outcome);
  return outcome;
}

Sharing fair(double lease_s = 0.25) {
  return {SharingMode::time_slicing, -1, -1, -1, SlicePolicy::fair, lease_s};
}

Sharing strict(double lease_s = 0.25, double plan_s = 5) {
  return {SharingMode::time_slicing, -1, -1, -1, SlicePolicy::strict, lease_s, plan_s};
}

}  // namespace

TEST_CASE("fair: saturating processes run in proportion to their weights, steps of any length and gap") {
  for (const double step_s : {0.003, 0.008, 0.05, 1.7})
    for (const double gap_s : {0.0, 0.0005}) {
      if (gap_s > step_s / 8) continue;  // one with gaps alone could not use three quarters
      const Outcome found = run(fair(), {{1, step_s, gap_s}, {3, step_s, gap_s}}, 200);
      const double sum = found.ran_s[0] + found.ran_s[1];
      INFO("steps of " << step_s << " s, gaps of " << gap_s << " s");
      CHECK(found.ran_s[1] / sum == doctest::Approx(0.75).epsilon(0.01));
      CHECK(sum == doctest::Approx(found.account.busy_s));
      CHECK(found.account.idle_with_work_s == 0);
      CHECK(found.account.busy_s + found.account.switching_s <= 200 + 1e-9);
    }
}

TEST_CASE("fair: what one leaves goes to the others in proportion, and it is not owed afterwards") {
  const Outcome idle = run(fair(), {{1, 0.01}, {2, 0.01}, {5, 0.01, 0, 60}}, 60);
  CHECK(idle.ran_s[2] == 0);
  CHECK(idle.ran_s[1] / (idle.ran_s[0] + idle.ran_s[1]) == doctest::Approx(2.0 / 3).epsilon(0.01));
  CHECK(idle.account.switching_s + idle.account.busy_s == doctest::Approx(60).epsilon(1e-6));
  const Outcome late =
      run(fair(), {{1, 0.01}, {1, 0.01, 0, 60}}, 61);  // the newcomer is owed two leases at most
  CHECK(late.ran_s[1] <= 0.5 + 2 * 0.25 + 0.01);
  CHECK(late.ran_s[1] > 0.5);
}

TEST_CASE("fair: one that uses less than its share is served at once") {
  // Five milliseconds every tenth of a second, beside one that never stops: it waits for a hand-over, never for a lease.
  const Outcome found = run(fair(), {{1, 10}, {1, 0.005, 0.095}}, 100);
  CHECK(found.ran_s[1] == doctest::Approx(5).epsilon(0.01));
}

TEST_CASE("strict: half of a plan of 5 s is 2.5 s, alone or beside others") {
  for (const bool alone : {true, false}) {
    const double others = alone ? 1e6 : 0;
    const Outcome found = run(strict(), {{0.25, 0.05, 0, others}, {0.5, 0.05}, {0.25, 0.05, 0, others}}, 50);
    for (const auto& [number, ran_s] : found.by_plan_s) {
      const std::int64_t plan = number;  // a name of a binding is not captured
      INFO("plan " << plan << (alone ? ", alone" : ""));
      CHECK(ran_s[1] <= 2.5 + 1e-6);
      CHECK(ran_s[1] == doctest::Approx(2.5).epsilon(alone ? 1e-6 : 0.003));  // hand-overs
      if (!alone) CHECK(ran_s[0] == doctest::Approx(1.25).epsilon(0.003));
    }
    CHECK(found.account.idle_with_work_s == 0);  // what waits for the next plan may not run
  }
}

TEST_CASE("a run of a strict partition keeps the laws that every run is held to") {
  const Scenario scenario = parse_scenario(R"({"name": "s", "duration_s": 50, "services": {"a": {"model":
    {"kind": "synthetic", "gpu_s": 0.05, "memory_bytes": 1e9}}},
    "pipelines": {"p": {"stages": [{"name": "s", "service": "a"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 12}}],
    "placement": {"gpus": [{"partitions": [{"sharing": {"mode": "time-slicing", "policy": "strict"},
      "processes": [{"service": "a", "gpu_fraction": 0.5}]}]}]}})");
  const Summary summary = simulate(scenario).summary;
  CHECK(summary.completed == 600);
  // 0.6 s of work a second against half of the time: 100 requests are late at the end.
  CHECK(summary.request_throughput == doctest::Approx(10).epsilon(0.01));
}

TEST_CASE("random fleets: work is conserved, fair leaves nothing idle, strict keeps every limit") {
  std::mt19937 random(7);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<Looping> loops;
    const int processes = std::uniform_int_distribution<int>(1, 6)(random);
    for (int i = 0; i < processes; ++i)
      loops.push_back({uniform(0.01, 1.0 / processes), std::pow(10, uniform(-3, 0)),
                       uniform(0, 1) < 0.3 ? 0 : std::pow(10, uniform(-3, 0)), uniform(0, 3),
                       uniform(3, 30)});
    const bool limits = trial % 2 == 0;
    const double lease_s = std::pow(10, uniform(-2.5, 0));
    const Sharing sharing = limits ? strict(lease_s, lease_s * uniform(1, 20)) : fair(lease_s);
    const Outcome found = run(sharing, loops, 30);
    const ExecutorAccount& account = found.account;
    INFO("trial " << trial);
    CHECK(account.busy_s + account.switching_s + account.idle_with_work_s <= 30 + 1e-6);
    double sum = 0;
    for (const double ran_s : found.ran_s) sum += ran_s;
    CHECK(sum == doctest::Approx(account.busy_s).epsilon(1e-6));
    CHECK(account.finished_s <= account.submitted_s + 1e-9);
    if (!limits) CHECK(account.idle_with_work_s == 0);
    for (const auto& [plan, ran_s] : found.by_plan_s)
      for (std::size_t i = 0; limits && i < loops.size(); ++i)
        CHECK(ran_s[i] <= loops[i].share * sharing.plan_s + 2e-9);
  }
}

}  // namespace test_leases
