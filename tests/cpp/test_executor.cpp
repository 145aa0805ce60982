#include <doctest/doctest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "sharing/contention.hpp"
#include "sharing/executor.hpp"

namespace test_executor {

// Timelines worked out by hand. Times in milliseconds.

namespace {

using namespace gpushare;
using Timeline = std::vector<std::pair<double, StepId>>;

Time at_ms(double ms) { return {std::llround(ms * 1e6)}; }

Work work(StepId step, int process, double ms, int segments = 1, bool one_launch = false) {
  Work result;
  result.step = step;
  result.process = process;
  result.gpu_s = ms * 1e-3;
  result.segments = segments;
  result.one_launch = one_launch;
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

TimeSliceExecutor time_slicing(double slice, double preempted, double idle, std::size_t processes,
                               double refill = 0) {
  const auto duration = [](double ms) { return Duration{static_cast<std::int64_t>(ms * 1e6)}; };
  return TimeSliceExecutor({duration(slice), duration(preempted), duration(idle), refill * 1e-3}, processes);
}

/// When `clients` equal steps of `ms` end that start together under MPS.
double end_of_equals(int clients, double ms, const Interference& interference) {
  RateExecutor executor(RateLaw::contention, std::vector<double>(static_cast<std::size_t>(clients), 108),
                        2e12);
  std::vector<std::pair<double, Work>> arrivals;
  for (int client = 0; client < clients; ++client) {
    arrivals.emplace_back(0, work(static_cast<StepId>(client), client, ms));
    arrivals.back().second.interference = interference;
  }
  return run(executor, arrivals).back().first;
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

TEST_CASE("turns that nobody looks at are made up for: one event for each end, at the same instant") {
  for (const int segments : {1, 4}) {
    CAPTURE(segments);
    std::vector<std::pair<double, Work>> arrivals;
    for (int i = 0; i < 30; ++i) {
      Work step = work(static_cast<StepId>(i), i % 3, 1.7 + 13.3 * (i % 7), 1 + i % segments, i % 2 == 0);
      step.memory_s = step.gpu_s / (1 + i % 4);
      step.power_w = 50 + i;
      arrivals.emplace_back(23.3 * i, step);
    }
    auto seen = time_slicing(2.08, 0.2, 0.1, 3, 0.05);
    auto unseen = time_slicing(2.08, 0.2, 0.1, 3, 0.05);
    unseen.show_turns(false);
    CHECK(run(seen, arrivals) == run(unseen, arrivals));
    const Time end = at_ms(1e5);
    const ExecutorAccount one = seen.account(end), other = unseen.account(end);
    CHECK(one.busy_s == other.busy_s);
    CHECK(one.switching_s == other.switching_s);
    CHECK(one.energy_j == other.energy_j);
    CHECK(one.switching_s > 0.02);
  }
}

TEST_CASE(
    "turns are passed over to the first end of a step, those of steps that wait for their own results not "
    "all at once") {
  auto two = time_slicing(2, 0.2, 0.1, 2);
  two.show_turns(false);
  two.submit(at_ms(0), work(1, 0, 300));
  two.submit(at_ms(0), work(2, 1, 200));
  two.settle(at_ms(0));
  CHECK(two.next_event() == at_ms(439.8));  // the 100th turn of the second: 199 hand-overs, 200 slices
  two.submit(at_ms(7.5), work(3, 1, 5));    // beside its other step: its turns are looked at again
  two.settle(at_ms(7.5));
  CHECK(two.next_event() <= at_ms(8.6));
  auto cut = time_slicing(2, 0.2, 0.1, 2);
  cut.show_turns(false);
  cut.submit(at_ms(0), work(1, 0, 500, 500));  // waits for its own result each millisecond
  cut.submit(at_ms(0), work(2, 1, 400));
  cut.settle(at_ms(0));
  CHECK(cut.next_event() > at_ms(50));
  CHECK(cut.next_event() < at_ms(300));
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

TEST_CASE("a pre-empted step costs the refill for its memory-bound share, one that went idle does not") {
  auto executor = time_slicing(2, 0.2, 0.1, 2, 0.4);
  Work first = work(1, 0, 3);
  first.memory_s = 1.5e-3;
  // A 0-2, 0.2 + 0.4 / 2, B 2.4-4.4, 0.2, A 4.6-5.6 ends, 0.1, B 5.7-6.7.
  check(run(executor, {{0, first}, {0, work(2, 1, 3)}}), {{5.6, 1}, {6.7, 2}});
}

TEST_CASE("hand-overs take the profile's costs, multiplied, or those that the sharing gives") {
  GpuProfile profile;
  profile.time_slicing = {2e-3, 0.2e-3, 0.1e-3, 0.4e-3};
  const auto ends = [&](const Sharing& sharing, double factor) {
    Executor executor = make_executor(profile, {}, sharing, factor);
    for (int process = 0; process < 2; ++process) CHECK(add_process(executor, 108) == process);
    Work first = work(1, 0, 3);
    first.memory_s = 1.5e-3;
    return run(std::get<TimeSliceExecutor>(executor), {{0, first}, {0, work(2, 1, 3)}});
  };
  check(ends({SharingMode::time_slicing}, 1), {{5.6, 1}, {6.7, 2}});  // as above
  // A 0-2, 0.8, B 2.8-4.8, 0.4, A 5.2-6.2 ends, 0.2, B 6.4-7.4.
  check(ends({SharingMode::time_slicing}, 2), {{6.2, 1}, {7.4, 2}});
  // Costs of its own know no refill: A 0-2, 0.3, B 2.3-4.3, 0.3, A 4.6-5.6, 0.05, B 5.65-6.65.
  check(ends({SharingMode::time_slicing, -1, 0.3e-3, 0.05e-3}, 1), {{5.6, 1}, {6.65, 2}});
}

TEST_CASE("a lower clock stretches the compute-bound part of what is left") {
  const auto half_bound = [](StepId step, int process, double ms) {
    Work result = work(step, process, ms);
    result.compute_s = result.gpu_s / 2;
    return result;
  };
  const auto finish = [&](auto executor) {
    executor.submit(at_ms(0), half_bound(1, 0, 2));
    executor.settle(at_ms(0));
    executor.set_clock(at_ms(1), 0.5, 0.25);  // the second millisecond takes 1 + 0.5 x (2 - 1)
    CHECK(executor.next_event() == at_ms(2.5));
    executor.set_clock(at_ms(1.75), 1, 1);  // after half of it
    return executor.next_event();
  };
  CHECK(finish(time_slicing(2, 0.2, 0.1, 1)) == at_ms(2.25));
  CHECK(finish(RateExecutor(RateLaw::equal_share, {108}, 2e12)) == at_ms(2.25));
}

TEST_CASE("a slice that ends as the clock changes is not renewed") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  executor.submit(at_ms(0), work(1, 0, 10));
  executor.submit(at_ms(0), work(2, 1, 1));
  executor.settle(at_ms(0));
  executor.set_clock(at_ms(2), 0.5, 0.25);
  CHECK(executor.next_event() == at_ms(2));
  check(run(executor, {}), {{3.2, 2}, {11.3, 1}});  // A 0-2, B 2.2-3.2, A 3.3-11.3
}

TEST_CASE("only the running process draws under time-slicing, and nobody during a hand-over") {
  auto executor = time_slicing(2, 0.2, 0.1, 2);
  Work first = work(1, 0, 3), second = work(2, 1, 3);
  first.power_w = 100;
  second.power_w = 300;
  executor.submit(at_ms(0), first);
  executor.submit(at_ms(0), second);
  executor.settle(at_ms(0));
  CHECK(executor.draw_w() == 100);
  std::vector<StepId> finished;
  executor.collect(at_ms(2), finished);
  executor.settle(at_ms(2));
  CHECK(executor.draw_w() == 0);
  executor.collect(at_ms(2.2), finished);
  executor.settle(at_ms(2.2));
  CHECK(executor.draw_w() == 300);
}

TEST_CASE("steps side by side draw in proportion to their rates") {
  RateExecutor executor(RateLaw::contention, {108, 108}, 2e12);
  Work first = work(1, 0, 2), second = work(2, 1, 2);
  first.interference = {0.5, 2.0};
  second.interference = {1.0, 1.0};
  first.power_w = 300;
  second.power_w = 90;
  executor.submit(at_ms(0), first);
  executor.settle(at_ms(0));
  CHECK(executor.draw_w() == 300);
  executor.submit(at_ms(0), second);
  executor.settle(at_ms(0));
  CHECK(executor.draw_w() == doctest::Approx(300 * 2.0 / 3 + 90 / 3.0));
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
  RateExecutor executor(RateLaw::contention, {108, 108}, 2e12);
  Work first = work(1, 0, 2), second = work(2, 1, 2);
  first.interference = {0.5, 2.0};
  second.interference = {1.0, 1.0};
  // Rates 1/(1 + 0.5 x 1) = 2/3 and 1/(1 + 1 x 2) = 1/3: the first ends at 3; the second has 1 left and runs alone.
  check(run(executor, {{0, first}, {0, second}}), {{3, 1}, {4, 2}});
}

TEST_CASE("three MPS clients that fill the machine close each other's gaps") {
  // Each of three presses 1 with occupancy 0.5: 2 + (1 - 0.5) x 2 x 0.25 / 2 = 2.125 on a neighbour, times 0.4.
  CHECK(end_of_equals(3, 2, {0.4, 1, 0.5}) == doctest::Approx(2 * (1 + 0.4 * 2.125)));
  CHECK(end_of_equals(3, 2, {0.4, 1, 0}) == doctest::Approx(2 * (1 + 0.4 * 2)));
  CHECK(end_of_equals(2, 2, {0.4, 1, 0.5}) == doctest::Approx(2 * (1 + 0.4)));
}

TEST_CASE("without caps two equal clients take their floor once and their work twice") {
  const UncappedLaw law{2e-6, 0.8};
  for (const double saturating : {0.0, 0.4, 1.0}) {
    CAPTURE(saturating);
    // Kernels of 20 us, 2 of them passed one after the other: a tenth of what does not saturate counts as work.
    const Interference part = predict_interference(law, {20e-6, saturating, 0, 0, 1});
    const double work = saturating + (1 - saturating) * 0.1;
    CHECK(end_of_equals(2, 5, part) == doctest::Approx(5 * ((1 - work) + 2 * work)));
    CHECK(part.pressure == doctest::Approx(std::pow(2 * work, 0.8)));
    CHECK(part.occupancy == doctest::Approx(work));
  }
}

TEST_CASE(
    "without caps clients that saturate share the time, and clients that press on nothing do not meet") {
  const Interference full = predict_interference(UncappedLaw{2e-6, 0.8, 0.2}, {50e-6, 1, 0, 0, 1});
  for (const int clients : {1, 2, 3, 8})
    CHECK(end_of_equals(clients, 5, full) == doctest::Approx(5 * clients));
  const Interference launch_bound = predict_interference(UncappedLaw{2e-6, 0.8}, {1e-6, 0, 0, 0, 1});
  CHECK(end_of_equals(4, 5, launch_bound) == doctest::Approx(20));  // kernels shorter than their launches
  const Interference none = predict_interference(UncappedLaw{0, 0.8}, {50e-6, 0, 0, 0, 1});
  CHECK(none.pressure == 0);
  CHECK(end_of_equals(8, 5, none) == doctest::Approx(5));
  // A saturating kernel of 100 us costs a short one of 10 us ten times its time with an exponent of 1.
  const UncappedLaw linear{0, 1};
  const Interference longer = predict_interference(linear, {100e-6, 1, 0, 0, 1}),
                     shorter = predict_interference(linear, {10e-6, 1, 0, 0, 1});
  CHECK(shorter.susceptibility * longer.pressure == doctest::Approx(10));
  CHECK(longer.susceptibility * shorter.pressure == doctest::Approx(0.1));
}

TEST_CASE(
    "short kernels slip in where those of longer clients end, and wait for several that fill the machine") {
  const Interference own{0.5, 2, 0.25, 0.2};  // q = 0.5 x 12 = 6: 12 / sqrt(1 + 0.2 x 5)
  Neighbours others;
  others.add(12, 1);
  CHECK(interference_slowdown(own, others) == doctest::Approx(1 + 0.5 * 12 / std::sqrt(2.0)));
  others.add(12,
             1);  // as long on the average, twice the pressure, and no gaps: 0.75 x 2 x 144 / 24 beside it
  CHECK(interference_slowdown(own, others) == doctest::Approx(1 + 0.5 * (24 / std::sqrt(2.0) + 9)));
  Neighbours shorter;
  shorter.add(1.5, 1);
  CHECK(interference_slowdown(own, shorter) == doctest::Approx(1 + 0.5 * 1.5));
  Neighbours half_the_time;
  half_the_time.add(6, 1, 1, 12);
  CHECK(interference_slowdown(own, half_the_time) == doctest::Approx(1 + 0.5 * 6 / std::sqrt(2.0)));
}

TEST_CASE(
    "with caps a step presses by its launches, and by its bandwidth and FLOP in proportion to its SMs") {
  const CappedLaw law{0.1, 0.6, 0.2, -0.5, 0.4};
  // A quarter of the SMs, kernels of 40 us: d = 0.1 + 0.5 x (0.6 x 0.5 + 0.2 x 0.3), s = 4^-0.5 x exp(0.4 x 0.5).
  const Interference part = predict_interference(law, {40e-6, 0.9, 0.5, 0.3, 0.25});
  CHECK(part.pressure == doctest::Approx(0.28));
  CHECK(part.susceptibility == doctest::Approx(0.5 * std::exp(0.2)));
  CHECK(part.occupancy == 0);
  const Interference idle = predict_interference(law, {10e-6, 0, 0, 0, 0.25});
  CHECK(idle.pressure == doctest::Approx(0.1));
  CHECK(idle.susceptibility == doctest::Approx(1));
  CHECK(predict_interference(law, {}).pressure == 0);  // no kernels
}

TEST_CASE("saturated bandwidth divides in proportion to SMs under MPS") {
  // Two copies, alone at 2400 and 4169 GB/s on 32 and 98 SMs of a card that gives 4536: shares 1117 and 3419.
  RateExecutor executor(RateLaw::contention, {32, 98}, 4536e9);
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

}  // namespace test_executor
