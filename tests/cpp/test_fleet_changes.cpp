#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gpushare/errors.hpp"
#include "simulation/simulator.hpp"
#include "toy_fleet.hpp"

namespace test_fleet_changes {

// A fleet that changes while it serves. Every run checks conservation of requests and of work, and Little's law, and
// throws when one is broken.

namespace {

using namespace gpushare;
using control::DrainServer;
using control::Recut;
using control::StartNode;
using control::StartServer;
using control::StopNode;
using control::StopServer;
using control::TimedAction;

Scenario scenario_of(Workload workload, std::vector<GpuPlacement> gpus) {
  Scenario scenario;
  scenario.name = "changes";
  scenario.workload = std::move(workload);
  scenario.placement.gpus = std::move(gpus);
  return scenario;
}

Run run(const Scenario& scenario, std::vector<TimedAction> actions, const RunOptions& options = {}) {
  return Simulator(scenario, options, std::move(actions)).run();
}

// Requests that arrive at these seconds, for the pipeline of one service.
Traffic at_times(std::string name, int pipeline, const std::vector<double>& seconds) {
  Traffic traffic = test::toy_traffic(std::move(name), pipeline, Traffic::Kind::trace);
  auto trace = std::make_shared<Trace>();
  trace->arrival_s = seconds;
  trace->input_tokens.assign(seconds.size(), 1);
  trace->output_tokens.assign(seconds.size(), 1);
  traffic.trace = std::move(trace);
  return traffic;
}

std::vector<double> column(const Run& run, const std::string& name) {
  const Column* found = run.requests.find(name);
  REQUIRE(found != nullptr);
  return found->numbers;
}

std::vector<std::int64_t> whole_column(const Run& run, const std::string& name) {
  const Column* found = run.requests.find(name);
  REQUIRE(found != nullptr);
  return found->integers;
}

bool near(double a, double b) { return std::abs(a - b) < 1e-6; }

// Poisson traffic for two services, each with one process on the same partition or on two instances.
Scenario two_services(const std::string& layout, SharingMode mode, bool together) {
  Workload workload = test::toy_workload(
      {test::toy_service("a", exponential(0.02)), test::toy_service("b", exponential(0.03))}, 60);
  for (int i = 0; i < 2; ++i) {
    Traffic traffic = test::toy_traffic(i == 0 ? "ta" : "tb", i, Traffic::Kind::open);
    traffic.arrivals.rate_per_s = 10;
    workload.traffic.push_back(traffic);
  }
  std::vector<std::vector<int>> processes{{0}, {1}};
  if (together) processes = {{0, 1}};
  return scenario_of(std::move(workload), {test::toy_gpu(layout, mode, processes)});
}

}  // namespace

TEST_CASE("A replica that starts takes its turn, and one that drains finishes what it has") {
  // Steps of one second. Replica 0 alone until 2.5 s; both until replica 0 drains at 4.2 s; then replica 1.
  Workload workload = test::toy_workload({test::toy_service("s", constant(1))}, 10);
  workload.traffic = {at_times("t", 0, {0, 0.5, 3, 3.1, 3.2, 4.5})};
  workload.services[0].routing = Routing::least_outstanding;
  const Scenario scenario = scenario_of(workload, {test::toy_gpu("", SharingMode::exclusive, {{0}}),
                                                   test::toy_gpu("", SharingMode::exclusive, {})});
  const Run changed =
      run(scenario, {{2.5, StartServer{{{1, "whole", ProcessPlacement{0}}}}}, {4.2, DrainServer{0, 0}}});
  // 0 and 1 on replica 0 (0 to 1, 1 to 2). 2 on replica 0 (3 to 4), 3 on replica 1 (3.1 to 4.1), 4 on replica 0 behind
  // 2 (4 to 5), which is what it still has when it drains. 5 finds replica 1 idle (4.5 to 5.5).
  CHECK(whole_column(changed, "visit.replica") == std::vector<std::int64_t>{0, 0, 0, 1, 0, 1});
  const std::vector<double> expected{1, 2, 4, 4.1, 5, 5.5};
  const auto finished = column(changed, "finish_s");
  REQUIRE(finished.size() == expected.size());
  std::vector<double> sorted = finished;
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(near(sorted[i], expected[i]));
  CHECK(changed.summary.completed == 6);
  CHECK(changed.summary.services[0].replicas == 1);
  // GPU 0 for all 10 s, GPU 1 from its first process on.
  CHECK(near(changed.summary.gpu_hours * 3600, 10 + 7.5));
  // Replica 0 is there until 5 s, replica 1 from 2.5 s on: 12.5 s, of which 6 s busy.
  CHECK(near(changed.summary.services[0].busy, 6 / 12.5));
}

TEST_CASE("A replica that is stopped fails what it works on, and what waits there") {
  Workload workload = test::toy_workload({test::toy_service("s", constant(1))}, 10);
  workload.traffic = {at_times("t", 0, {0, 0.1, 5})};
  const Scenario scenario = scenario_of(workload, {test::toy_gpu("", SharingMode::exclusive, {{0}})});
  const Run stopped = run(scenario, {{0.5, StopServer{0, 0}}});
  CHECK(stopped.summary.completed == 0);
  CHECK(stopped.summary.failed == 3);  // the last one finds nobody
  CHECK(stopped.summary.services[0].replicas == 0);
}

TEST_CASE("A newcomer shares a partition from the middle of a step on") {
  SUBCASE("exclusive: there is no room for it") {
    Workload workload = test::toy_workload({test::toy_service("s", constant(1))}, 10);
    workload.traffic = {at_times("t", 0, {0})};
    const Scenario scenario = scenario_of(workload, {test::toy_gpu("", SharingMode::exclusive, {{0}})});
    CHECK_THROWS_WITH_AS(run(scenario, {{0.5, StartServer{{{0, "whole", ProcessPlacement{0}}}}}}),
                         doctest::Contains("is exclusive and has a process"), LayoutError);
  }
  SUBCASE("time-slicing without slices: halves from then on, and all again when it is gone") {
    Workload workload =
        test::toy_workload({test::toy_service("a", constant(2)), test::toy_service("b", constant(1))}, 10);
    workload.traffic = {at_times("ta", 0, {0}), at_times("tb", 1, {1})};
    GpuPlacement gpu = test::toy_gpu("", SharingMode::time_slicing, {{0}});
    gpu.partitions[0].sharing.slice_s = 0;
    const Scenario scenario = scenario_of(workload, {gpu});
    // a alone until 1 s, then both at half speed: b's second of work would end at 3 s, but b is stopped at 2 s: a has
    // done 1.5 s by then and ends at 2.5 s.
    const Run joined =
        run(scenario, {{0.5, StartServer{{{0, "whole", ProcessPlacement{1}}}}}, {2, StopServer{1, 0}}});
    CHECK(joined.summary.completed == 1);
    CHECK(joined.summary.failed == 1);
    CHECK(near(column(joined, "finish_s").back(), 2.5));
  }
}

TEST_CASE("Processes that come and go in the middle of work keep every conservation law") {
  for (const SharingMode mode : {SharingMode::time_slicing, SharingMode::mps}) {
    const Scenario scenario = two_services("", mode, true);
    const auto steady = run(scenario, {});
    ProcessPlacement capped{0};
    if (mode == SharingMode::mps) capped.active_thread_percentage = 40;
    const Run changed = run(scenario, {{7.0003, StartServer{{{0, "whole", capped}}}},
                                       {11.0007, StartServer{{{0, "whole", ProcessPlacement{1}}}}},
                                       {20.01, DrainServer{0, 0}},
                                       {30.02, StopServer{1, 0}},
                                       {40.03, StartServer{{{0, "whole", ProcessPlacement{0}}}}}});
    CHECK(changed.summary.arrived == steady.summary.arrived);  // the same luck
    CHECK(changed.summary.services[0].replicas == 2);
    CHECK(changed.summary.services[1].replicas == 1);
    CHECK(changed.summary.failed < 10);  // what replica 0 of b had in hand
    CHECK(changed.summary.completed + changed.summary.failed == changed.summary.arrived);
    CHECK(changed.summary.partitions.size() == 1);
  }
}

TEST_CASE("A GPU is recut while a neighbour serves") {
  const Scenario scenario = two_services("3g.40gb+3g.40gb", SharingMode::exclusive, false);
  const Layout recut = parse_layout(*test::a100(), "3g.40gb+2g.20gb+1g.10gb");
  const auto parts = partitions(*test::a100(), recut);
  const auto before = scenario.placement.gpus[0].parts();
  REQUIRE(parts.front().name == before.front().name);  // the first instance stays
  const Run steady = run(scenario, {});
  const Run changed = run(scenario, {{20, DrainServer{1, 0}},
                                     {25, Recut{0, recut}},
                                     {26, StartServer{{{0, parts[1].name, ProcessPlacement{1}}}}},
                                     {26, StartServer{{{0, parts[2].name, ProcessPlacement{1}}}}}});
  CHECK(changed.summary.services[1].replicas == 2);
  REQUIRE(changed.summary.partitions.size() == 4);
  CHECK(changed.summary.partitions[0].busy > 0);
  // The neighbour's requests are served as if nothing had happened.
  const Column* traffic = changed.requests.find("traffic");
  const auto latencies = [&](const Run& of) {
    std::vector<double> all;
    const auto values = column(of, "e2e_latency_s");
    const Column* which = of.requests.find("traffic");
    for (std::size_t i = 0; i < values.size(); ++i)
      if (which->codes[i] == 0) all.push_back(values[i]);
    return all;
  };
  REQUIRE(traffic != nullptr);
  CHECK(latencies(changed) == latencies(steady));
  // Between 20 and 26 s nobody serves b: those requests fail.
  CHECK(changed.summary.failed > 30);
  CHECK(changed.summary.completed + changed.summary.failed == changed.summary.arrived);
}

TEST_CASE("A GPU is not recut under a process") {
  const Scenario scenario = two_services("3g.40gb+3g.40gb", SharingMode::exclusive, false);
  const Layout recut = parse_layout(*test::a100(), "7g.80gb");
  CHECK_THROWS_WITH_AS(run(scenario, {{20, Recut{0, recut}}}), doctest::Contains("drain them first"),
                       LayoutError);
}

TEST_CASE("What a fleet does not have is refused where it is to change") {
  const Scenario scenario = two_services("3g.40gb+3g.40gb", SharingMode::exclusive, false);
  const auto refused = [&](const control::Action& action, const char* what) {
    RunOptions options;
    options.actions = {{20, action}};
    CHECK_THROWS_WITH_AS(static_cast<void>(simulate(scenario, options)), doctest::Contains(what), Error);
  };
  refused(Recut{7, {}}, "gpu7: there is no such GPU");
  refused(StopServer{9, 0}, "there is no service 9");
  refused(StopServer{0, 9}, "has no replica 9");
  refused(StartServer{}, "needs a seat");
  refused(StartServer{{{0, "whole", {9}}}}, "there is no service 9");
  refused(StartServer{{{0, "whole", {0}}, {0, "whole", {0}}}}, "has 1 rank; found seats for 2");
}

TEST_CASE("A node joins with its processes and leaves with all it has") {
  Workload workload = test::toy_workload({test::toy_service("s", exponential(0.05))}, 100);
  workload.services[0].routing = Routing::least_outstanding;
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::open);
  traffic.arrivals.rate_per_s = 60;  // three replicas' worth
  workload.traffic = {traffic};
  const Scenario scenario = scenario_of(workload, {test::toy_gpu("", SharingMode::exclusive, {{0}})});
  const Run changed =
      run(scenario, {{10, StartNode{{},
                                    {test::toy_gpu("", SharingMode::exclusive, {{0}}),
                                     test::toy_gpu("3g.40gb+3g.40gb", SharingMode::exclusive, {{0}, {0}})}}},
                     {50, StopNode{1}}});
  CHECK(changed.summary.services[0].replicas == 1);
  CHECK(near(changed.summary.gpu_hours * 3600, 100 + 2 * 40));
  CHECK(changed.summary.gpus_used == 3);
  CHECK(changed.summary.failed > 0);
  CHECK(changed.summary.failed < 10);
  CHECK_THROWS_AS(run(scenario, {{60, StopNode{1}}}), SimulationError);
}

TEST_CASE("A newcomer that does not fit beside those that run is refused with the sum") {
  Workload workload = test::toy_workload({test::toy_service("s", constant(1))}, 10);
  workload.services[0].memory_bytes = 50e9;
  const Scenario scenario = scenario_of(workload, {test::toy_gpu("", SharingMode::mps, {{0}})});
  CHECK_THROWS_AS(run(scenario, {{1, StartServer{{{0, "whole", ProcessPlacement{0}}}}}}), MemoryError);
}

TEST_CASE("Iterations advanced together or one by one tell the same of a fleet that changes") {
  Scenario scenario = load_scenario("bursty-llm", "time-slicing:2");
  scenario.workload.duration_s = 120;
  const ProcessPlacement process = scenario.placement.gpus[0].partitions[0].processes[0];
  scenario.placement.gpus[0].partitions[0].processes.pop_back();
  scenario.placement.gpus[0].partitions[0].processes[0].memory_limit_bytes = 0;
  std::vector<Service>& services = scenario.workload.services;
  services[0].memory_bytes = 30e9;
  const std::vector<TimedAction> actions{{30, StartServer{{{0, "whole", process}}}}, {80, DrainServer{0, 0}}};
  RunOptions together, apart;
  apart.merge_steps = false;
  const Run merged = run(scenario, actions, together), each = run(scenario, actions, apart);
  CHECK(merged.summary.events < each.summary.events);
  CHECK(column(merged, "finish_s") == column(each, "finish_s"));
  CHECK(merged.summary.completed == each.summary.completed);
  const auto arrivals = column(merged, "arrival_s");
  const Column* replica = merged.requests.find("llm.replica");
  REQUIRE(replica != nullptr);
  for (std::size_t i = 0; i < arrivals.size(); ++i)
    if (arrivals[i] > 80) CHECK(replica->integers[i] != 0);
  CHECK(merged.summary.partitions[0].busy == each.summary.partitions[0].busy);
}

}  // namespace test_fleet_changes
