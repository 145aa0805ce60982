#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "gpushare/figures.hpp"
#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"
#include "sharing/executor.hpp"
#include "sharing/power.hpp"
#include "toy_fleet.hpp"

namespace test_energy {

// Electricity: idle power while a GPU is on, and above it what its steps draw.

namespace {

using namespace gpushare;
using doctest::Approx;

// Steps of `gpu_s` that draw half of the bandwidth.
Service half_of_the_bandwidth(double gpu_s) {
  Service service = test::toy_service("s", constant(gpu_s));
  Model model = *service.model;
  std::get<SyntheticModel>(model.cost).bandwidth_share = 0.5;
  service.model = std::make_shared<const Model>(std::move(model));
  return service;
}

// Requests at these times, on the whole of a GPU.
Scenario one_gpu(std::vector<double> arrivals, double gpu_s, double duration_s) {
  Scenario scenario;
  scenario.name = "energy";
  scenario.workload = test::toy_workload({half_of_the_bandwidth(gpu_s)}, duration_s);
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::trace);
  auto trace = std::make_shared<Trace>();
  trace->input_tokens.assign(arrivals.size(), 1);
  trace->output_tokens.assign(arrivals.size(), 1);
  trace->arrival_s = std::move(arrivals);
  traffic.trace = std::move(trace);
  scenario.workload.traffic = {traffic};
  scenario.placement.gpus = {test::toy_gpu("", SharingMode::exclusive, {{0}})};
  return scenario;
}

const PowerConstants& power() { return test::a100()->power; }

}  // namespace

TEST_CASE("a GPU that is on draws its idle power, and its steps what they move") {
  REQUIRE(power().idle_w == 49.7);
  REQUIRE(power().bandwidth_w == 140);
  // Three steps of 2 s at half of 140 W.
  const Summary summary = simulate(one_gpu({10, 20, 30}, 2, 100)).summary;
  const double joules = 100 * 49.7 + 3 * 2 * 70;
  CHECK(*summary.energy_kwh == Approx(joules / 3.6e6).epsilon(1e-12));
  CHECK(*summary.mean_power_w == Approx(joules / 100).epsilon(1e-12));
  CHECK(*summary.energy_per_1000_requests_kwh == Approx(joules / 3.6e6 / 3 * 1000).epsilon(1e-12));
  CHECK(!summary.co2_kg);
  CHECK(summary.partitions[0].energy_j == Approx(420).epsilon(1e-12));
}

TEST_CASE("only what is drawn in the window counts, to the middle of a step") {
  Scenario scenario = one_gpu({9, 99.5}, 2, 100);
  scenario.workload.warmup_s = 10;
  scenario.workload.carbon_g_per_kwh = 400;
  // Half of the first step and a quarter of the second: 1.5 s at 70 W.
  const Summary summary = simulate(scenario).summary;
  const double kwh = (90 * 49.7 + 1.5 * 70) / 3.6e6;
  CHECK(*summary.energy_kwh == Approx(kwh).epsilon(1e-12));
  CHECK(*summary.co2_kg == Approx(kwh * 0.4).epsilon(1e-12));
}

TEST_CASE("nobody comes: idle power alone, and no energy of a request") {
  const Summary summary = simulate(one_gpu({100.5}, 2, 100)).summary;
  CHECK(*summary.mean_power_w == Approx(49.7).epsilon(1e-12));
  CHECK(!summary.energy_per_1000_requests_kwh);
}

TEST_CASE("a profile that does not say what work draws leaves the figures out") {
  Scenario scenario = one_gpu({10}, 2, 100);
  GpuProfile unknown = *test::a100();
  unknown.power.compute_w = unknown.power.bandwidth_w = 0;
  scenario.placement.gpus[0].cut = cut_gpu(std::make_shared<const GpuProfile>(unknown));
  scenario.workload.carbon_g_per_kwh = 400;
  const Summary summary = simulate(scenario).summary;
  CHECK(!summary.energy_kwh);
  CHECK(!summary.mean_power_w);
  CHECK(!summary.energy_per_1000_requests_kwh);
  CHECK(!summary.co2_kg);
  for (const std::string& name : figure_names(scenario)) CHECK(name.find("energy") == std::string::npos);
  const auto assumed = assumptions_of(scenario);
  REQUIRE(assumed.size() == 1);
  CHECK(assumed[0].text ==
        "profile a100 says neither compute_w nor bandwidth_w: no figure of energy, power or CO2");
}

TEST_CASE("a GPU with nothing on it is off, and draws nothing") {
  Scenario scenario = one_gpu({10, 20, 30}, 2, 100);
  const double alone = *simulate(scenario).summary.energy_kwh;
  scenario.placement.gpus.push_back(test::toy_gpu("", SharingMode::exclusive, {}));
  CHECK(*simulate(scenario).summary.energy_kwh == alone);
}

TEST_CASE("under time-slicing steps draw while they run, and nobody does during a hand-over") {
  const auto at_ms = [](double ms) { return Time{} + duration_from_seconds(ms * 1e-3); };
  TimeSliceExecutor executor({duration_from_seconds(2e-3), duration_from_seconds(1e-3), Duration{}}, 2);
  Work first, second;
  first.step = 1, first.gpu_s = 3e-3, first.power_w = 100;
  second.step = 2, second.process = 1, second.gpu_s = 3e-3, second.power_w = 300;
  executor.submit(at_ms(0), first);
  executor.submit(at_ms(0), second);
  executor.settle(at_ms(0));
  std::vector<StepId> finished;
  const auto energy_mj = [&](double until_ms) {
    while (executor.next_event() <= at_ms(until_ms)) {
      const Time now = executor.next_event();
      executor.collect(now, finished);
      executor.settle(now);
    }
    return 1e3 * executor.account(at_ms(until_ms)).energy_j;
  };
  CHECK(energy_mj(2) == Approx(200));     // the first runs 0-2
  CHECK(energy_mj(3) == Approx(200));     // handed over
  CHECK(energy_mj(4) == Approx(500));     // the second 3-5
  CHECK(energy_mj(100) == Approx(1200));  // whatever the turns, each draws its 3 ms
}

TEST_CASE("a clock that the limit lowers draws what the limit leaves") {
  const PowerConstants& constants = power();
  for (const double draw_w : {100.0, 350.3, 400.0, 900.0})
    CHECK(draw_w * draw_share(constants, clock_share(constants, draw_w)) ==
          Approx(std::min(draw_w, constants.limit_w - constants.idle_w)));
  RateExecutor executor(RateLaw::equal_share, {108}, 2e12);
  Work work;
  work.gpu_s = work.compute_s = 1;
  work.power_w = 300;
  executor.submit({}, work);
  executor.settle({});
  executor.set_clock({}, 0.5, 0.25);  // takes twice as long, at a quarter of the power
  CHECK(executor.account(Time{} + duration_from_seconds(2)).energy_j == Approx(150));
}

TEST_CASE("compute-bound steps side by side draw the limit, and no more") {
  const auto document = test::parse(R"({
    "name": "limit", "duration_s": 20, "warmup_s": 10, "gpu": "h200",
    "services": {
      "a": {"model": "llama-3.1-8b", "engine": {"max_num_batched_tokens": 8192}},
      "b": {"model": "llama-3.1-8b", "engine": {"max_num_batched_tokens": 8192}}
    },
    "placement": {"mode": "mps"},
    "pipelines": {"a": {"stages": [{"name": "a", "service": "a"}]},
                  "b": {"stages": [{"name": "b", "service": "b"}]}},
    "traffic": [
      {"name": "a", "pipeline": "a", "kind": "closed", "users": 40, "ramp_up_s": 0, "sizes": {"input_tokens": 4000, "output_tokens": 1}},
      {"name": "b", "pipeline": "b", "kind": "closed", "users": 40, "ramp_up_s": 0, "sizes": {"input_tokens": 4000, "output_tokens": 1}}
    ]
  })");
  const Summary summary = simulate(test::read(document)).summary;
  const double limit_w = load_profile("h200").power.limit_w;
  CHECK(*summary.mean_power_w <= limit_w * 1.01);  // the clock moves in steps
  CHECK(*summary.mean_power_w > 0.8 * limit_w);
}

}  // namespace test_energy
