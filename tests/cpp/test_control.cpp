#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "control/node_policy.hpp"
#include "control/replica_policy.hpp"
#include "control/shape_policy.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/gpushare.hpp"
#include "toy_fleet.hpp"

namespace test_control {

// Fleets that follow their load. Every run checks conservation of requests and of work, and Little's law, and throws when
// one is broken.

namespace {

using namespace gpushare;

bool near(double a, double b) { return std::abs(a - b) < 1e-6; }

Traffic at_times(const std::vector<double>& seconds) {
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::trace);
  auto trace = std::make_shared<Trace>();
  trace->arrival_s = seconds;
  trace->input_tokens.assign(seconds.size(), 1);
  trace->output_tokens.assign(seconds.size(), 1);
  traffic.trace = std::move(trace);
  return traffic;
}

NodePool pool_of(int start, int min, int max) {
  NodePool pool;
  pool.name = "pool";
  pool.shape.cut = cut_gpu(test::a100());
  pool.start = start, pool.min = min, pool.max = max;
  return pool;
}

// One service with steps of a second and a gigabyte of weights, under control.
Scenario controlled(const std::vector<double>& arrivals, const NodePool& pool, const ReplicaControl& replicas,
                    double duration_s, Distribution step_s = constant(1)) {
  Scenario scenario;
  scenario.name = "control";
  scenario.workload =
      test::toy_workload({test::toy_service("s", std::move(step_s), replicas.start)}, duration_s);
  scenario.workload.services[0].routing = Routing::least_outstanding;
  scenario.workload.traffic = {at_times(arrivals)};
  scenario.control = Control{{pool}, {replicas}};
  scenario.placement = {{}, {}};
  place_pools(*scenario.control, scenario.workload, scenario.placement);
  return scenario;
}

std::vector<double> column(const Table& table, const std::string& name) {
  const Column* found = table.find(name);
  REQUIRE(found != nullptr);
  return found->numbers;
}

std::vector<double> whole_seconds(const Table& table, const std::string& name) {
  std::vector<double> values = column(table, name);
  for (double& value : values) value = std::round(value);
  return values;
}

}  // namespace

TEST_CASE("A burst adds replicas and nodes, and they go again, at the times worked out by hand") {
  NodePool pool = pool_of(1, 1, 3);
  pool.boot_s = constant(20);
  ReplicaControl replicas;
  replicas.max = 3;
  replicas.cold_start = {2e9, 200e6, 1e9, constant(5),
                         constant(0)};  // 10 s for the image, 1 s for the weights
  replicas.autoscaling = Autoscaling{};
  const std::vector<double> burst(30, 1.0);
  RunOptions options;
  options.series_s = 5;
  const Run run = simulate(controlled(burst, pool, replicas, 1000), options);
  // At 15 s there were (30 + ... + 17) / 15 = 21.9 requests on average: three replicas at once (one more is 100 %, and four
  // are allowed). At 20 s two nodes are ordered, at 40 s they have booted, at 56 s their replicas serve; by 31 s the first
  // one has served everybody. At 345 s the last wish for three is more than 300 s old; at 350 s the nodes are empty, and
  // at 950 s they go.
  CHECK(run.summary.completed == 30);
  CHECK(near(run.summary.gpu_hours * 3600, 1000 + 2 * (950 - 20)));
  CHECK(run.summary.gpus_used == 3);
  const auto ends = whole_seconds(run.series, "end_s"), gpus = column(run.series, "gpus_on"),
             serving = column(run.series, "s.replicas");
  for (std::size_t i = 0; i < ends.size(); ++i) {
    INFO(ends[i] << " " << gpus[i]);
    CHECK(near(gpus[i], ends[i] <= 20 || ends[i] > 950 ? 1 : 3));
    // Windows come before what happens at the same instant.
    CHECK(serving[i] == (ends[i] > 56 && ends[i] <= 345 ? 3 : 1));
  }
  CHECK(near(column(run.series, "served_rate")[1], 5 / 5.0));
  CHECK(near(column(run.series, "offered_rate")[0], 30 / 5.0));
}

TEST_CASE("A fleet goes to nothing, and the next request waits for a node, an image and a start") {
  NodePool pool = pool_of(1, 0, 1);
  pool.boot_s = constant(20);
  ReplicaControl replicas;
  replicas.start = replicas.min = 0;
  replicas.cold_start = {2e9, 200e6, 1e9, constant(5), constant(0)};
  replicas.autoscaling = Autoscaling{};
  RunOptions options;
  options.series_s = 100;
  const Run run = simulate(controlled({2016}, pool, replicas, 3000), options);
  // The node that it began with goes 600 s after it was seen to be empty. Seen by the autoscaler at 2025 s, by that of
  // nodes at 2030 s; ready at 2050 s, served from 2066 s to 2067 s.
  CHECK(run.summary.completed == 1);
  CHECK(near(column(run.requests, "e2e_latency_s")[0], 2067 - 2016));
  const auto ends = whole_seconds(run.series, "end_s"), gpus = column(run.series, "gpus_on");
  for (std::size_t i = 0; i < ends.size(); ++i)
    if (ends[i] > 700 && ends[i] <= 2000) CHECK(gpus[i] == 0);
  CHECK(run.summary.gpus_used == 1);
}

TEST_CASE("A second replica on a node finds the image there") {
  NodePool pool = pool_of(1, 1, 1);
  pool.shape.sharing.mode = SharingMode::time_slicing;
  pool.shape.seats = 2;
  ReplicaControl replicas;
  replicas.max = 2;
  replicas.cold_start = {2e9, 200e6, 1e9, constant(5), constant(2)};
  replicas.schedule = {{10, 2}};
  RunOptions options;
  options.series_s = 1;
  const Run run = simulate(controlled({0, 30}, pool, replicas, 40), options);
  const auto ends = whole_seconds(run.series, "end_s"), serving = column(run.series, "s.replicas");
  for (std::size_t i = 0; i < ends.size(); ++i) CHECK(serving[i] == (ends[i] > 18 ? 2 : 1));
}

TEST_CASE("What waits for a replica is served when there is one") {
  NodePool pool = pool_of(1, 1, 1);
  ReplicaControl replicas;
  replicas.start = replicas.min = 0;
  replicas.cold_start = {0, 1, 1e9, constant(3), constant(0)};
  replicas.autoscaling = Autoscaling{};
  replicas.autoscaling->every_s = 5;
  replicas.autoscaling->down.window_s = 20;
  // Seen at 5 s, served from 9 s on; nobody from 11 s on, so the wish for one is 20 s old at 40 s. The next one comes after.
  const Run run = simulate(controlled({3, 3.5, 61}, pool, replicas, 100));
  const auto finish = column(run.requests, "finish_s");
  REQUIRE(finish.size() == 3);
  CHECK(near(finish[0], 10));
  CHECK(near(finish[1], 11));
  CHECK(near(finish[2], 65 + 4 + 1));
  CHECK(run.summary.services[0].replicas == 0);
}

TEST_CASE("A replica that leaves has its time, and then its requests move or fail") {
  NodePool pool = pool_of(2, 2, 2);
  ReplicaControl replicas;
  replicas.start = replicas.max = 2;
  replicas.min = 1;
  replicas.grace_s = 2.5;
  replicas.schedule = {{1.5, 1}};
  // Four requests at 0, two on each replica. At 1.5 s the second one has to go; at 2 s its last is done.
  SUBCASE("long enough") {
    const Run run = simulate(controlled({0, 0, 0, 0}, pool, replicas, 20));
    CHECK(run.summary.completed == 4);
    CHECK(near(column(run.requests, "finish_s").back(), 2));
  }
  const auto long_steps = constant(3);
  SUBCASE("what it has begins again elsewhere") {
    // Steps of 3 s: each has one in hand and one waiting. At 4 s the one in hand (3 to 6) and none other is left there.
    const Run run = simulate(controlled({0, 0, 0, 0}, pool, replicas, 30, long_steps));
    CHECK(run.summary.completed == 4);
    const auto finish = column(run.requests, "finish_s");
    CHECK(near(finish[2], 6));
    CHECK(near(finish[3], 9));  // behind the first replica's two
  }
  SUBCASE("or fails") {
    replicas.moves_requests = false;
    const Run run = simulate(controlled({0, 0, 0, 0}, pool, replicas, 30, long_steps));
    CHECK(run.summary.completed == 3);
    CHECK(run.summary.failed == 1);
  }
}

TEST_CASE("Instances are cut for the night, while a neighbour serves on") {
  NodePool pool = pool_of(1, 1, 1);
  const auto cut = [](const char* layout) {
    return cut_gpu(test::a100(), parse_layout(*test::a100(), layout));
  };
  pool.shape.cut = cut("3g.40gb+3g.40gb");
  pool.every_s = 1;
  Reshaping night;
  night.shape.cut = cut("3g.40gb+2g.20gb+1g.10gb");
  night.from_s = 20, night.until_s = 40, night.period_s = 60, night.recut_s = 2;
  REQUIRE(night.shape.cut->partitions[0].name == pool.shape.cut->partitions[0].name);
  pool.reshaping = night;
  ReplicaControl day;
  day.instance = "3g.40gb";
  day.start = day.max = 2;
  day.schedule = {{20, 1}, {40, 2}};
  day.cold_start = {0, 1, 1e9, constant(3), constant(0)};  // 4 s with its gigabyte
  Scenario scenario = controlled({0, 0, 18, 18.5, 21, 21, 21.5, 25, 50}, pool, day, 60);
  RunOptions options;
  options.series_s = 1;
  const Run run = simulate(scenario, options);
  CHECK(run.summary.completed == 9);
  const auto ends = whole_seconds(run.series, "end_s"), serving = column(run.series, "s.replicas");
  // At 20 s one of them goes (idle at once, at work at most a second later); it is back at 40 s, when the small instances have
  // nobody: 2 s for the cut, seen at 42 s at the latest, and 4 s to start.
  for (std::size_t i = 0; i < ends.size(); ++i) {
    INFO(ends[i]);
    if (ends[i] <= 20) CHECK(serving[i] == 2);
    if (ends[i] > 20 && ends[i] <= 45) CHECK(serving[i] == 1);
    if (ends[i] > 47) CHECK(serving[i] == 2);
  }
  REQUIRE(run.summary.partitions.size() >= 3);
  CHECK(run.summary.partitions[0].processes.size() == 1);  // it was never moved
}

TEST_CASE("A whole GPU is cut by turning MIG on, which takes a reset") {
  NodePool pool = pool_of(1, 1, 1);
  pool.every_s = 1;
  Reshaping cut;
  cut.shape.cut = cut_gpu(test::a100(), parse_layout(*test::a100(), "3g.40gb+3g.40gb"));
  cut.from_s = 10, cut.until_s = 1000, cut.recut_s = 2, cut.mode_change_s = 7;
  pool.reshaping = cut;
  ReplicaControl one;
  one.cold_start = {0, 1, 1e9, constant(0), constant(0)};
  const Run run = simulate(controlled({0, 15}, pool, one, 60));
  // It leaves at 10 s, idle; that is seen at 11 s, the cut is done at 20 s, and its gigabyte is there at 21 s.
  const auto finish = column(run.requests, "finish_s");
  REQUIRE(finish.size() == 2);
  CHECK(near(finish[1], 22));
}

TEST_CASE("A shape follows a load that stays, and not one that comes and goes") {
  Reshaping reshaping;
  reshaping.by_load = true;
  reshaping.above = 10, reshaping.below = 2, reshaping.for_s = 60;
  control::ShapePolicy policy(reshaping);
  CHECK(!policy.decide(0, 20));
  CHECK(!policy.decide(30, 5));  // it did not stay
  CHECK(!policy.decide(60, 20));
  CHECK(policy.decide(120, 20));
  CHECK(policy.decide(150, 5));  // between both bounds
  CHECK(policy.decide(180, 1));
  CHECK(policy.decide(230, 1));
  CHECK(!policy.decide(240, 1));
  Reshaping clock;
  clock.from_s = 22, clock.until_s = 6, clock.period_s = 24;
  const control::ShapePolicy night(clock);
  CHECK(night.at(0));
  CHECK(night.at(5.9));
  CHECK(!night.at(6));
  CHECK(night.at(24 + 22));
  CHECK(night.next_s(0) == 6);
  CHECK(night.next_s(6) == 22);
  CHECK(night.next_s(23) == 30);
}

TEST_CASE("A schedule begins again") {
  NodePool pool = pool_of(2, 2, 2);
  ReplicaControl replicas;
  replicas.max = 2;
  replicas.cold_start = {0, 1, 1e9, constant(1), constant(0)};
  replicas.schedule = {{10, 2}, {20, 1}};
  replicas.schedule_period_s = 50;
  RunOptions options;
  options.series_s = 5;
  const Run run = simulate(controlled({0, 120}, pool, replicas, 150), options);
  const auto ends = whole_seconds(run.series, "end_s"), serving = column(run.series, "s.replicas");
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const double in_round = std::fmod(ends[i], 50);
    CHECK(serving[i] == (in_round > 12 && in_round <= 20 ? 2 : 1));
  }
}

TEST_CASE("A replica count moves as Kubernetes would move it") {
  using control::ReplicaPolicy;
  SUBCASE("within the tolerance nothing happens") {
    ReplicaPolicy policy({LoadMetric::in_system, 10}, 1, 100);
    CHECK(policy.decide(0, 54, 5) == 5);
    CHECK(policy.decide(15, 56, 5) == 6);
  }
  SUBCASE("upwards 4 or 100 % in 15 s, whatever is more") {
    ReplicaPolicy policy({LoadMetric::in_system, 10}, 1, 100);
    CHECK(policy.decide(0, 1000, 1) == 5);
    CHECK(policy.decide(15, 1000, 5) == 10);
    CHECK(policy.decide(30, 1000, 10) == 20);
  }
  SUBCASE("a limit counts what moved in its period") {
    Autoscaling scaling{LoadMetric::in_system, 10};
    scaling.up = {0, 2, std::nullopt, 60};
    ReplicaPolicy policy(scaling, 1, 100);
    CHECK(policy.decide(0, 1000, 1) == 3);
    CHECK(policy.decide(30, 1000, 3) == 3);
    CHECK(policy.decide(61, 1000, 3) == 5);
  }
  SUBCASE("downwards what was wanted at most in the window") {
    ReplicaPolicy policy({LoadMetric::in_system, 10}, 1, 100);
    CHECK(policy.decide(0, 80, 8) == 8);
    CHECK(policy.decide(15, 20, 8) == 8);
    CHECK(policy.decide(300, 20, 8) == 8);
    CHECK(policy.decide(315, 20, 8) == 2);
  }
  SUBCASE("upwards what was wanted at least in the window") {
    Autoscaling scaling{LoadMetric::in_system, 10};
    scaling.up.window_s = 60;
    ReplicaPolicy policy(scaling, 1, 100);
    CHECK(policy.decide(0, 10, 1) == 1);
    CHECK(policy.decide(30, 40, 1) == 1);
    CHECK(policy.decide(75, 30, 1) == 3);
  }
  SUBCASE("never beyond the bounds") {
    ReplicaPolicy policy({LoadMetric::in_system, 10}, 2, 3);
    CHECK(policy.decide(0, 0, 2) == 2);
    CHECK(policy.decide(15, 1e6, 2) == 3);
  }
}

TEST_CASE("Nodes come for replicas without a seat, and go when they were not needed for long") {
  using control::NodePolicy;
  using control::ObservedNode;
  NodePool pool = pool_of(1, 1, 4);
  pool.gpus_per_node = 2;
  pool.remove_after_s = 30;
  pool.remove_after_add_s = 50;
  NodePolicy policy(pool);
  CHECK(policy.decide(0, 3, {{0, true, false, 2, 2}}).add == 2);
  // Those that boot count; at most four in all.
  CHECK(
      policy.decide(10, 3, {{0, true, false, 2, 2}, {1, false, false, 2, 0}, {2, false, false, 2, 0}}).add ==
      0);
  CHECK(
      policy.decide(10, 30, {{0, true, false, 2, 2}, {1, false, false, 2, 0}, {2, false, false, 2, 0}}).add ==
      1);
  // Half of the second is taken, and that is enough; the third is empty from 20 s on, goes at 60 s, 50 s after the last came.
  const std::vector<ObservedNode> idle{
      {0, true, false, 2, 2}, {1, true, false, 2, 1}, {2, true, false, 2, 0}};
  CHECK(policy.decide(20, 0, idle).remove.empty());
  CHECK(policy.decide(50, 0, idle).remove.empty());
  CHECK(policy.decide(60, 0, idle).remove == std::vector<int>{2});
}

TEST_CASE("Whatever comes and goes, every conservation law holds, and the same seed tells the same") {
  constexpr int kRuns = GPUSHARE_SANITIZED ? 300 : 10'000;
  const SharingMode modes[] = {SharingMode::exclusive, SharingMode::time_slicing, SharingMode::mps};
  const char* layouts[] = {"", "3g.40gb+3g.40gb", "7x1g.10gb"};
  const Routing routings[] = {Routing::round_robin, Routing::least_outstanding, Routing::shared_queue,
                              Routing::power_of_two};
  Stream luck(13, 0, "random fleets");
  const auto below = [&](int n) { return static_cast<int>(luck.uniform() * n); };
  int none_failed = 0, changed = 0;
  for (int i = 0; i < kRuns; ++i) {
    NodePool pool = pool_of(1 + below(2), 1, 4);
    const auto* layout = layouts[below(3)];
    if (*layout != 0) pool.shape.cut = cut_gpu(test::a100(), parse_layout(*test::a100(), layout));
    pool.shape.sharing.mode = modes[below(3)];
    pool.shape.seats = pool.shape.sharing.mode == SharingMode::exclusive ? 1 : 1 + below(3);
    pool.gpus_per_node = 1 + below(2);
    pool.boot_s = exponential(0.5);
    pool.every_s = 0.2;
    pool.remove_after_s = luck.uniform();
    pool.remove_after_add_s = luck.uniform();
    if (below(4) == 0) pool.spot = Spot{1, 0.2 + 2 * luck.uniform(), 0.3 * luck.uniform()};
    if (below(2) == 0) {
      Reshaping other;
      const auto* cut = layouts[below(3)];
      other.shape.cut = cut_gpu(test::a100(), *cut != 0 ? parse_layout(*test::a100(), cut) : Layout{});
      other.shape.sharing.mode = modes[below(3)];
      other.shape.seats = other.shape.sharing.mode == SharingMode::exclusive ? 1 : 1 + below(3);
      other.gpus = below(3);
      other.recut_s = 0.1 * luck.uniform();
      other.from_s = luck.uniform(), other.until_s = 1 + luck.uniform(), other.period_s = 2;
      if (below(2) == 0) {
        other.by_load = true;
        other.above = 3, other.below = 1, other.for_s = 0.2, other.every_s = 0.1;
      }
      pool.reshaping = other;
    }
    std::vector<Service> services;
    Control control{{pool}, {}};
    for (int s = 0; s < 2; ++s) {
      ReplicaControl replicas;
      replicas.service = s;
      replicas.start = s == 0 ? 1 : 0;
      replicas.min = 0;
      replicas.max = 6;
      replicas.cold_start = {1e6, 1e7, 1e9, exponential(0.2), constant(0)};
      replicas.grace_s = luck.uniform() * 0.3;
      replicas.moves_requests = below(2) == 0;
      for (double at = luck.uniform(); at < 4 && below(3) > 0; at += 0.01 + luck.uniform())
        replicas.schedule.push_back({at, below(7)});
      if (replicas.schedule.empty() || below(2) == 0) {
        Autoscaling scaling{LoadMetric::in_system, 1 + luck.uniform() * 3};
        scaling.every_s = below(4) == 0 ? 0 : 0.1 + luck.uniform();
        scaling.down.window_s = luck.uniform();
        replicas.autoscaling = scaling;
      }
      control.services.push_back(replicas);
      services.push_back(
          test::toy_service(s == 0 ? "a" : "b", exponential(0.02 + 0.1 * luck.uniform()), replicas.start));
      services.back().routing = routings[below(4)];
      services.back().memory_bytes = 1e9;
    }
    Scenario scenario;
    scenario.name = "random";
    scenario.seed = static_cast<std::uint64_t>(i);
    scenario.workload = test::toy_workload(std::move(services), 4);
    for (int s = 0; s < 2; ++s) {
      Traffic traffic = test::toy_traffic(s == 0 ? "ta" : "tb", s, Traffic::Kind::open);
      traffic.arrivals.rate_per_s = 1 + 15 * luck.uniform();
      if (below(3) == 0) traffic.client = Client{0.5, 1, 0.1};
      scenario.workload.traffic.push_back(traffic);
    }
    scenario.control = control;
    scenario.placement = {{}, {}};
    place_pools(*scenario.control, scenario.workload, scenario.placement);
    if (below(3) == 0) {
      Fault fault;
      fault.target = static_cast<FaultTarget>(below(3));
      fault.number = Fault::kEach;
      fault.kind = static_cast<FaultKind>(below(3));
      fault.mtbf_s = 0.5 + luck.uniform();
      fault.repair_s = exponential(0.1);
      fault.restart_s = exponential(0.1);
      scenario.faults = {fault};
    }
    INFO("run " << i);
    const Run run = simulate(scenario);
    CHECK(run.summary.completed + run.summary.failed + run.summary.rejected == run.summary.arrived);
    changed += run.summary.partitions.size() > 1 ? 1 : 0;
    none_failed += run.summary.failed == 0 ? 1 : 0;
    if (i % 50 == 0) {
      const Run again = simulate(scenario);
      CHECK(column(run.requests, "finish_s") == column(again.requests, "finish_s"));
      CHECK(run.summary.events == again.summary.events);
    }
  }
  CHECK(changed > kRuns / 2);
  CHECK(none_failed > kRuns / 10);
}

}  // namespace test_control
