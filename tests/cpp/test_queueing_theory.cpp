#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "queueing.hpp"

namespace test_queueing_theory {

// Means of the classical queues against simulated ones: the theory lies inside the 99 % interval (99.9 % of short runs) of twenty
// replications, and the interval is narrow. Formulas: Kleinrock, Queueing Systems I and II (1975, 1976).

using namespace queueing;

namespace {

/// Share of requests that wait for one of `servers` behind one queue, loaded so.
double erlang_c(int servers, double load) {
  const double offered = load * servers;
  double term = 1, sum = 1;
  for (int k = 1; k < servers; ++k) sum += term *= offered / k;
  const double last = term * offered / servers / (1 - load);
  return last / (sum + last);
}

}  // namespace

TEST_CASE("an M/M/1 queue has mean response S / (1 - load)") {
  for (const double load : kLoads) {
    Scenario scenario = queueing::system(exponential(kServiceS), fifo());
    add_poisson(scenario, load / kServiceS);
    check(estimate(scenario, load / kServiceS, enough_requests(load), mean_response), kServiceS / (1 - load),
          load);
  }
}

TEST_CASE("an M/D/1 queue waits half as long as M/M/1") {
  for (const double load : kLoads) {
    Scenario scenario = queueing::system(constant(kServiceS), fifo());
    add_poisson(scenario, load / kServiceS);
    const double theory = kServiceS + load * kServiceS / (2 * (1 - load));
    check(estimate(scenario, load / kServiceS, enough_requests(load) / 2, mean_response), theory, load);
  }
}

TEST_CASE("four servers behind one queue follow Erlang's C formula") {
  constexpr int kServers = 4;
  for (const double load : kLoads) {
    Scenario scenario = queueing::system(exponential(kServiceS), fifo(), {{}, kServers, 1});
    const double rate = load * kServers / kServiceS;
    add_poisson(scenario, rate);
    const double waits = erlang_c(kServers, load);
    const double theory = kServiceS + waits * kServiceS / (kServers * (1 - load));
    check(estimate(scenario, rate, 0.8 * enough_requests(load), mean_response), theory, load);
  }
}

TEST_CASE(
    "a limit of four in flight holds back the share that waits in Erlang's C formula, and nobody else") {
  constexpr int kPlaces = 4;
  for (const double load : kLoads) {
    Scenario scenario = queueing::system(exponential(kServiceS), fifo(), {{}, 2 * kPlaces, 1});
    const double rate = load * kPlaces / kServiceS;
    add_poisson(scenario, rate);
    scenario.workload.traffic.back().max_concurrency = kPlaces;
    const auto held = [](const Run& run) {
      return static_cast<double>(*run.summary.traffic[0].held_back) /
             static_cast<double>(run.summary.arrived);
    };
    const double requests = load < 0.5 ? 3e6 : 0.8 * enough_requests(load);  // few wait there
    check(estimate(scenario, rate, requests, held), erlang_c(kPlaces, load), load);
    // Latencies count from when a request is sent, so that nobody waits for one of the eight servers.
    check(estimate(scenario, rate, 5e5, mean_response), kServiceS, load);
  }
}

TEST_CASE("an M/M/1/K queue turns away the share that theory gives") {
  constexpr int kRoom = 5;
  for (const double load : kLoads) {
    Scenario scenario = queueing::system(exponential(kServiceS), fifo(1, kRoom - 1));
    const double rate = load / kServiceS;
    add_poisson(scenario, rate);
    const double blocked = (1 - load) * std::pow(load, kRoom) / (1 - std::pow(load, kRoom + 1));
    const auto rejected = [](const Run& run) {
      return static_cast<double>(run.summary.rejected) / static_cast<double>(run.summary.arrived);
    };
    check(estimate(scenario, rate, load < 0.5 ? 2.8e7 : 1.5e6, rejected), blocked, load);
  }
}

TEST_CASE("non-preemptive priorities wait as Cobham's formula says") {
  for (const double load : kLoads) {
    Scenario scenario = queueing::system(exponential(kServiceS), fifo());
    const double rate = load / kServiceS / 2;
    add_poisson(scenario, rate, 0);
    add_poisson(scenario, rate, 1);
    // Both classes hold half the load; the mean of both is what one pipeline's response shows.
    const double residual = load * kServiceS;
    const double first = residual / (1 - load / 2);
    const double second = residual / ((1 - load / 2) * (1 - load));
    check(estimate(scenario, 2 * rate, 1.2 * enough_requests(load), mean_response),
          kServiceS + (first + second) / 2, load);

    // And the class served first, alone: its own pipeline tells its own response.
    scenario.workload.pipelines.push_back(scenario.workload.pipelines.front());
    scenario.workload.pipelines.front().name = "urgent";
    scenario.workload.traffic[1].pipeline = 1;
    const auto urgent = [](const Run& run) { return run.summary.latency("urgent.server.latency")->mean; };
    check(estimate(scenario, 2 * rate, enough_requests(load) / 3, urgent), kServiceS + first, load);
  }
}

TEST_CASE("a closed network of thinking users follows mean value analysis") {
  constexpr double kThinkS = 0.2;
  for (const int users : {5, 12, 17, 20, 23}) {
    Scenario scenario = queueing::system(exponential(kServiceS), fifo());
    add_users(scenario, users, kThinkS);
    double queue = 0, response = 0;
    for (int n = 1; n <= users; ++n) {
      response = kServiceS * (1 + queue);
      queue = n * response / (response + kThinkS);
    }
    const double rate = users / (response + kThinkS);
    check(estimate(scenario, rate, 8e5, mean_response), response, rate * kServiceS);
  }
}

}  // namespace test_queueing_theory
