#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "queueing.hpp"

namespace test_autoscaling_theory {

// Servers that are switched off when they are idle and have to be set up when work comes, against theory.

namespace {

using namespace queueing;

constexpr double kSetUpS = 3 * kServiceS;
constexpr std::array kThreeLoads{0.3, 0.6, 0.8};

// One queue before up to `servers` replicas; as many are wanted as there are requests.
Scenario switched(int servers, double rate) {
  Scenario scenario = queueing::system(exponential(kServiceS), fifo(), {{}, 1, 1});
  NodePool pool;
  pool.name = "pool";
  pool.shape.cut = scenario.placement.gpus[0].cut;
  pool.start = pool.min = pool.max = servers;
  ReplicaControl replicas;
  replicas.start = replicas.min = 0;
  replicas.max = servers;
  replicas.cold_start = {0, 1, 1, exponential(kSetUpS), constant(0)};
  Autoscaling scaling;
  scaling.every_s = 0;
  scaling.tolerance = 0;
  scaling.up = scaling.down = {0, std::nullopt, std::nullopt, 1};
  replicas.autoscaling = scaling;
  scenario.control = Control{{pool}, {replicas}};
  scenario.workload.services[0].replicas = 0;
  scenario.placement = {{}, {}};
  place_pools(*scenario.control, scenario.workload, scenario.placement);
  add_poisson(scenario, rate);
  return scenario;
}

// Mean response of M/M/c with set-up: states of i servers on and j jobs, where min(c - i, j - i) are being set up and a
// server goes off as soon as nothing waits for it. Solved by sweeping over levels j, cut where hardly anything is left.
double mmc_with_set_up(int c, double arrival, double service, double set_up, int levels) {
  const auto states = static_cast<std::size_t>(c + 1);
  std::vector<std::vector<double>> p(static_cast<std::size_t>(levels) + 1, std::vector<double>(states, 0));
  for (auto& level : p) level.assign(states, 1.0);
  for (int j = 0; j <= levels; ++j)
    for (int i = 0; i <= c; ++i)
      if (i > j) p[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)] = 0;
  const auto at = [&](int i, int j) -> double& {
    return p[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)];
  };
  double mean = 0;
  for (int sweep = 0; sweep < 200'000; ++sweep) {  // Gauss-Seidel on the balance of each state
    for (int j = 0; j <= levels; ++j)
      for (int i = 0; i <= std::min(c, j); ++i) {
        const double out = (j < levels ? arrival : 0) + i * service + std::min(c - i, j - i) * set_up;
        double in = 0;
        if (j > 0 && i <= j - 1) in += at(i, j - 1) * arrival;
        // A job ends: its server takes the next one that waits, or goes off.
        if (j < levels && i > 0 && j + 1 > i) in += at(i, j + 1) * i * service;
        if (j < levels && i + 1 <= c && i + 1 == j + 1) in += at(i + 1, j + 1) * (i + 1) * service;
        if (i > 0 && j >= i) in += at(i - 1, j) * std::min(c - i + 1, j - i + 1) * set_up;
        at(i, j) = in / out;
      }
    if (sweep % 100 != 0) continue;
    double sum = 0, jobs = 0;
    for (int j = 0; j <= levels; ++j)
      for (int i = 0; i <= std::min(c, j); ++i) sum += at(i, j), jobs += j * at(i, j);
    for (auto& level : p)
      for (double& value : level) value /= sum;
    const double next = jobs / sum;
    if (std::abs(next - mean) < 1e-10 * next) break;
    mean = next;
  }
  return mean / arrival;
}

}  // namespace

TEST_CASE("M/M/1 with set-up waits one set-up longer than M/M/1") {
  // Welch, On a generalized M/G/1 queuing process (1964): with exponential set-ups of mean 1/a, S / (1 - load) + 1/a.
  for (const double load : kThreeLoads) {
    const double rate = load / kServiceS;
    const double theory = kServiceS / (1 - load) + kSetUpS;
    CHECK(mmc_with_set_up(1, rate, 1 / kServiceS, 1 / kSetUpS, 120) == doctest::Approx(theory).epsilon(1e-4));
    check(estimate(switched(1, rate), rate, 0.4 * enough_requests(load), mean_response), theory, load);
  }
}

TEST_CASE("M/M/c with set-up follows its Markov chain") {
  constexpr int kServers = 4;
  for (const double load : kThreeLoads) {
    const double rate = load * kServers / kServiceS;
    const double theory = mmc_with_set_up(kServers, rate, 1 / kServiceS, 1 / kSetUpS, 120);
    check(estimate(switched(kServers, rate), rate, 0.3 * enough_requests(load), mean_response), theory, load);
  }
}

}  // namespace test_autoscaling_theory
