// Arrival processes beyond independent gaps: any Markov chain of rates, mixtures, and windows that are always full.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gpushare/arrivals.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/statistics.hpp"

namespace test_arrival_kinds {

namespace {

using namespace gpushare;
using Kind = ArrivalProcess::Kind;

std::vector<double> arrivals(const ArrivalProcess& process, double until_s, std::uint64_t seed = 1) {
  ArrivalGenerator generator(process, Stream(seed, 0, "test"));
  std::vector<double> times;
  for (Time at = generator.next(); at != kNever && to_seconds(at - Time{}) < until_s; at = generator.next())
    times.push_back(to_seconds(at - Time{}));
  return times;
}

std::string refusal(const ArrivalProcess& process) {
  try {
    const ArrivalGenerator generator(process, Stream(1, 0, "test"));
  } catch (const ScenarioError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("Weibull gaps have their mean, and the variation of their shape") {
  const ArrivalProcess process = parse_arrivals(R"({"kind": "weibull", "rate_per_s": 4, "shape": 0.5})");
  Moments gaps;
  double last = 0;
  for (const double at : arrivals(process, 40'000)) {
    gaps.add(at - last);
    last = at;
  }
  // CV^2 = Gamma(5) / Gamma(3)^2 - 1 = 5; the mean of 160,000 gaps has a relative error of sqrt(5 / 160,000) = 0.0056.
  CHECK(gaps.mean == doctest::Approx(0.25).epsilon(4 * 0.0056));
  CHECK(gaps.standard_deviation() / gaps.mean == doctest::Approx(std::sqrt(5)).epsilon(0.06));
}

TEST_CASE("an MMPP of three states spends the stationary share of time in each") {
  // Round and round 0 -> 1 -> 2 -> 0 at rates 1, 1/2, 1/3: shares 1/6, 2/6, 3/6, so 6/6 + 0 + 3 x 3/6 = 2.5 a second.
  ArrivalProcess process;
  process.kind = Kind::mmpp;
  process.rates = {6, 0, 3};
  process.transitions = {{0, 1, 0}, {0, 0, 0.5}, {1.0 / 3, 0, 0}};
  CHECK(process.mean_rate() == doctest::Approx(2.5));
  // Cycles of 6 s bring 15 requests; their variance is 6 (1 + 6) + 9 x 9 + 9 = 132 over 15 a cycle.
  const double cycles = 20'000;
  const auto count = static_cast<double>(arrivals(process, cycles * 6).size());
  CHECK(std::abs(count / cycles - 15) < 4 * std::sqrt(132 / cycles));
}

TEST_CASE("a mixture is what its clients are alone, in order") {
  ArrivalProcess slow, fast, both;
  slow.kind = fast.kind = Kind::constant;
  slow.rate_per_s = 1;
  fast.rate_per_s = 4;
  both.kind = Kind::mixture;
  both.clients = {slow, fast};
  CHECK(both.mean_rate() == 5);
  CHECK(arrivals(both, 1.3) == std::vector<double>{0.25, 0.5, 0.75, 1, 1, 1.25});
  both.clients.front().count = 1;
  CHECK(arrivals(both, 2.3) == std::vector<double>{0.25, 0.5, 0.75, 1, 1, 1.25, 1.5, 1.75, 2, 2.25});
  both.count = 3;
  CHECK(arrivals(both, 9).size() == 3);
}

TEST_CASE("clients of a mixture have luck of their own, which others do not touch") {
  const std::string one = R"({"kind": "poisson", "rate_per_s": 2})";
  const auto alone = arrivals(parse_arrivals(R"({"kind": "mixture", "clients": [)" + one + "]}"), 50);
  const auto pair =
      arrivals(parse_arrivals(R"({"kind": "mixture", "clients": [)" + one + ", " + one + "]}"), 50);
  std::size_t found = 0;
  for (const double at : alone) found += std::binary_search(pair.begin(), pair.end(), at) ? 1 : 0;
  CHECK(found == alone.size());
  CHECK(pair.size() > alone.size());
}

TEST_CASE(
    "a window that is filled has the same count and end for every seed, and gaps of the family asked for") {
  ArrivalProcess process;
  process.kind = Kind::gamma;
  process.rate_per_s = 2.5;
  process.shape = 0.3;
  process.window_s = 8;
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const auto times = arrivals(process, 81, seed);
    REQUIRE(times.size() >= 200);
    CHECK(times[19] == 8);
    CHECK(times[20] > 8);
    CHECK(times[199] == 80);
  }
  process.count = 20;
  CHECK(arrivals(process, 1e9).size() == 20);
}

TEST_CASE("pieces with gaps of their own keep their rates, and are full when asked") {
  const std::string text =
      R"({"kind": "piecewise", "rates_per_s": [0, 3, 0.15], "starts_s": [0, 10, 20], "period_s": 30,
          "gap_shapes": [1, 0.4, 2], "gap_kinds": ["gamma", "weibull", "gamma"])";
  const auto free = arrivals(parse_arrivals(text + "}"), 30'000);
  CHECK(static_cast<double>(free.size()) == doctest::Approx(31'500).epsilon(0.06));
  const auto full = arrivals(parse_arrivals(text + R"(, "fill_windows": true})"), 30'000.5);
  CHECK(full.size() == 32'000);  // 30 and ceil(1.5) in each of 1,000 periods
  for (const double at : full) CHECK((at > 10 && std::fmod(at, 30) >= 0));
}

TEST_CASE("a run may begin at any time of what follows the clock") {
  const std::string text =
      R"({"kind": "piecewise", "rates_per_s": [4, 0, 2], "starts_s": [5, 10, 20], "gap_shapes": [1, 2, 3])";
  const ArrivalProcess inside =
      parse_arrivals(text + R"(, "period_s": 30, "clock_s": 42})");  // 12 of the 2nd
  CHECK(inside.starts_s == std::vector<double>{0, 8, 18, 23, 28});
  CHECK(inside.rates == std::vector<double>{0, 2, 0, 4, 0});
  CHECK(inside.gap_shapes == std::vector<double>{2, 3, 1, 1, 2});
  const ArrivalProcess edge = parse_arrivals(text + R"(, "period_s": 30, "clock_s": 20})");
  CHECK(edge.starts_s == std::vector<double>{0, 10, 15, 20});
  CHECK(edge.rates == std::vector<double>{2, 0, 4, 0});
  const ArrivalProcess before = parse_arrivals(text + R"(, "period_s": 30, "clock_s": 2})");
  CHECK(before.starts_s == std::vector<double>{0, 3, 8, 18, 28});
  CHECK(before.rates == std::vector<double>{0, 4, 0, 2, 0});
  const ArrivalProcess once = parse_arrivals(text + R"(, "clock_s": 12})");
  CHECK(once.starts_s == std::vector<double>{0, 8});
  CHECK(once.rates == std::vector<double>{0, 2});
  // Of the same luck, the same arrivals where nothing is cut.
  const std::string flat = R"({"kind": "spikes", "low_per_s": 1, "high_per_s": 2, "spike_per_s": 9)";
  CHECK(parse_arrivals(flat + R"(, "clock_s": 86400})").starts_s == parse_arrivals(flat + "}").starts_s);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(parse_arrivals(
          R"({"kind": "piecewise", "rates_per_s": [4, 0], "starts_s": [0, 10], "clock_s": 11})")),
      doctest::Contains("no request would ever arrive after 11 s"), ScenarioError);
}

TEST_CASE("days and weeks follow their factors") {
  const ArrivalProcess week = parse_arrivals(
      R"({"kind": "diurnal", "rate_per_s": 2, "hourly": [1, 3], "daily": [1, 1, 1, 1, 1, 0, 0]})");
  CHECK(week.period_s == 7 * 86'400);
  CHECK(week.mean_rate() == doctest::Approx(2));
  CHECK(week.rates[1] == doctest::Approx(3 * week.rates[0]));
  CHECK(week.rates[0] == doctest::Approx(2 * 14.0 / 20));
  CHECK(week.rates.back() == 0);
}

TEST_CASE("a chain that cannot come back, and a process that contradicts itself, are refused") {
  ArrivalProcess process;
  process.kind = Kind::mmpp;
  process.rates = {1, 2};
  process.transitions = {{0, 1}, {0, 0}};
  CHECK(refusal(process).find("transitions: expected a way out of state 1") != std::string::npos);
  process.rates = {1, 2, 3};
  process.transitions = {{0, 1, 0}, {1, 0, 0}, {1, 0, 0}};
  CHECK(refusal(process) == "accepted");  // state 2 is left and never seen
  process.transitions = {{0, 1, 0}, {1, 0, 0}, {0, 0, 0}};
  CHECK(refusal(process).find("a way out of state 2") != std::string::npos);
  process.rates = {1, 2};
  process.transitions = {{0, 1e9}, {1e9, 0}};
  CHECK(refusal(process).find("use poisson with the mean rate 1.5") != std::string::npos);
  ArrivalProcess mixture;
  mixture.kind = Kind::mixture;
  CHECK(refusal(mixture).find("clients: expected at least one") != std::string::npos);
  mixture.clients = {mixture};
  CHECK(refusal(mixture).find("a mixture cannot be part of a mixture") != std::string::npos);
  ArrivalProcess window;
  window.rate_per_s = 1e6;
  window.window_s = 1000;
  CHECK(refusal(window).find("at most 1e8 requests in a window") != std::string::npos);
}

}  // namespace

}  // namespace test_arrival_kinds
