#include "gpushare/capacity.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "queueing.hpp"
#include "scenario_documents.hpp"

namespace test_capacity {

using namespace gpushare;
using namespace gpushare::test;

namespace {

Scenario queue(double rate_per_s, double requests) {
  Scenario scenario = queueing::system(exponential(0.01), queueing::fifo());
  queueing::add_poisson(scenario, rate_per_s);
  scenario.workload.duration_s = requests / queueing::kThinning / 60;
  scenario.workload.warmup_s = scenario.workload.duration_s / 20;
  return scenario;
}

Objectives at_most(const std::string& figure, double bound) {
  Objectives objectives;
  objectives.figures.push_back({figure, bound, true});
  return objectives;
}

std::string complaint_of(const Scenario& scenario, const Objectives& objectives,
                         const CapacityOptions& options = {}) {
  try {
    static_cast<void>(find_capacity(scenario, objectives, options));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("the capacity of M/M/1 under a bound of the mean or of the p95 is that of theory") {
  // The sojourn is exponential of rate mu - lambda: mean 1 / (mu - lambda), p95 ln(20) / (mu - lambda).
  const double mean = 100 - 1 / 0.025, p95 = 100 - std::log(20.0) / 0.06;
  const double wide = std::sqrt(queueing::kThinning);
  struct Case {
    const char* figure;
    double bound, theory;
  };
  for (const Case& one : {Case{"e2e_latency_mean_s", 0.025, mean}, Case{"e2e_latency_p95_s", 0.06, p95}}) {
    const double theory = one.theory;
    INFO(one.figure << " of at most " << one.bound << " s: theory " << theory);
    const Capacity found = find_capacity(queue(10, 25'000), at_most(one.figure, one.bound));
    CHECK(found.unit == "requests/s");
    CHECK(found.now == doctest::Approx(10));
    CHECK(found.load == doctest::Approx(theory).epsilon(0.03 * wide));
    CHECK(found.low <= found.load);
    CHECK(found.high > found.load);
    CHECK(found.low <= theory * (1 + 0.02 * wide));
    CHECK(found.high >= theory * (1 - 0.02 * wide));
    CHECK(found.high / found.low < 1 + 0.12 * wide);
    CHECK(found.why.empty());
  }
}

TEST_CASE("a capacity is the same from another start, grows with the bound, and is the same twice") {
  CapacityOptions options;
  options.replications = 3;
  options.tolerance = 0.02;
  const auto load = [&](double rate_per_s, double bound) {
    return find_capacity(queue(rate_per_s, 6'000), at_most("e2e_latency_mean_s", bound), options).load;
  };
  CHECK(load(10, 0.03) == load(10, 0.03));
  CHECK(load(10, 0.03) < load(10, 0.04));
  CHECK(load(10, 0.04) < load(10, 0.08));
  CHECK(load(500, 0.04) == doctest::Approx(load(10, 0.04)).epsilon(0.04));
  options.threads = 1;
  const double alone = load(10, 0.03);
  options.threads = 2;
  CHECK(load(10, 0.03) == alone);
}

TEST_CASE("users come in whole numbers") {
  // A closed queue of N users who do not think: the mean sojourn is N times the service.
  Scenario scenario = queueing::system(constant(0.01), queueing::fifo());
  queueing::add_users(scenario, 1, 0);
  scenario.workload.traffic[0].think_s = constant(0);
  scenario.workload.duration_s = 30;
  scenario.workload.warmup_s = 5;
  const Capacity found = find_capacity(scenario, at_most("e2e_latency_mean_s", 0.0551));
  CHECK(found.unit == "users");
  CHECK(found.load == 5);
  CHECK(found.low == 5);
  CHECK(found.high == 6);
}

TEST_CASE("where no load is within the bounds, the capacity is none and the reason is told") {
  CapacityOptions options;
  options.replications = 2;
  options.most_factor = 8;
  const Capacity found = find_capacity(queue(10, 2'000), at_most("e2e_latency_mean_s", 0.001), options);
  CHECK(found.load == 0);
  CHECK(found.low == 0);
  CHECK(found.high == doctest::Approx(10.0 / 8));
  INFO(found.why);
  CHECK(found.why.starts_with("at the least load e2e_latency_mean_s 0.0"));
  CHECK(found.why.ends_with(", at most 0.001 is asked for"));
}

TEST_CASE("a rate of at least so much is missed by small loads, and limits none") {
  Objectives objectives = at_most("e2e_latency_mean_s", 0.025);
  const double load = find_capacity(queue(10, 25'000), objectives).load;
  objectives.figures.push_back({"request_throughput", load / 2, false});
  const Capacity found = find_capacity(queue(10, 25'000), objectives);
  CHECK(found.load == load);
  CHECK(found.low > 0);
  objectives.figures.back().value = 2 * load;
  const Capacity beyond = find_capacity(queue(10, 25'000), objectives);
  CHECK(beyond.load == 0);
  CHECK(beyond.why.starts_with("at the most that the others allow request_throughput"));
}

TEST_CASE("where the largest load is within the bounds, nothing surely fails") {
  CapacityOptions options;
  options.replications = 2;
  options.most_factor = 4;
  const Capacity found = find_capacity(queue(10, 20'000), at_most("e2e_latency_mean_s", 1), options);
  CHECK(found.load == 40);
  CHECK(std::isinf(found.high));
}

TEST_CASE("a load that cannot be varied, bad options and unknown figures are told by their place") {
  const Objectives bound = at_most("e2e_latency_mean_s", 1);
  const Scenario open = queue(1, 100);
  CapacityOptions options;
  options.vary = VariedLoad::users;
  CHECK(complaint_of(open, bound, options) == "vary: no traffic has users; vary the rates");
  options = {};
  options.tolerance = 2;
  CHECK(complaint_of(open, bound, options) == "tolerance: found 2; a share above 0 and below 1 is needed");
  options = {};
  options.replications = 1;
  CHECK(complaint_of(open, bound, options) == "replications: found 1; at least 2 are needed");
  options = {};
  options.most_factor = std::numeric_limits<double>::infinity();
  CHECK(complaint_of(open, bound, options).starts_with("most_factor: found inf"));
  CHECK(complaint_of(open, {}).starts_with("objectives: no figure is bounded"));
  CHECK(complaint_of(open, at_most("e2e_latency_mean_s", std::numeric_limits<double>::infinity())) ==
        "objectives/e2e_latency_mean_s: found inf; a bound is a number");
  CHECK(complaint_of(open, at_most("e2e_latncy_mean_s", 1))
            .starts_with("objectives/e2e_latncy_mean_s: unknown figure \"e2e_latncy_mean_s\"; nearest: "
                         "e2e_latency_mean_s"));
  Scenario calls = open;
  calls.workload.traffic[0].kind = Traffic::Kind::calls;
  calls.workload.traffic[0].calls = std::make_shared<const std::vector<VoiceCall>>();
  CHECK_THROWS_WITH_AS(static_cast<void>(scaled(calls.workload, VariedLoad::rate, 2)),
                       "/traffic/0: calls of a file have the load that they have; use \"generate\"",
                       ScenarioError);
}

TEST_CASE("a search that is cancelled ends with an error") {
  CapacityOptions options;
  options.cancelled = [] { return true; };
  CHECK_THROWS_AS(
      static_cast<void>(find_capacity(queue(50, 60'000), at_most("e2e_latency_mean_s", 1), options)),
      SimulationError);
}

TEST_CASE("every kind of rate is scaled, clients of a mixture too") {
  Workload workload = queue(3, 100).workload;
  ArrivalProcess bursts;
  bursts.kind = ArrivalProcess::Kind::on_off;
  bursts.rates = {1, 5};
  bursts.hold_s = {2, 2};
  ArrivalProcess& mixture = workload.traffic[0].arrivals;
  mixture = {};
  mixture.kind = ArrivalProcess::Kind::mixture;
  mixture.clients = {bursts, bursts};
  CHECK(mixture.mean_rate() == doctest::Approx(6));
  CHECK(scaled(workload, VariedLoad::rate, 2.5).traffic[0].arrivals.mean_rate() == doctest::Approx(15));
  CHECK(scaled(workload, VariedLoad::users, 2.5).traffic[0].arrivals.mean_rate() == doctest::Approx(6));
}

}  // namespace test_capacity
