#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/gpushare.hpp"

/// Queueing systems built out of synthetic services, for tests against theory.
namespace queueing {

using namespace gpushare;

/// Simulated requests are divided by this under sanitizers, and intervals widened to match.
inline constexpr double kThinning = GPUSHARE_SANITIZED ? 100 : 1;

/// Those of `estimate` are divided by this: by ten too unless GPUSHARE_LONG_TESTS is set, as `make suite` does.
inline double shortening() {
  static const bool asked = std::getenv("GPUSHARE_LONG_TESTS") != nullptr;
  return kThinning > 1 ? kThinning : asked ? 1 : 10;
}

/// Of seventy intervals of 99 % one would miss: short runs are given those of 99.9 %.
inline double level() { return kThinning == 1 && shortening() > 1 ? 0.999 : 0.99; }

struct Layout {
  Sharing sharing;
  int gpus = 1;
  int processes = 1;  ///< of each GPU
};

/// One service of the given law, its processes laid out so, and no traffic yet.
inline Scenario system(Distribution service_s, Engine engine, const Layout& layout = {},
                       Routing routing = Routing::shared_queue) {
  Model model;
  model.name = "synthetic";
  model.cost = SyntheticModel{std::move(service_s), 0, 0};
  Scenario scenario;
  scenario.name = "queue";
  Service service;
  service.name = "server";
  service.model = std::make_shared<const Model>(std::move(model));
  service.engine = std::move(engine);
  service.replicas = layout.gpus * layout.processes;
  service.routing = routing;
  scenario.workload.services.push_back(std::move(service));
  Stage stage;
  stage.name = "server";
  stage.service = 0;
  scenario.workload.pipelines.push_back({"visit", {stage}});
  const auto cut = cut_gpu(std::make_shared<const GpuProfile>(load_profile("a100")));
  for (int g = 0; g < layout.gpus; ++g) {
    PartitionPlacement partition{layout.sharing, {}};
    for (int p = 0; p < layout.processes; ++p) partition.processes.push_back({});
    scenario.placement.gpus.push_back({cut, {std::move(partition)}});
  }
  return scenario;
}

inline Engine fifo(int concurrency = 1, std::int64_t queue_limit = -1) {
  return {queue_limit, 0, FifoOptions{concurrency}};
}

/// Adds Poisson arrivals of a priority class.
inline void add_poisson(Scenario& scenario, double rate_per_s, int priority = 0) {
  Traffic traffic;
  traffic.name = "class" + std::to_string(priority);
  traffic.arrivals.rate_per_s = rate_per_s;
  traffic.sizes.priority = priority;
  scenario.workload.traffic.push_back(std::move(traffic));
}

/// Adds users that think for exponential times of mean `think_s`.
inline void add_users(Scenario& scenario, int users, double think_s) {
  Traffic traffic;
  traffic.name = "users";
  traffic.kind = Traffic::Kind::closed;
  traffic.users = users;
  traffic.think_s = exponential(think_s);
  scenario.workload.traffic.push_back(std::move(traffic));
}

/// A figure of each replication; every replication serves about `requests` / `replications` of them.
template <typename Figure>
Estimate estimate(Scenario scenario, double rate_per_s, double requests, Figure figure) {
  constexpr std::uint32_t kReplications = 20;
  constexpr double kWarmUpShare = 0.05;
  const double measured = requests / shortening() / kReplications / rate_per_s;
  scenario.workload.warmup_s = measured * kWarmUpShare;
  scenario.workload.duration_s = measured + scenario.workload.warmup_s;
  RunOptions options;
  options.record_requests = false;
  std::vector<double> figures;
  for (const Run& run : simulate_replications(scenario, kReplications, options))
    figures.push_back(figure(run));
  return mean_estimate(figures, level());
}

inline double mean_response(const Run& run) { return run.summary.latency("e2e_latency")->mean; }

// Loads of a queue with this mean service time, and the check that theory lies inside an interval that is as narrow as so
// many requests make it.
inline constexpr double kServiceS = 0.010;
inline constexpr std::array kLoads{0.3, 0.6, 0.8, 0.9, 0.95};

/// Requests that bring the half-width under the limit; the variance of a mean grows with (1 - load)^-4 in a FIFO queue.
inline double enough_requests(double load) {
  return load < 0.5 ? 5e5 : load < 0.7 ? 1e6 : load < 0.85 ? 3.5e6 : load < 0.92 ? 7e6 : 6e6;
}
/// Of a 99 % interval; one of 99.9 % is 1.36 times as wide, and a quarter is left for how an interval of twenty spreads.
inline double width_limit(double load) {
  const double full = load > 0.94 ? 0.05 : 0.02;
  return shortening() > 1 ? full * std::sqrt(shortening()) * 1.36 * 1.25 : full;
}

inline void check(const Estimate& estimate, double theory, double load) {
  INFO("load " << load << ": theory " << theory << ", simulated " << estimate.mean << " +- "
               << estimate.half_width);
  // Under sanitizers there are few requests, to exercise the code; the release build checks the theory.
  if (kThinning > 1) {
    CHECK(std::abs(estimate.mean - theory) <= 2 * estimate.half_width);
    return;
  }
  CHECK(std::abs(estimate.mean - theory) <= estimate.half_width);
  CHECK(estimate.half_width < width_limit(load) * theory);
}

}  // namespace queueing
