#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/function_ref.hpp"
#include "simulation/servers.hpp"
#include "toy_fleet.hpp"

namespace test_gpu_side {

// Servers, steps, partitions and links on a fleet made by hand: no document, no traffic, no pipelines.

namespace {

using namespace gpushare;

Time at(double seconds) { return Time{} + duration_from_seconds(seconds); }

Scenario scenario_of(Workload workload, std::vector<GpuPlacement> gpus, int cores) {
  Scenario scenario;
  scenario.workload = std::move(workload);
  scenario.placement.gpus = std::move(gpus);
  scenario.placement.nodes[0].host_cores = cores;
  return scenario;
}

/// Jobs are put in by the test; what engines tell is written down.
struct House {
  House(Workload workload, std::vector<GpuPlacement> placed, int cores = 0)
      : scenario(scenario_of(std::move(workload), std::move(placed), cores)) {}
  void add(std::uint32_t server, double seconds, std::uint32_t request) {
    Job job;
    job.request = request;
    job.synthetic_s = seconds;
    REQUIRE(std::visit([&](auto& engine) { return engine.enqueue(job); }, fleet.servers[server].engine));
    kernel.mark(server);
  }
  /// Calls `begin` at its time, then runs until nothing happens any more.
  void run(std::vector<std::pair<double, FunctionRef<void(Time)>>> starts) {
    begins = std::move(starts);
    for (std::size_t i = 0; i < begins.size(); ++i)
      kernel.set(add_slot(kernel, kTrafficEvent, Part::open_source, i), at(begins[i].first));
    kernel.run(*this);
  }
  void on_event(Time now, std::uint8_t part, std::uint32_t index) {
    switch (static_cast<Part>(part)) {
      case Part::open_source:
        return begins[index].second(now);
      case Part::partition:
        return steps.on_partition(now, index);
      case Part::link:
        return steps.on_link(now, index);
      case Part::step:
        return steps.end_host(now, index);
      case Part::restart:
        return servers.on_restart(now, index);
      case Part::wake:
        return servers.on_wake(index);
      default:
        FAIL("an event of a part that is not here");
    }
  }
  void on_outcome(Time now, const Outcome& outcome) {
    if (outcome.signal == Signal::finished || outcome.signal == Signal::failed)
      ended.emplace_back(outcome.request, outcome.signal == Signal::finished ? to_seconds(now) : -1);
  }
  void serve(Time now, std::uint32_t server) { servers.serve(now, server); }
  void settle(Time now) { gpus.settle(now); }
  void report(Time) {}

  Scenario scenario;
  Kernel kernel;
  Fleet fleet = build_fleet(scenario.workload, scenario.placement);
  Recorder recorder{scenario.workload, false, false};
  GpuSide gpus{kernel, fleet, scenario.workload};
  Steps steps{kernel, fleet, gpus, recorder};
  SharedRuns shared{kernel, fleet, gpus, steps};
  MergedIterations merged{kernel, fleet, scenario.workload, shared, false};
  Servers servers{kernel, fleet, steps, merged, shared};
  std::vector<std::pair<double, FunctionRef<void(Time)>>> begins;
  std::vector<std::pair<std::uint32_t, double>> ended;  // request, when; -1: failed
};

Workload two_toys(double host_s = 0) {
  auto services = std::vector{test::toy_service("a", constant(1)), test::toy_service("b", constant(1))};
  for (Service& service : services) {
    Model model = *service.model;
    std::get<SyntheticModel>(model.cost).host_before_s = host_s;
    service.model = std::make_shared<const Model>(std::move(model));
  }
  return test::toy_workload(std::move(services), 10);
}

using Ended = std::vector<std::pair<std::uint32_t, double>>;
void check(const Ended& found, const Ended& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].first == expected[i].first);
    CHECK(found[i].second == doctest::Approx(expected[i].second).epsilon(1e-6));
  }
}

}  // namespace

TEST_CASE("Steps of one process follow each other, and partitions do not feel each other") {
  House house(two_toys(), {test::toy_gpu("3g.40gb+3g.40gb", SharingMode::exclusive, {{0}, {1}})});
  const auto begin = [&](Time) {
    house.add(0, 1, 10);
    house.add(0, 2, 11);
    house.add(1, 1.5, 12);
  };
  house.run({{0.5, begin}});
  check(house.ended, {{10, 1.5}, {12, 2}, {11, 3.5}});
}

TEST_CASE("Two processes under ideal time-slicing run at half speed while both have work") {
  GpuPlacement gpu = test::toy_gpu("", SharingMode::time_slicing, {{0, 1}});
  gpu.partitions[0].sharing.slice_s = 0;
  House house(two_toys(), {gpu});
  const auto first = [&](Time) { house.add(0, 2, 1); };
  const auto second = [&](Time) { house.add(1, 1, 2); };
  house.run({{0, first}, {1, second}});
  check(house.ended, {{1, 3}, {2, 3}});  // one of them alone for a second, then both for two
}

TEST_CASE("Host parts wait for a core, first come first served") {
  House house(two_toys(0.5), {test::toy_gpu("3g.40gb+3g.40gb", SharingMode::exclusive, {{0}, {1}})}, 1);
  const auto begin = [&](Time) {
    house.add(0, 1, 1);
    house.add(1, 1, 2);
  };
  house.run({{0, begin}});
  check(house.ended, {{1, 1.5}, {2, 2}});  // the second host part begins when the first is over
}

TEST_CASE("A process that is killed fails its jobs, gives its core and its share back, and serves again") {
  GpuPlacement gpu = test::toy_gpu("", SharingMode::time_slicing, {{0, 1}});
  gpu.partitions[0].sharing.slice_s = 0;
  House house(two_toys(), {gpu});
  const auto begin = [&](Time) {
    house.add(0, 4, 1);
    house.add(0, 1, 2);
    house.add(1, 2, 3);
  };
  const auto kill = [&](Time now) {
    house.servers.kill(now, 0);
    house.servers.restart_at(now + duration_from_seconds(3), 0);
    CHECK_FALSE(house.fleet.servers[0].accepts());
  };
  const auto later = [&](Time) {
    CHECK(house.fleet.servers[0].accepts());
    house.add(0, 1, 4);
  };
  house.run({{0, begin}, {1, kill}, {5, later}});
  // Until 1 s at half speed: 1.5 s of request 3 are left, alone from then on.
  check(house.ended, {{1, -1}, {2, -1}, {3, 2.5}, {4, 6}});
  const auto account = std::visit([&](auto& executor) { return executor.account(at(10)); },
                                  house.fleet.partitions[0].executor);
  CHECK(account.submitted_s == doctest::Approx(account.finished_s));
  CHECK(account.idle_with_work_s == 0);
}

}  // namespace test_gpu_side
