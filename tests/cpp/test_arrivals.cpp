#include "gpushare/arrivals.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/statistics.hpp"
#include "thinned.hpp"

namespace test_arrivals {

namespace {

using namespace gpushare;
using Kind = ArrivalProcess::Kind;

ArrivalProcess process_of(Kind kind, double rate, double shape = 1) {
  ArrivalProcess process;
  process.kind = kind;
  process.rate_per_s = rate;
  process.shape = shape;
  return process;
}

ArrivalProcess on_off(std::vector<double> rates, std::vector<double> hold_s) {
  ArrivalProcess process;
  process.kind = Kind::on_off;
  process.rates = std::move(rates);
  process.hold_s = std::move(hold_s);
  return process;
}

ArrivalProcess piecewise(std::vector<double> rates, std::vector<double> starts_s, double period_s = 0) {
  ArrivalProcess process;
  process.kind = Kind::piecewise;
  process.rates = std::move(rates);
  process.starts_s = std::move(starts_s);
  process.period_s = period_s;
  return process;
}

Stream stream(std::uint64_t index = 0) { return {2024, 0, "test arrivals", index}; }

std::vector<double> arrivals_until(const ArrivalProcess& process, double end_s, std::uint64_t index = 0) {
  ArrivalGenerator generator(process, stream(index));
  std::vector<double> times;
  for (Time at = generator.next(); at != kNever && to_seconds(at) < end_s; at = generator.next()) {
    times.push_back(to_seconds(at));
  }
  return times;
}

Moments gaps(const std::vector<double>& times) {
  Moments moments;
  double last = 0;
  for (const double time : times) {
    moments.add(time - last);
    last = time;
  }
  return moments;
}

double cv(const Moments& moments) { return moments.standard_deviation() / moments.mean; }

double dispersion(const std::vector<double>& times, double window_s, double end_s) {
  std::vector<double> counts(static_cast<std::size_t>(end_s / window_s));
  for (const double time : times) {
    const auto window = static_cast<std::size_t>(time / window_s);
    if (window < counts.size()) ++counts[window];
  }
  Moments moments;
  for (const double count : counts) moments.add(count);
  return moments.variance() / moments.mean;
}

std::string refusal(const ArrivalProcess& process) {
  try {
    ArrivalGenerator(process, stream());
  } catch (const ScenarioError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("constant arrivals come one gap apart, without drift") {
  ArrivalGenerator four(process_of(Kind::constant, 4), stream());
  CHECK(four.next() == Time{250'000'000});
  CHECK(four.next() == Time{500'000'000});
  ArrivalGenerator third(process_of(Kind::constant, 3), stream());
  CHECK(third.next() == Time{333'333'334});  // rounded up to a nanosecond
  constexpr int kArrivals = test::thinned(3'000'000);
  for (int i = 2; i < kArrivals; ++i) (void)third.next();
  CHECK(third.next() == Time{kArrivals / 3 * std::int64_t{1'000'000'000}});  // the last of three a second
}

TEST_CASE("poisson gaps have the mean and the deviation of an exponential") {
  const auto times = arrivals_until(process_of(Kind::poisson, 5), 80'000);
  const auto n = static_cast<double>(times.size());
  CHECK(std::abs(n / 80'000 - 5) < 4 * std::sqrt(5 / 80'000.0));  // the count is Poisson of mean 400,000
  CHECK(std::abs(cv(gaps(times)) - 1) < 4 / std::sqrt(n));  // delta method: sd of the CV of exponentials
  CHECK(dispersion(times, 10, 80'000) == doctest::Approx(1).epsilon(4 * std::sqrt(2 / 8'000.0)));
}

TEST_CASE("gamma gaps have CV 1/sqrt(shape), and counts of long windows dispersion 1/shape") {
  for (const double shape : {0.25, 4.0}) {
    CAPTURE(shape);
    const auto times = arrivals_until(process_of(Kind::gamma, 5, shape), 100'000);
    const double n = 500'000;
    CHECK(std::abs(static_cast<double>(times.size()) / n - 1) < 4 / std::sqrt(n * shape));
    CHECK(cv(gaps(times)) == doctest::Approx(1 / std::sqrt(shape)).epsilon(0.015));
    // Renewal theorem for the variance: var N(t) / E N(t) -> CV^2; 1,000 windows, four standard errors.
    CHECK(dispersion(times, 100, 100'000) == doctest::Approx(1 / shape).epsilon(4 * std::sqrt(2 / 1'000.0)));
  }
}

TEST_CASE("on_off counts have the dispersion of a two-state Markov-modulated Poisson process") {
  // Heffes and Lucantoni, 1986: I(t) = 1 + A (1 - (1 - exp(-s t)) / (s t)), s = r1 + r2 and
  // A = 2 (l1 - l2)^2 r1 r2 / (s^2 (l1 r2 + l2 r1)). With l = 10, 1 and holds of 4, 16 s: s = 0.3125, A = 29.6229.
  const auto process = on_off({10, 1}, {4, 16});
  CHECK(process.mean_rate() == doctest::Approx(2.8));
  const double end = 1'000'000;
  const auto times = arrivals_until(process, end);
  // sd of the count = sqrt(I(infinity) x mean)
  CHECK(std::abs(static_cast<double>(times.size()) - 2.8 * end) < 4 * std::sqrt(30.623 * 2.8 * end));
  CHECK(dispersion(times, 1, end) == doctest::Approx(5.182).epsilon(0.03));
  CHECK(dispersion(times, 10, end) == doctest::Approx(21.560).epsilon(0.04));
  CHECK(dispersion(times, 500, end) == doctest::Approx(30.433).epsilon(4 * std::sqrt(2 / 2'000.0)));
}

TEST_CASE("on_off states follow each other cyclically") {
  // Rates 1000, 0, 10 with holds of 1 s: a busy second is followed by silence, then by a calm one, then by a busy one.
  constexpr double kCycles = test::thinned(10'000);
  const auto times = arrivals_until(on_off({1000, 0, 10}, {1, 1, 1}), 3 * kCycles);
  double busy = 0;
  double calm = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double gap = times[i] - times[i - 1];
    if (gap < 0.02) ++busy;
    if (gap >= 0.02) ++calm;
  }
  const double error = 4 / std::sqrt(kCycles);
  CHECK(static_cast<double>(times.size()) / (3 * kCycles) == doctest::Approx(1010.0 / 3).epsilon(error));
  // In each cycle: ten calm arrivals on average, e^(-0.2) of their gaps above 0.02 s, and one gap of silence.
  CHECK(calm / kCycles == doctest::Approx(10 * std::exp(-0.2)).epsilon(2.5 * error));
  CHECK(busy > 50 * calm);
}

TEST_CASE("on_off starts in its stationary law: the first second is like any other") {
  const auto process = on_off({10, 0}, {1, 9});
  Moments first_second;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    first_second.add(static_cast<double>(arrivals_until(process, 1, i).size()));
  }
  CHECK(std::abs(first_second.mean - 1) < 4 * first_second.standard_deviation() / std::sqrt(20'000.0));
}

TEST_CASE("piecewise arrivals, counted in expected arrivals, are a Poisson process of rate one") {
  const auto process = piecewise({8, 0, 2}, {0, 10, 15}, 20);
  CHECK(process.mean_rate() == doctest::Approx((80 + 0 + 10) / 20.0));
  const auto times = arrivals_until(process, 100'000);
  std::vector<double> expected;
  for (const double time : times) {
    const double cycle = std::floor(time / 20);
    const double at = time - 20 * cycle;
    REQUIRE_FALSE((at > 10 + 1e-6 && at < 15));  // the rate is zero there
    expected.push_back(90 * cycle + (at <= 10 + 1e-6 ? 8 * at : 80 + 2 * (at - 15)));
  }
  const auto n = static_cast<double>(times.size());
  const Moments unit = gaps(expected);
  CHECK(std::abs(unit.mean - 1) < 4 / std::sqrt(n));
  CHECK(std::abs(cv(unit) - 1) < 4 / std::sqrt(n));
  CHECK(dispersion(expected, 90, 90 * 5'000) == doctest::Approx(1).epsilon(4 * std::sqrt(2 / 5'000.0)));
}

TEST_CASE("piecewise without a period keeps its last rate, and is silent before its first start") {
  const auto process = piecewise({100, 3}, {50, 60});
  CHECK(process.mean_rate() == 3);
  const auto times = arrivals_until(process, 10'060);
  double early = 0;
  for (const double time : times) {
    REQUIRE(time >= 50);
    if (time < 60) ++early;
  }
  CHECK(std::abs(early - 1'000) < 4 * std::sqrt(1'000.0));
  CHECK(std::abs(static_cast<double>(times.size()) - early - 30'000) < 4 * std::sqrt(30'000.0));
}

TEST_CASE("a rate of zero for ever gives no arrival, again and again") {
  auto blocks = process_of(Kind::gamma_poisson, 0);
  for (const auto& process :
       {process_of(Kind::constant, 0), process_of(Kind::poisson, 0), process_of(Kind::gamma, 0), blocks,
        on_off({0, 0}, {1, 1}), piecewise({0}, {0}), piecewise({0, 0}, {0, 1}, 2)}) {
    ArrivalGenerator generator(process, stream());
    CHECK(generator.next() == kNever);
    CHECK(generator.next() == kNever);
  }
  ArrivalGenerator ends(piecewise({5, 0}, {0, 10}), stream());
  Time last{};
  for (Time at = ends.next(); at != kNever; at = ends.next()) last = at;
  CHECK(last > Time{5'000'000'000});
  CHECK(last <= Time{10'000'000'000});
  CHECK(ends.next() == kNever);
}

TEST_CASE("periods without an arrival are passed over without shifting those that have one") {
  const auto times =
      arrivals_until(piecewise({0, 1}, {0, 0.5}, 1), 200'000);  // half an arrival in each period
  CHECK(std::abs(static_cast<double>(times.size()) - 100'000) < 4 * std::sqrt(100'000.0));
  CHECK(dispersion(times, 1, 200'000) == doctest::Approx(1).epsilon(4 * std::sqrt(2 / 200'000.0)));
  for (const double time : times) REQUIRE(time - std::floor(time) >= 0.5);
}

TEST_CASE("long silences and low rates cost no more than an arrival") {
  const auto rare =
      piecewise({0, 0.002}, {0, 0.0005}, 0.001);  // mean rate 0.001: a million periods an arrival
  ArrivalGenerator generator(rare, stream());
  Moments gaps;
  double last = 0;
  for (int i = 0; i < 20'000; ++i) {
    const double at = to_seconds(generator.next());
    REQUIRE(at * 1000 - std::floor(at * 1000) > 0.4999);  // never in the silent half
    gaps.add(at - last);
    last = at;
  }
  CHECK(gaps.mean == doctest::Approx(1'000).epsilon(4 / std::sqrt(20'000.0)));
  CHECK(cv(gaps) == doctest::Approx(1).epsilon(4 / std::sqrt(20'000.0)));
  CHECK(to_seconds(ArrivalGenerator(on_off({1, 0}, {1, 1e7}), stream(3)).next()) > 0);
  CHECK(ArrivalGenerator(process_of(Kind::poisson, 1e-300), stream()).next() == kNever);
}

TEST_CASE("gamma_poisson counts have dispersion 1 + m/r in their blocks and in windows inside them") {
  auto process = process_of(Kind::gamma_poisson, 5, 4);
  process.block_s = 20;
  const double end = 600'000;  // 30,000 blocks
  const auto times = arrivals_until(process, end);
  // Mixed Poisson: var = m + m^2 / r with r = 4, m = 5 x window. sd of the count = sqrt(26 x mean).
  CHECK(std::abs(static_cast<double>(times.size()) - 5 * end) < 4 * std::sqrt(26 * 5 * end));
  CHECK(dispersion(times, 20, end) == doctest::Approx(1 + 100 / 4.0).epsilon(0.05));
  CHECK(dispersion(times, 4, end) == doctest::Approx(1 + 20 / 4.0).epsilon(0.04));
  CHECK(dispersion(times, 1, end) == doctest::Approx(1 + 5 / 4.0).epsilon(0.03));
  // Blocks are independent, so ten of them are no more dispersed than one.
  CHECK(dispersion(times, 200, end) == doctest::Approx(26).epsilon(4 * std::sqrt(2 / 3'000.0)));
}

TEST_CASE("gap_shape makes gamma_poisson burstier inside its blocks") {
  auto process = process_of(Kind::gamma_poisson, 5, 1e6);  // block rates all but constant
  process.gap_shape = 0.5;
  const auto times = arrivals_until(process, 100'000);
  CHECK(cv(gaps(times)) == doctest::Approx(std::sqrt(2)).epsilon(0.015));
  CHECK(static_cast<double>(times.size()) / 100'000 ==
        doctest::Approx(5).epsilon(4 * std::sqrt(2 / 500'000.0)));
}

TEST_CASE("arrivals never go back, and depend on the stream alone") {
  for (const auto& process :
       {process_of(Kind::constant, 7), process_of(Kind::poisson, 7), process_of(Kind::gamma, 7, 0.3),
        process_of(Kind::gamma_poisson, 7, 2), on_off({20, 1}, {1, 1}), piecewise({9, 0, 4}, {1, 2, 3}, 5)}) {
    ArrivalGenerator one(process, stream(1));
    ArrivalGenerator same(process, stream(1));
    ArrivalGenerator other(process, stream(2));
    Time last{};
    bool differs = false;
    for (int i = 0; i < 2'000; ++i) {
      const Time at = one.next();
      REQUIRE(at >= last);
      REQUIRE(at == same.next());
      differs = differs || at != other.next();
      last = at;
    }
    CHECK(differs == (process.kind != Kind::constant));
  }
}

TEST_CASE("a process that contradicts itself is refused with what is legal") {
  CHECK(refusal(process_of(Kind::poisson, -1)) ==
        "arrival process: rate_per_s: expected requests a second from 0 to 1e9, found -1");
  CHECK(refusal(process_of(Kind::constant, std::numeric_limits<double>::quiet_NaN())) ==
        "arrival process: rate_per_s: expected requests a second from 0 to 1e9, found nan");
  CHECK(refusal(process_of(Kind::gamma, 1, 0)) ==
        "arrival process: shape: expected a shape of at least 0.001, found 0");
  auto blocks = process_of(Kind::gamma_poisson, 1, 2);
  blocks.block_s = 0;
  CHECK(refusal(blocks) == "arrival process: block_s: expected seconds, at least a nanosecond, found 0");
  CHECK(refusal(on_off({}, {})) == "arrival process: rates: expected at least one rate, found none");
  CHECK(refusal(on_off({1, 2}, {1})) ==
        "arrival process: hold_s: expected 2 values, one for each of rates, found 1");
  CHECK(refusal(on_off({1, 2}, {1, -3})) ==
        "arrival process: hold_s: expected seconds, at least a nanosecond, found -3");
  CHECK(refusal(on_off({1e-6, 0}, {1e-3, 1e-3})) ==
        "arrival process: the rate changes 2e+09 times between two requests; use poisson with the mean rate "
        "5e-07 "
        "instead");
  CHECK(refusal(piecewise({1, 2}, {0, 0})) ==
        "arrival process: starts_s: expected ascending seconds from 0 on, found 0");
  CHECK(refusal(piecewise({1, 2}, {0, 10}, 10)) ==
        "arrival process: period_s: expected more than the last of starts_s, 10, found 10");
  CHECK_THROWS_AS((void)piecewise({1, 2}, {0}).mean_rate(), ScenarioError);
}

}  // namespace

}  // namespace test_arrivals
