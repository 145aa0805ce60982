#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "gpushare/simulation.hpp"
#include "gpushare/what_if.hpp"
#include "planning/arrivals.hpp"
#include "planning/places.hpp"
#include "scenario_documents.hpp"

namespace test_places_and_arrivals {

using namespace gpushare;
using namespace gpushare::planning;
using namespace gpushare::test;

namespace {

double sum(const std::vector<double>& shares) { return std::accumulate(shares.begin(), shares.end(), 0.0); }

double mean(const std::vector<double>& shares) {
  double result = 0;
  for (std::size_t n = 0; n < shares.size(); ++n) result += static_cast<double>(n) * shares[n];
  return result;
}

double variance(const std::vector<double>& shares) {
  double squares = 0;
  for (std::size_t n = 0; n < shares.size(); ++n) squares += std::pow(static_cast<double>(n), 2) * shares[n];
  return squares - std::pow(mean(shares), 2);
}

}  // namespace

TEST_CASE("jobs of one server are a Poisson count, those of servers in turn come more evenly") {
  for (const int in_turn : {1, 2, 5}) {
    CAPTURE(in_turn);
    const Arrivals arrivals(1, {}, in_turn);
    const std::vector<double> jobs = arrivals.jobs(3, arrivals.any_time(), 60);
    CHECK(sum(jobs) == doctest::Approx(1));
    CHECK(mean(jobs) == doctest::Approx(3).epsilon(1e-4));
    // Those of all servers, plus the luck of how far the turns had come, divided by the servers.
    const double turns = in_turn;
    CHECK(variance(jobs) == doctest::Approx(3 / turns + (1 - 1 / (turns * turns)) / 6).epsilon(0.1));
    if (in_turn == 1) CHECK(jobs[2] == doctest::Approx(std::exp(-3.0) * 9 / 2));
  }
}

TEST_CASE("after a job the next one of servers in turn needs as many as there are") {
  const Arrivals arrivals(1, {}, 2);
  const std::vector<double> jobs = arrivals.jobs(0.1, arrivals.right_after(), 60);
  CHECK(jobs[0] == doctest::Approx(std::exp(-0.2) * 1.2));  // none or one of both servers
}

TEST_CASE("beside a job are as many as at any other time when they are Poisson") {
  const Arrivals arrivals(1, {}, 1);
  const std::vector<double> jobs = arrivals.jobs(2, arrivals.any_time(), 60);
  const std::vector<double> beside = Arrivals::beside(jobs);
  for (std::size_t n = 0; n < 6; ++n) CHECK(beside[n] == doctest::Approx(jobs[n]).epsilon(1e-3));
}

TEST_CASE("places of jobs whose sizes are drawn are as many as those of jobs of mean size") {
  for (const double variation : {0.0, 0.3, 1.0}) {
    CAPTURE(variation);
    const Arrivals arrivals(3, spread_sizes(variation), 1);
    const std::vector<double> jobs = arrivals.jobs(2, arrivals.any_time(), 60);
    const std::vector<double> places = arrivals.places(jobs, 400);
    CHECK(sum(places) == doctest::Approx(1).epsilon(1e-4));
    CHECK(mean(places) == doctest::Approx(6).epsilon(variation > 0.5 ? 0.1 : 0.03));
    if (variation > 0) CHECK(variance(places) > 9 * 2 * (1 + 0.6 * variation * variation));
  }
}

TEST_CASE("waiting for places that are all alike is M/M/c") {
  // Three places, 2 jobs a second of a second each: Erlang's C is 4/9, and those who wait do so for a second on average.
  const Places places{3, 2, 2, 1, 1, 1};
  CHECK(places.suffice());
  CHECK(places.waiting().share == doctest::Approx(4.0 / 9));
  CHECK(places.waiting().mean_s == doctest::Approx(1));
}

TEST_CASE("jobs wait longer for places where their times grow with the places taken, or sizes vary") {
  const Places alike{20, 14, 14, 1, 1, 1};
  Places slowed = alike;
  slowed.full_s = 1.2;
  Places uneven = alike;
  uneven.uneven = 2;
  const auto wait_s = [](const Places& places) { return places.waiting().share * places.waiting().mean_s; };
  CHECK(wait_s(slowed) > 1.5 * wait_s(alike));
  CHECK(wait_s(uneven) > 1.5 * wait_s(alike));
  CHECK(Places{20, 20, 19, 1, 1.1, 1}.suffice() == false);
  CHECK(Places{20, 0, 0, 0, 0, 1}.waiting().share == 0);
}

namespace {

// An 8B model of which so much memory is left to the cache, and its prompts and replies vary.
Scenario chat(double utilization, double rate, int replicas) {
  const Json document = patched(
      parse(R"({"name": "chat", "gpu": "h100", "duration_s": 300, "warmup_s": 20, "services": {
    "llm": {"model": "llama-3.1-8b", "engine": {"preset": "vllm-0.20"}}},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}, "sizes": {
      "input_tokens": {"kind": "lognormal", "mean": 800, "sigma": 0.5, "min": 1, "max": 4000},
      "output_tokens": {"kind": "lognormal", "mean": 150, "sigma": 0.5, "min": 1, "max": 1000}}}]})"),
      Json{{"services",
            {{"llm", {{"replicas", replicas}, {"engine", {{"gpu_memory_utilization", utilization}}}}}}}}
          .dump());
  Scenario scenario = read(document, "dedicated");
  scenario.workload.traffic[0].arrivals.rate_per_s = rate;
  return scenario;
}

double miss(const Scenario& scenario) {
  RunOptions options;
  options.record_requests = false;
  const double simulated = simulate(scenario, options).summary.latency("llm.ttft")->p95;
  return what_if(scenario.workload, scenario.placement).services.at(0).p95_s / simulated - 1;
}

}  // namespace

TEST_CASE(
    "first tokens are predicted where many sequences are in their reply, and where replicas take turns") {
  CHECK(std::abs(miss(chat(0.9, 15, 1))) < 0.2);
  CHECK(std::abs(miss(chat(0.9, 15, 2))) < 0.12);
  CHECK(std::abs(miss(chat(0.9, 30, 4))) < 0.12);
}

TEST_CASE("requests that wait for memory are foreseen") {
  const auto p95_s = [](const Scenario& scenario) {
    return what_if(scenario.workload, scenario.placement).services.at(0).p95_s;
  };
  const double wide_s = p95_s(chat(0.9, 15, 1));
  CHECK(p95_s(chat(0.27, 15, 1)) > 3 * wide_s);
  CHECK(std::isfinite(p95_s(chat(0.27, 15, 1))));
  CHECK(std::isinf(p95_s(chat(0.25, 15, 1))));
  CHECK(std::abs(miss(chat(0.3, 15, 1))) < 0.12);
}

}  // namespace test_places_and_arrivals
