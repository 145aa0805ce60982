#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "queueing.hpp"
#include "sharing/contention.hpp"

namespace test_shared_card {

// What all processes of a card share whatever divides its SMs: the power limit, and the link to the host.

namespace {

using namespace queueing;

constexpr double kMs = 1e-3;

/// One server for each user, all on one GPU of the given name; a request is one unit of the model.
Scenario card_with(const char* gpu, const BatchModel& cost, int servers, int users) {
  Scenario scenario = queueing::system(constant(1), fifo(), {{}, 1, servers}, Routing::round_robin);
  scenario.workload.services[0].model = std::make_shared<const Model>(Model{"step", "step", cost, {}});
  scenario.placement.gpus[0].cut = cut_gpu(std::make_shared<const GpuProfile>(load_profile(gpu)));
  Traffic traffic;
  traffic.name = "users";
  traffic.kind = Traffic::Kind::closed;
  traffic.users = users;
  traffic.hold_s = 1e-6;  // one request each
  scenario.workload.traffic.push_back(traffic);
  scenario.workload.duration_s = 10;
  return scenario;
}

/// Puts each server into an instance of its own.
Scenario in_instances(Scenario scenario, const std::string& layout) {
  GpuPlacement& gpu = scenario.placement.gpus[0];
  gpu = empty_gpu(cut_gpu(gpu.cut->profile, parse_layout(gpu.profile(), layout)));
  for (PartitionPlacement& part : gpu.partitions) part.processes = {{}};
  return scenario;
}

Scenario shared_by(Scenario scenario, SharingMode mode) {
  scenario.placement.gpus[0].partitions[0].sharing.mode = mode;
  return scenario;
}

/// Column of the step table, in the order in which the steps ended, seconds.
std::vector<double> steps(const Scenario& scenario, const char* column) {
  RunOptions options;
  options.record_steps = true;
  return simulate(scenario, options).steps.find(column)->numbers;
}

std::vector<double> differences(const Scenario& scenario, const char* from, const char* to) {
  const std::vector<double> begin = steps(scenario, from);
  std::vector<double> result = steps(scenario, to);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] -= begin[i];
  return result;
}

void check(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-6));
}

/// Matrix products at the rate that one 1g.6gb of an A30 reaches alone: 16.0 of 82 / 4 TFLOP/s of TF32. 10 ms each.
BatchModel products() {
  BatchModel cost;
  cost.flop_per_unit = 16e12 * 10 * kMs;
  cost.flop_efficiency = 16.0 / 20.5;
  cost.precision = Precision::tf32;
  cost.memory_bytes = 1e9;
  cost.kernels = 1;
  return cost;
}

/// A copy of 10 ms over an A100's link before a step of 1 ms.
BatchModel copies() {
  BatchModel cost;
  cost.floor_s = 1 * kMs;
  cost.pcie_bytes_per_unit = 10 * kMs * load_profile("a100").pcie_bytes_per_s;
  cost.memory_bytes = 1e9;
  cost.kernels = 1;
  return cost;
}

struct Shared {
  const char* mode;
  Scenario scenario;
};
const std::vector<Shared>& two_copying() {
  static const Scenario both = card_with("a100", copies(), 2, 2);
  static const std::vector<Shared> modes{{"MIG", in_instances(both, "3g.40gb+3g.40gb")},
                                         {"time-slicing", shared_by(both, SharingMode::time_slicing)},
                                         {"MPS", shared_by(both, SharingMode::mps)}};
  return modes;
}

}  // namespace

TEST_CASE("four instances with matrix products throttle to 15.3 of 16.0 TFLOP/s, three do not") {
  // Measured on an A30 (Colfax Research). Each draws 208 W x 16.0 / 82 = 40.6 above idle; 165 - 20.5 = 144.5 W are left,
  // which three do not reach; four would draw 162.3, and the clock falls to (144.5 / 162.3)^(1 / 2.5) = 0.954.
  for (const int running : {1, 2, 3, 4}) {
    CAPTURE(running);
    const Scenario scenario = in_instances(card_with("a30", products(), 4, running), "4x1g.6gb");
    const std::vector<double> times = differences(scenario, "gpu_start_s", "gpu_end_s");
    REQUIRE(times.size() == static_cast<std::size_t>(running));
    for (const double seconds : times) {
      const double tera_flop_per_s = 0.16 / seconds;
      if (running < 4) CHECK(tera_flop_per_s == doctest::Approx(16.0).epsilon(1e-6));
      if (running == 4) CHECK(tera_flop_per_s == doctest::Approx(15.3).epsilon(0.004));
    }
  }
}

TEST_CASE("the clock recovers when a neighbour ends") {
  // The fourth has half of the work. All run at the lower clock until it ends, the others then 5 ms more at full clock.
  Scenario scenario = in_instances(card_with("a30", products(), 4, 3), "4x1g.6gb");
  Traffic half = scenario.workload.traffic[0];
  half.users = 1;
  half.sizes.units = constant(0.5);
  scenario.workload.services.push_back(scenario.workload.services[0]);
  scenario.workload.services[0].replicas = 3;
  scenario.workload.services[1].replicas = 1;
  scenario.workload.services[1].name = "half";
  scenario.placement.gpus[0].partitions[3].processes[0].service = 1;
  scenario.workload.pipelines.push_back(scenario.workload.pipelines[0]);
  scenario.workload.pipelines[1].name = "half";
  scenario.workload.pipelines[1].stages[0].service = 1;
  half.pipeline = 1;
  scenario.workload.traffic.push_back(half);
  const PowerConstants& power = scenario.placement.gpus[0].profile().power;
  const double draw_w = 4 * power.compute_w * 16.0 / 82;
  const double clock = std::pow((power.limit_w - power.idle_w) / draw_w, 1 / power.clock_exponent);
  const double first = 5 * kMs / clock, others = first + 5 * kMs;
  check(differences(scenario, "gpu_start_s", "gpu_end_s"), {first, others, others, others});
}

TEST_CASE("a single process never throttles: its time alone holds its own") {
  // At the peak rate it would draw 208 W of the 144.5 that are left.
  BatchModel peak = products();
  peak.flop_efficiency = 1;
  peak.flop_per_unit = 82e12 * 10 * kMs;
  check(differences(card_with("a30", peak, 1, 1), "gpu_start_s", "gpu_end_s"), {10 * kMs});
  check(differences(in_instances(card_with("a30", peak, 1, 1), "4g.24gb"), "gpu_start_s", "gpu_end_s"),
        {10 * kMs});
  // Nor beside processes that rest, or take turns with it.
  for (const SharingMode mode : {SharingMode::mps, SharingMode::time_slicing})
    check(differences(shared_by(card_with("a30", peak, 4, 1), mode), "gpu_start_s", "gpu_end_s"), {10 * kMs});
  Scenario ideal = shared_by(card_with("a30", peak, 2, 2), SharingMode::time_slicing);
  ideal.placement.gpus[0].partitions[0].sharing.slice_s = 0;
  check(steps(ideal, "gpu_end_s"), {20 * kMs, 20 * kMs});
}

TEST_CASE("a process that copies alone takes the bytes over the rate of the link") {
  for (const Shared& both : two_copying()) {
    CAPTURE(both.mode);
    Scenario one = both.scenario;
    one.workload.traffic[0].users = 1;
    check(differences(one, "planned_s", "gpu_start_s"), {10 * kMs});
  }
}

TEST_CASE("two processes that copy at once take twice as long, under every sharing mode") {
  for (const Shared& both : two_copying()) {
    CAPTURE(both.mode);
    check(differences(both.scenario, "planned_s", "gpu_start_s"), {20 * kMs, 20 * kMs});
  }
}

TEST_CASE("copies share the link only while they overlap") {
  // The second starts at 5: the first has 5 left at half the rate until 15, the second then 5 alone until 20.
  for (const Shared& both : two_copying()) {
    CAPTURE(both.mode);
    Scenario staggered = both.scenario;
    staggered.workload.traffic[0].ramp_up_s = 10 * kMs;
    check(steps(staggered, "gpu_start_s"), {15 * kMs, 20 * kMs});
  }
}

TEST_CASE("GPUs have a link each, and a copy does not wait for kernels") {
  Scenario apart = card_with("a100", copies(), 1, 2);
  apart.placement.gpus.push_back(apart.placement.gpus[0]);
  apart.workload.services[0].replicas = 2;
  check(differences(apart, "planned_s", "gpu_start_s"), {10 * kMs, 10 * kMs});
  // One process with two steps in hand, from 0 and from 2: the first has 8 of 10 to copy at 2 and ends at 18, the second
  // has 2 left then and ends at 20. On the GPU, 15 each, the first has done 2 by then; side by side each waits for half of
  // the other's latency, and for its launch; then the second has 2 left alone.
  BatchModel cost = copies();
  cost.floor_s = 15 * kMs;
  Scenario pipelined = card_with("a100", cost, 1, 2);
  pipelined.workload.services[0].engine = fifo(2);
  pipelined.workload.traffic[0].ramp_up_s = 4 * kMs;
  check(steps(pipelined, "gpu_start_s"), {18 * kMs, 20 * kMs});
  const double launch = load_profile("a100").mps.uncapped.launch_s / (15 * kMs);
  const double slowdown = 1 + kProcessLock * (1 - launch) + launch;
  check(steps(pipelined, "gpu_end_s"), {20 * kMs + 13 * kMs * slowdown, 22 * kMs + 13 * kMs * slowdown});
}

TEST_CASE("a process that dies while it copies leaves the link to the others") {
  // Both have 7.5 of 10 left at 5, and the survivor has the link to itself.
  Scenario scenario = two_copying()[0].scenario;
  Fault fault;
  fault.at_s = 5 * kMs;
  scenario.faults.push_back(fault);
  check(steps(scenario, "gpu_start_s"), {12.5 * kMs});
  const Run run = simulate(scenario);
  CHECK(run.summary.failed == 1);
  CHECK(run.summary.completed == 1);
}

TEST_CASE("a step lasts at least as long as its launches, and gives the GPU away when the GPU is done") {
  BatchModel cost;
  cost.floor_s = 2 * kMs;
  cost.host_after_s = 1 * kMs;
  cost.launch_s = 5 * kMs;
  cost.memory_bytes = 1e9;
  cost.kernels = 1;
  Scenario scenario = card_with("a100", cost, 1, 1);
  check(differences(scenario, "gpu_start_s", "gpu_end_s"), {2 * kMs});
  check(differences(scenario, "gpu_start_s", "done_s"), {6 * kMs});
  // The neighbour has the GPU from 2 on, a hand-over of a process that went idle later.
  scenario = shared_by(card_with("a100", cost, 2, 2), SharingMode::time_slicing);
  scenario.placement.gpus[0].partitions[0].sharing.switch_idle_s = 0.1 * kMs;
  check(steps(scenario, "gpu_end_s"), {2 * kMs, 4.1 * kMs});
  check(steps(scenario, "done_s"), {6 * kMs, 6 * kMs});
  // Work longer than the launches hides them.
  cost.floor_s = 7 * kMs;
  check(steps(card_with("a100", cost, 1, 1), "done_s"), {8 * kMs});
}

}  // namespace test_shared_card
