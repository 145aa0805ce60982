#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "sharing/time_slice_executor.hpp"
#include "thinned.hpp"

namespace test_turns {

// Time-slicing whose turns somebody looks at, against one that goes from one end of a step to the next.

namespace {

using namespace gpushare;

/// What is done to an executor at a time.
struct Action {
  enum class Kind : std::uint8_t { submit, abort, account, join } kind = Kind::submit;
  Time at{};
  Work work{};
};

/// What came out of it, to the last bit.
struct Outcome {
  std::vector<std::pair<std::int64_t, StepId>> ends;
  std::vector<double> accounts;
  std::size_t events = 0;

  void note(const ExecutorAccount& account) {
    accounts.insert(accounts.end(), {account.busy_s, account.switching_s, account.idle_with_work_s,
                                     account.finished_s, account.energy_j});
  }
};

void apply(TimeSliceExecutor& executor, const Action& action, Outcome& outcome) {
  std::vector<StepId> dropped;
  executor.pass_turns(action.at);
  switch (action.kind) {
    case Action::Kind::submit:
      executor.submit(action.at, action.work);
      break;
    case Action::Kind::abort:
      executor.abort(action.at, action.work.process, dropped);
      for (const StepId step : dropped) outcome.ends.emplace_back(action.at.ns, step);
      break;
    case Action::Kind::account:
      outcome.note(executor.account(action.at));
      break;
    case Action::Kind::join:
      CHECK(executor.add_process() >= 0);
      break;
  }
}

Outcome play(const TimeSliceExecutor::Costs& costs, const std::vector<Action>& actions, bool shown) {
  TimeSliceExecutor executor(costs, 3);
  executor.show_turns(shown);
  Outcome outcome;
  std::vector<StepId> finished;
  std::size_t next = 0;
  while (true) {
    const Time action = next < actions.size() ? actions[next].at : kNever;
    const Time now = std::min(action, executor.next_event());
    if (now == kNever) break;
    ++outcome.events;
    if (executor.next_event() <= now) {
      finished.clear();
      executor.collect(now, finished);
      for (const StepId step : finished) outcome.ends.emplace_back(now.ns, step);
    }
    while (next < actions.size() && actions[next].at == now) apply(executor, actions[next++], outcome);
    executor.settle(now);
  }
  outcome.note(executor.account(Time{1'000'000'000'000}));
  return outcome;
}

std::vector<Action> random_actions(std::mt19937& luck) {
  const auto any = [&](int most) { return static_cast<int>(luck() % static_cast<unsigned>(most)); };
  std::vector<Action> actions;
  Time at{};
  for (StepId step = 0; step < 60; ++step) {
    at = at + Duration{any(12'000'000)};
    Action action;
    action.at = at;
    action.work.step = step;
    action.work.process = any(3);
    action.work.gpu_s = 0.0137e-3 * (1 + any(1000));
    action.work.segments = any(3) == 0 ? 1 + any(9) : 1;
    action.work.one_launch = any(2) == 0;
    action.work.memory_s = action.work.gpu_s / (1 + any(3));
    action.work.power_w = 50 + any(100);
    const int what = any(20);
    if (what == 0) action.kind = Action::Kind::abort;
    if (what == 1) action.kind = Action::Kind::account;
    if (what == 2) action.kind = Action::Kind::join;
    actions.push_back(action);
  }
  return actions;
}

}  // namespace

TEST_CASE("from one end of a step to the next comes what turn after turn comes, whatever is done meanwhile") {
  std::size_t shown_events = 0, unseen_events = 0;
  for (int seed = 0; seed < test::thinned(600); ++seed) {
    CAPTURE(seed);
    std::mt19937 luck(static_cast<std::uint32_t>(seed));
    TimeSliceExecutor::Costs costs;
    costs.slice = Duration{luck() % 2 == 0 ? 2'000'000 : 1'370'000};
    costs.switch_preempted = Duration{luck() % 3 == 0 ? 0 : 200'000};
    costs.switch_idle = Duration{luck() % 3 == 0 ? 0 : 100'000};
    costs.refill_s = luck() % 2 == 0 ? 0 : 5e-5;
    const std::vector<Action> actions = random_actions(luck);
    const Outcome shown = play(costs, actions, true), unseen = play(costs, actions, false);
    REQUIRE(shown.ends == unseen.ends);
    REQUIRE(shown.accounts == unseen.accounts);
    shown_events += shown.events;
    unseen_events += unseen.events;
  }
  CHECK(unseen_events * 5 < shown_events * 4);
}

}  // namespace test_turns
