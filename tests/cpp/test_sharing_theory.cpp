#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "queueing.hpp"

namespace test_sharing_theory {

namespace {

using namespace queueing;

Sharing time_slicing(double slice_s, double switch_s) {
  return {SharingMode::time_slicing, slice_s, switch_s, switch_s};
}

}  // namespace

TEST_CASE("processor sharing gives S / (1 - load) whatever the law of service") {
  struct Law {
    Distribution service_s;
    double requests;  // of those that a FIFO queue needs
  };
  for (const Law& law : {Law{exponential(kServiceS), 1.2}, Law{constant(kServiceS), 1},
                         Law{lognormal_with_mean(kServiceS, 1.1), 2}}) {
    for (const double load : kLoads) {
      Scenario scenario = queueing::system(law.service_s, fifo(1'000'000));
      add_poisson(scenario, load / kServiceS);
      check(estimate(scenario, load / kServiceS, law.requests * enough_requests(load), mean_response),
            kServiceS / (1 - load), load);
    }
  }
}

TEST_CASE("time-slicing tends to processor sharing as the slice shrinks") {
  constexpr double kLoad = 0.7;
  const auto response = [&](double slice_s) {
    Scenario scenario = queueing::system(constant(kServiceS), fifo(), {time_slicing(slice_s, 0), 1, 40});
    add_poisson(scenario, kLoad / kServiceS);
    return estimate(scenario, kLoad / kServiceS, 4e5, mean_response);
  };
  const double sharing = kServiceS / (1 - kLoad);
  // Between FIFO-like behaviour at a slice longer than the work and the limit, steadily nearer.
  const std::vector<double> slices{0.02, 0.005, 0.001, 0.0002, 0};
  std::vector<double> distances;
  distances.reserve(slices.size());
  for (const double slice : slices) distances.push_back(std::abs(response(slice).mean - sharing) / sharing);
  for (std::size_t i = 1; i < distances.size(); ++i) {
    INFO("slice " << slices[i] << ": " << distances[i] << " after " << distances[i - 1]);
    CHECK(distances[i] <= distances[i - 1] + 0.01 * std::sqrt(shortening()));
  }
  CHECK(distances.front() > 0.2);
  CHECK(distances[3] < 0.02 * std::sqrt(shortening()));
}

TEST_CASE("saturated time-slicing keeps slice / (slice + switch) of the GPU") {
  for (const auto& [slice, hand_over] :
       std::vector<std::pair<double, double>>{{0.002, 0.0002}, {0.00208, 0.00016}, {0.001, 0.001}}) {
    for (const int processes : {2, 4, 8}) {
      Scenario scenario = queueing::system(
          constant(50.0), fifo(), {time_slicing(slice, hand_over), 1, processes}, Routing::round_robin);
      add_users(scenario, processes, 1e-6);
      scenario.workload.duration_s = 100;
      const Run run = simulate(scenario);
      const PartitionSummary& part = run.summary.partitions.front();
      CHECK(part.busy == doctest::Approx(slice / (slice + hand_over)).epsilon(1e-3));
      CHECK(part.busy + part.switching == doctest::Approx(1).epsilon(1e-3));
    }
  }
}

TEST_CASE("one process under time-slicing loses nothing") {
  Scenario scenario =
      queueing::system(constant(0.05), fifo(), {time_slicing(0.002, 0.0002), 1, 2}, Routing::round_robin);
  add_users(scenario, 1, 1e-6);
  scenario.workload.services[0].routing = Routing::user_affinity;
  scenario.workload.duration_s = 10;
  const Run run = simulate(scenario);
  CHECK(run.summary.latency("e2e_latency")->mean == doctest::Approx(0.05).epsilon(1e-9));
  CHECK(run.summary.partitions.front().switching == 0);
}

TEST_CASE("MIG instances do not feel each other") {
  const auto profile = std::make_shared<const GpuProfile>(load_profile("a100"));
  const auto latencies = [&](double neighbour_rate) {
    Scenario scenario = queueing::system(exponential(0.01), fifo());
    scenario.workload.services.push_back(scenario.workload.services.front());
    scenario.workload.services[1].name = "neighbour";
    scenario.workload.pipelines.push_back(scenario.workload.pipelines.front());
    scenario.workload.pipelines[1].name = "other";
    scenario.workload.pipelines[1].stages[0].service = 1;
    scenario.placement.gpus.clear();
    const PartitionPlacement first{{}, {{0, 100, 0}}};
    const PartitionPlacement second{{}, {{1, 100, 0}}};
    scenario.placement.gpus.push_back(
        {cut_gpu(profile, parse_layout(*profile, "3g.40gb@0+3g.40gb@4")), {first, second}});
    add_poisson(scenario, 70);
    if (neighbour_rate > 0) {
      add_poisson(scenario, neighbour_rate, 1);
      scenario.workload.traffic[1].pipeline = 1;
    }
    scenario.workload.duration_s = 60;
    const Run run = simulate(scenario);
    std::vector<double> own;
    for (std::size_t row = 0; row < run.requests.rows(); ++row) {
      const double latency = run.requests.find("e2e_latency_s")->numbers[row];
      if (run.requests.find("traffic")->codes[row] == 0) own.push_back(latency);
    }
    return own;
  };
  const std::vector<double> alone = latencies(0);
  CHECK(alone.size() > 3000);
  CHECK(latencies(95) == alone);
}

}  // namespace test_sharing_theory
