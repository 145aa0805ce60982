#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "sharing/executor.hpp"

// Timelines worked out by hand. Times in milliseconds.

namespace {

using namespace gpushare;
using Timeline = std::vector<std::pair<double, StepId>>;

Time at_ms(double ms) { return {static_cast<std::int64_t>(ms * 1e6 + 0.5)}; }

Work work(StepId step, int process, double ms, int segments = 1, bool single_kernel = false) {
  Work result;
  result.step = step;
  result.process = process;
  result.gpu_s = ms * 1e-3;
  result.segments = segments;
  result.single_kernel = single_kernel;
  return result;
}

/// Submits each work at its time and notes when every step ends.
template <typename AnyExecutor>
Timeline run(AnyExecutor& executor, const std::vector<std::pair<double, Work>>& arrivals) {
  Timeline ends;
  std::size_t next = 0;
  while (true) {
    const Time arrival = next < arrivals.size() ? at_ms(arrivals[next].first) : kNever;
    const Time now = std::min(arrival, executor.next_event());
    if (now == kNever) return ends;
    if (executor.next_event() <= now) {
      std::vector<StepId> finished;
      executor.collect(now, finished);
      for (const StepId step : finished) ends.emplace_back(static_cast<double>(now.ns) * 1e-6, step);
    }
    while (next < arrivals.size() && at_ms(arrivals[next].first) == now)
      executor.submit(now, arrivals[next++].second);
    executor.settle(now);
  }
}

void check(const Timeline& found, const Timeline& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].second == expected[i].second);
    CHECK(found[i].first == doctest::Approx(expected[i].first).epsilon(1e-6));
  }
}

TimeSliceExecutor time_slicing(double slice, double preempted, double idle, std::size_t processes) {
  const auto duration = [](double ms) { return Duration{static_cast<std::int64_t>(ms * 1e6)}; };
  return TimeSliceExecutor({duration(slice), duration(preempted), duration(idle)}, processes);
}

}  // namespace

TEST_CASE("two equal steps of different processes take turns slice by slice") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  // A 0-2, switch, B 2.2-4.2, switch, A 4.4-5.4 ends (3 in all); A went idle: switch 0.1, B 5.5-6.5.
  check(run(executor, {{0, work(1, 0, 3)}, {0, work(2, 1, 3)}}), {{5.4, 1}, {6.5, 2}});
  const ExecutorAccount account = executor.account(at_ms(6.5));
  CHECK(account.busy_s == doctest::Approx(6e-3));
  CHECK(account.switching_s == doctest::Approx(0.5e-3));
  CHECK(account.idle_with_work_s == 0);
}

TEST_CASE("a newcomer waits for the end of the running slice, which the process alone keeps renewing") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  // A from 0; at 5 its third slice (4-6) runs, so B gets the GPU at 6.2; B needs 0.5; A back at 6.8, 4 of 10 left.
  check(run(executor, {{0, work(1, 0, 10)}, {5, work(2, 1, 0.5)}}), {{6.7, 2}, {10.8, 1}});
}

TEST_CASE("a single long kernel gives the GPU up at once when its slice has expired") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  // At 5 the kernel has run 5 of 10: hand-over at once, B 5.2-5.7, back at 5.8, 5 left.
  check(run(executor, {{0, work(1, 0, 10, 1, true)}, {5, work(2, 1, 0.5)}}), {{5.7, 2}, {10.8, 1}});
}

TEST_CASE("a step of dependent segments gives the GPU away at the end of each while a neighbour waits") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  // B (3 x 0.5) comes at 1 while A runs 0-2: B 2.2-2.7, A 2.8-4.8, B 5.0-5.5, A 5.6-7.6, B 7.8-8.3, A 8.4-12.4.
  check(run(executor, {{0, work(1, 0, 10)}, {1, work(2, 1, 1.5, 3)}}), {{8.3, 2}, {12.4, 1}});
}

TEST_CASE("segments cost nothing to a process alone") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  check(run(executor, {{0, work(1, 0, 10, 20)}}), {{10, 1}});
}

TEST_CASE(
    "a context that stays resident starts again without a switch, another one pays the idle hand-over") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  check(run(executor, {{0, work(1, 0, 1)}, {3, work(2, 0, 1)}, {6, work(3, 1, 1)}}),
        {{1, 1}, {4, 2}, {7.1, 3}});
}

TEST_CASE("round robin goes in the order of the run list, not of arrival") {
  auto executor = time_slicing(2, 0.2, 0.1, 3);
  // 0 runs; 2 comes before 1, yet 1 is next after 0.
  check(run(executor, {{0, work(1, 0, 4)}, {0.5, work(3, 2, 1)}, {1, work(2, 1, 1)}}),
        {{3.2, 2}, {4.3, 3}, {6.4, 1}});
}

TEST_CASE("an aborted process leaves the GPU to the others") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  executor.submit(at_ms(0), work(1, 0, 10));
  executor.submit(at_ms(0), work(2, 1, 1));
  executor.settle(at_ms(0));
  std::vector<StepId> dropped;
  executor.abort(at_ms(1), 0, dropped);
  executor.settle(at_ms(1));
  CHECK(dropped == std::vector<StepId>{1});
  check(run(executor, {}), {{2.1, 2}});
}

TEST_CASE("equal sharing runs n processes at 1/n and the steps of one process in turns") {
  RateExecutor executor(RateLaw::equal_share, {108, 108}, 2e12);
  // Process 0 has two steps: with process 1 they run at 1/4, 1/4, 1/2. Step 3 ends at 2; then 1/2 each for 1.5 more.
  check(run(executor, {{0, work(1, 0, 2)}, {0, work(2, 0, 2)}, {0, work(3, 1, 1)}}),
        {{2, 3}, {5, 1}, {5, 2}});
}

TEST_CASE("MPS slows each step by its susceptibility times the pressure of the others") {
  RateExecutor executor(RateLaw::interference, {108, 108}, 2e12);
  Work first = work(1, 0, 2), second = work(2, 1, 2);
  first.interference = {0.5, 2.0};
  second.interference = {1.0, 1.0};
  // Rates 1/(1 + 0.5 x 1) = 2/3 and 1/(1 + 1 x 2) = 1/3: the first ends at 3; the second has 1 left and runs alone.
  check(run(executor, {{0, first}, {0, second}}), {{3, 1}, {4, 2}});
}

TEST_CASE("saturated bandwidth divides in proportion to SMs under MPS") {
  // Two copies, alone at 2400 and 4169 GB/s on 32 and 98 SMs of a card that gives 4536: shares 1117 and 3419.
  RateExecutor executor(RateLaw::interference, {32, 98}, 4536e9);
  Work small = work(1, 0, 1000), large = work(2, 1, 1000);
  small.bytes_per_s = 2400e9;
  large.bytes_per_s = 4169e9;
  small.memory_s = large.memory_s = 1;
  executor.submit({}, small);
  executor.submit({}, large);
  executor.settle({});
  // The larger ends first, after 4169 / (4536 x 98/130) seconds.
  CHECK(to_seconds(executor.next_event()) == doctest::Approx(4169.0 / (4536.0 * 98 / 130)));
}

TEST_CASE("MPS caps round down to what the hardware gives") {
  // Shares measured on one H200 with 132 SMs, driver 580.159.04.
  GpuProfile profile;
  profile.mps.sm_granularity = 2;
  const std::vector<std::pair<double, int>> measured{{10, 12}, {14, 18}, {20, 26},  {25, 32},  {29, 38},
                                                     {30, 38}, {40, 52}, {43, 56},  {50, 66},  {57, 74},
                                                     {60, 78}, {75, 98}, {80, 104}, {100, 132}};
  for (const auto& [percentage, sms] : measured) CHECK(mps_sms(profile, 132, percentage) == sms);
}
