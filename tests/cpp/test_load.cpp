#include <doctest/doctest.h>

#include <cmath>

#include "core/text.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/simulation.hpp"
#include "gpushare/warnings.hpp"
#include "scenario_documents.hpp"
#include "thinned.hpp"

namespace test_load {

using namespace gpushare;
using gpushare::test::Json;

namespace {

// Jobs of half a second each; capacity is two a second.
Scenario queue(double rate_per_s, double duration_s = 200) {
  Json document = test::queue_document();
  document["services"]["server"]["model"]["gpu_s"] = 0.5;
  document["duration_s"] = duration_s;
  document["traffic"][0]["arrivals"]["rate_per_s"] = rate_per_s;
  return parse_scenario(document.dump());
}

std::string said(const Scenario& scenario, const Summary& summary) {
  const auto warnings = warnings_of(scenario, summary);
  return warnings.empty() ? "" : to_string(warnings.front());
}

}  // namespace

TEST_CASE("what comes, what is served and what is left add up, and a server below its capacity keeps up") {
  const Scenario scenario = queue(1.2);
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    RunOptions options;
    options.seed = seed;
    const Summary summary = simulate(scenario, options).summary;
    REQUIRE(summary.traffic.size() == 1);
    const TrafficSummary& traffic = summary.traffic.front();
    CHECK(traffic.offered_rate * 200 ==
          doctest::Approx(traffic.served_rate * 200 + static_cast<double>(traffic.backlog)));
    CHECK(summary.offered_rate == traffic.offered_rate);
    CHECK(summary.backlog == traffic.backlog);
    CHECK(traffic.keeps_up);
    CHECK(summary.late == 0);
    CHECK(summary.success_rate == 1);
    CHECK(said(scenario, summary) == "");
  }
}

TEST_CASE("twice the capacity is overload: what is answered late is no success, and the answer says so") {
  const Scenario scenario = queue(4);
  const Summary summary = simulate(scenario).summary;
  const TrafficSummary& traffic = summary.traffic.front();
  CHECK_FALSE(traffic.keeps_up);
  CHECK(summary.completed == summary.arrived);
  CHECK(summary.late == traffic.backlog);
  CHECK(summary.success_rate == doctest::Approx(0.5).epsilon(0.1));
  CHECK(summary.backlog_growth == doctest::Approx(2).epsilon(0.2));
  CHECK(figure(summary, "late") == static_cast<double>(summary.late));
  const std::string text = said(scenario, summary);
  CHECK(text.starts_with("/traffic/0: cannot keep up: "));
  CHECK(text.find("requests a second arrive and ") != std::string::npos);
  CHECK(text.find("times the capacity") != std::string::npos);
  CHECK(text.ends_with(text::format("write rate_per_s {:.4g}", traffic.offered_rate / 60)));
}

TEST_CASE("requests that take long are not overload, but the window is too short for them") {
  Json document = test::queue_document();
  document["services"]["server"]["model"]["gpu_s"] = 0.1;
  document["pipelines"]["visit"]["stages"] =
      test::parse(R"([{"name": "far", "delay_s": 60}, {"name": "server", "service": "server"}])");
  const Scenario scenario = parse_scenario(document.dump());
  const Summary summary = simulate(scenario).summary;
  CHECK(summary.traffic.front().keeps_up);
  CHECK(summary.success_rate == 1);
  CHECK(said(scenario, summary).find("requests take long beside it") != std::string::npos);
}

TEST_CASE("a burst at the end of the window is not overload, nor is a closed loop of many users") {
  Json document = test::queue_document();
  document["services"]["server"]["model"]["gpu_s"] = 0.5;
  document["traffic"][0]["arrivals"] =
      test::parse(R"({"kind": "piecewise", "rates_per_s": [1, 20], "starts_s": [0, 90]})");
  CHECK(simulate(parse_scenario(document.dump())).summary.traffic.front().keeps_up);
  document["traffic"] = test::parse(R"([{"kind": "closed", "users": 500}])");
  const Scenario closed = parse_scenario(document.dump());
  const Summary summary = simulate(closed).summary;
  CHECK(summary.traffic.front().kind == "closed");
  CHECK(summary.traffic.front().keeps_up);
  CHECK(said(closed, summary) == "");
}

TEST_CASE("calls whose recogniser is at its limit do not settle, and the answer says so") {
  for (const char* mode : {"time-slicing", "mps"}) {
    CAPTURE(mode);
    const Scenario scenario = load_scenario("voice-calls", mode);
    const Summary summary = simulate(scenario).summary;
    const bool at_its_limit = std::string_view(mode) == "time-slicing";
    CHECK(summary.traffic.front().settles != at_its_limit);
    CHECK((said(scenario, summary).find("/traffic/0: does not settle: requests wait") == 0) == at_its_limit);
  }
}

namespace {

// One server of exponential steps of 10 ms at a load, measured for so long after a warm-up.
Scenario near_its_limit(double load, double window_s, double warmup_s = 0) {
  Json document = test::queue_document();
  document["services"]["server"]["model"]["gpu_s"] = test::parse(R"({"kind": "exponential", "mean": 0.01})");
  document["duration_s"] = warmup_s + window_s;
  document["warmup_s"] = warmup_s;
  document["traffic"][0]["arrivals"]["rate_per_s"] = load / 0.01;
  return parse_scenario(document.dump());
}

}  // namespace

TEST_CASE("a queue near its limit is measured for too short, and the answer says how long would do") {
  const Scenario brief = near_its_limit(0.98, 100);
  RunOptions options;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    options.seed = seed;
    const Summary summary = simulate(brief, options).summary;
    if (summary.traffic.front().keeps_up)
      CHECK(said(brief, summary).find("/services/server: the run is too short: server is busy for 9") == 0);
  }
  const Scenario calm = near_its_limit(0.5, 100);
  CHECK(said(calm, simulate(calm).summary) == "");
  // 0.01 s / 0.04^2 is 6.25 s; 400 times that are 2,500 s after a warm-up of 31 s: about 10 %, and nothing is said.
  const double in_queue = 0.96 / 0.04;
  const Scenario enough = near_its_limit(0.96, 2500, 31);
  double mean = 0, squares = 0;
  constexpr int kRuns = test::thinned(20);
  const double fewer = std::sqrt(20.0 / kRuns);
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    options.seed = seed;
    const Summary summary = simulate(enough, options).summary;
    CHECK(said(enough, summary) == "");
    const double off = summary.services.front().mean_in_system / in_queue - 1;
    mean += off / kRuns;
    squares += off * off / kRuns;
  }
  CHECK(std::abs(mean) < 0.08 * fewer);
  CHECK(std::sqrt(squares) == doctest::Approx(0.1).epsilon(0.5 * fewer));
}

TEST_CASE("what lasts longer than the clock can tell is refused, whether in one piece or in many") {
  Json document = test::queue_document();
  const auto refused = [&document] {
    CHECK_THROWS_WITH_AS(static_cast<void>(simulate(parse_scenario(document.dump()))),
                         doctest::Contains("146 years"), SimulationError);
  };
  document["services"]["server"]["model"]["gpu_s"] = 1e300;
  refused();
  document["services"]["server"]["model"]["gpu_s"] = 9e8;  // six of them would be beyond
  refused();
  document["services"]["server"]["model"]["host_before_s"] = 1.1e9;
  CHECK_THROWS_WITH_AS(static_cast<void>(parse_scenario(document.dump())),
                       doctest::Contains("between 0 and 1000000000"), ScenarioError);
}

TEST_CASE("what is turned away is counted where it came from") {
  const Scenario scenario = load_scenario("one-pod-spike", "mig:7x1g.10gb");
  const Summary summary = simulate(scenario).summary;
  for (const TrafficSummary& traffic : summary.traffic) {
    CAPTURE(traffic.name);
    CHECK((traffic.rejected > 0) == (traffic.name == "spiking"));
    CHECK(traffic.failed == 0);
    CHECK(traffic.offered_rate * summary.duration_s >= static_cast<double>(traffic.rejected));
  }
}

TEST_CASE("a run that would not end is refused before it begins, with its size, unless it is told to") {
  const Scenario scenario = queue(1e6, 3600);
  CHECK(expected_size(scenario).requests == 3.6e9);
  CHECK(expected_size(scenario).bytes > 1e12);
  CHECK_THROWS_WITH_AS(static_cast<void>(simulate(scenario)),
                       doctest::Contains("about 3.6e+09 requests would come"), SimulationError);
  RunOptions few;
  few.most_requests = 100;
  CHECK_THROWS_AS(static_cast<void>(simulate(queue(1), few)), SimulationError);
  few.most_requests = 0;
  CHECK(simulate(queue(1), few).summary.completed > 100);
}

TEST_CASE("the expected size counts arrivals by their pieces, calls by their turns, and users once") {
  Json document = test::queue_document();
  document["traffic"][0]["arrivals"] =
      test::parse(R"({"kind": "piecewise", "rates_per_s": [1, 20], "starts_s": [0, 90]})");
  CHECK(expected_size(parse_scenario(document.dump())).requests == 90 + 10 * 20);
  document["traffic"] = test::parse(R"([{"kind": "closed", "users": 500}])");
  CHECK(expected_size(parse_scenario(document.dump())).requests == 500);
  document["traffic"] = test::parse(R"([{"kind": "calls", "generate": {"turns": 10,
      "arrivals": {"kind": "constant", "rate_per_s": 2}}}])");
  CHECK(expected_size(parse_scenario(document.dump())).requests == 2000);
}

}  // namespace test_load
