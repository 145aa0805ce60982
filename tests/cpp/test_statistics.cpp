#include "gpushare/statistics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/random.hpp"

namespace test_statistics {

using namespace gpushare;
using doctest::Approx;  // relative to 1 + |value|: small values are scaled up before they are compared

namespace {

std::vector<std::int64_t> durations(const Distribution& d, std::uint64_t seed, int n) {
  Stream stream(seed, 0, "durations");
  std::vector<std::int64_t> ns(static_cast<std::size_t>(n));
  for (auto& v : ns) v = duration_from_seconds(d.sample(stream)).ns;
  return ns;
}

Histogram histogram_of(const std::vector<std::int64_t>& ns) {
  Histogram h;
  for (const auto v : ns) h.add(Duration{v});
  return h;
}

void check_quantiles(std::vector<std::int64_t> ns) {
  const Histogram h = histogram_of(ns);
  std::sort(ns.begin(), ns.end());
  for (const double q : {0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    CAPTURE(q);
    const double rank = std::max(1.0, std::ceil(q * static_cast<double>(ns.size())));
    const double exact = static_cast<double>(ns[static_cast<std::size_t>(rank) - 1]) * 1e-9;
    CHECK(std::abs(h.quantile_s(q) - exact) <= Histogram::kRelativeError * exact);
  }
}

std::vector<double> noise(std::size_t n, std::uint64_t seed = 1) {
  Stream stream(seed, 0, "noise");
  std::vector<double> x(n);
  for (double& v : x) v = stream.normal();
  return x;
}

}  // namespace

TEST_CASE("moments of a small sample are those worked by hand") {
  Moments m;
  for (const double x : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) m.add(x);
  CHECK(m.count == 8);
  CHECK(m.mean == Approx(5));
  CHECK(m.variance() == Approx(32.0 / 7));
  CHECK(m.standard_deviation() == Approx(std::sqrt(32.0 / 7)));
  CHECK(m.min == 2);
  CHECK(m.max == 9);
  Moments single;
  single.add(-3);
  CHECK(single.variance() == 0);
  CHECK(single.max == -3);
}

TEST_CASE("moments keep their digits far from zero") {
  Moments m;  // Naive sums of squares lose this variance of 2/3 * 3/2 = 1 entirely.
  for (const double x : {1e9 - 1, 1e9, 1e9 + 1}) m.add(x);
  CHECK(m.variance() == Approx(1));
}

TEST_CASE("merged moments are those of the union") {
  const std::vector<double> x = noise(1000);
  for (const std::size_t cut : {0u, 1u, 300u, 1000u}) {
    Moments left, right, all;
    for (std::size_t i = 0; i < x.size(); ++i) {
      (i < cut ? left : right).add(x[i]);
      all.add(x[i]);
    }
    left.merge(right);
    CHECK(left.count == all.count);
    CHECK(left.mean == Approx(all.mean).epsilon(1e-12));
    CHECK(left.variance() == Approx(all.variance()).epsilon(1e-12));
    CHECK(left.min == all.min);
    CHECK(left.max == all.max);
  }
}

TEST_CASE("histogram quantiles are within the stated error of an exact sort") {
  check_quantiles(durations(exponential(0.05), 1, 20'001));
  check_quantiles(durations(lognormal(-3, 2), 2, 20'000));
  check_quantiles(durations(pareto(1e-6, 0.5), 3, 10'000));
  check_quantiles(durations(uniform(0, 1e-6), 4, 10'000));  // across the exact part
  check_quantiles({5});
}

TEST_CASE("histograms resolve every nanosecond below 256 and all magnitudes above") {
  for (std::int64_t v = 0; v < 256; ++v) {
    const Histogram h = histogram_of({0, v, v, 1000});
    REQUIRE(h.quantile_s(0.75) * 1e9 == Approx(static_cast<double>(v)).epsilon(1e-12));
  }
  for (int bit = 8; bit < 63; ++bit) {
    const std::int64_t power = std::int64_t{1} << bit;
    for (const std::int64_t v : {power - 1, power, power + 1, power + power / 3}) {
      const Histogram h = histogram_of({0, v, v, std::numeric_limits<std::int64_t>::max()});
      const double exact = static_cast<double>(v) * 1e-9;
      // At a power of two the middle of a wide bucket is off by the whole bound; leave room for doubles to round.
      REQUIRE(std::abs(h.quantile_s(0.75) - exact) <= Histogram::kRelativeError * exact * (1 + 1e-12));
    }
  }
}

TEST_CASE("a quantile is the smallest value with at least that share at or below it") {
  const Histogram h = histogram_of({10, 20, 30, 40});
  CHECK(h.quantile_s(0.25) * 1e9 == Approx(10));
  CHECK(h.quantile_s(0.2500001) * 1e9 == Approx(20));
  CHECK(h.quantile_s(0.5) * 1e9 == Approx(20));
  CHECK(h.quantile_s(0.75) * 1e9 == Approx(30));
  Histogram hundred;
  for (int i = 1; i <= 100; ++i) hundred.add(Duration{i});
  CHECK(hundred.quantile_s(0.07) * 1e9 == Approx(7));  // 0.07 * 100 is 7.000000000000001 in binary
  CHECK_THROWS_WITH_AS((void)h.quantile_s(1.5), "quantile: q must be between 0 and 1, found 1.5", Error);
  CHECK_THROWS_AS((void)h.quantile_s(std::nan("")), Error);
}

TEST_CASE("histogram mean and deviation are exact even where the spread is tiny against the mean") {
  // An hour plus 0, 1 and 2 ns, a million times each: variance 2/3 ns^2, times n / (n - 1).
  Histogram h;
  for (const std::int64_t extra : {0, 1, 2}) h.add(Duration{3'600'000'000'000 + extra}, 1'000'000);
  CHECK(h.count() == 3'000'000);
  CHECK(h.mean_s() == Approx(3600.000000001).epsilon(1e-15));
  CHECK(h.standard_deviation_s() * 1e9 == Approx(std::sqrt(2.0 / 3 * 3e6 / (3e6 - 1))).epsilon(1e-12));
  const Histogram pair = histogram_of({1'000'000'000, 3'000'000'000});
  CHECK(pair.mean_s() == Approx(2));
  CHECK(pair.standard_deviation_s() == Approx(std::numbers::sqrt2));
  // A mean between whole nanoseconds.
  CHECK(histogram_of({0, 1}).standard_deviation_s() * 1e9 == Approx(std::sqrt(0.5)));
  CHECK(pair.min_s() == Approx(1));
  CHECK(pair.max_s() == Approx(3));
}

TEST_CASE("an empty histogram answers NaN, and negative durations count as zero") {
  Histogram h;
  CHECK(std::isnan(h.quantile_s(0.5)));
  CHECK(std::isnan(h.mean_s()));
  CHECK(std::isnan(h.min_s()));
  CHECK(h.standard_deviation_s() == 0);
  h.add(Duration{1}, 0);
  CHECK(h.count() == 0);
  h.add(Duration{-5});
  CHECK(h.max_s() == 0);
  CHECK(h.mean_s() == 0);
}

TEST_CASE("merging histograms in any order equals one histogram of everything, to the bit") {
  const auto a = durations(exponential(3), 5, 5000);
  const auto b = durations(lognormal(-8, 1), 6, 700);
  std::vector<std::int64_t> everything = a;
  everything.insert(everything.end(), b.begin(), b.end());
  const Histogram all = histogram_of(everything);
  for (const bool swap : {false, true}) {
    Histogram merged = histogram_of(swap ? b : a);
    merged.merge(histogram_of(swap ? a : b));
    merged.merge(Histogram{});
    CHECK(merged.count() == all.count());
    CHECK(merged.mean_s() == all.mean_s());
    CHECK(merged.standard_deviation_s() == all.standard_deviation_s());
    CHECK(merged.min_s() == all.min_s());
    CHECK(merged.max_s() == all.max_s());
    for (int i = 0; i <= 1000; ++i) REQUIRE(merged.quantile_s(i / 1000.0) == all.quantile_s(i / 1000.0));
  }
}

TEST_CASE("a time integral follows a step function drawn by hand") {
  // 0 until 1 s, 3 until 4 s, 1 until 6 s: area 9 + 2.
  TimeIntegral area;
  area.set(Time{1'000'000'000}, 3);
  area.add(Time{4'000'000'000}, -2);
  CHECK(area.value() == 1);
  CHECK(area.max() == 3);
  CHECK(area.integral_s(Time{6'000'000'000}) == Approx(11));
  area.reset(Time{6'000'000'000});
  CHECK(area.max() == 1);
  CHECK(area.integral_s(Time{8'000'000'000}) == Approx(2));
}

TEST_CASE("Student quantiles are those of the tables") {
  // Two-sided; R's qt((1 + level) / 2, degrees).
  CHECK(student_quantile(0.95, 1) == Approx(12.7062047361747).epsilon(1e-11));
  CHECK(student_quantile(0.95, 10) == Approx(2.22813885198627).epsilon(1e-11));
  CHECK(student_quantile(0.99, 5) == Approx(4.03214298355523).epsilon(1e-11));
  CHECK(student_quantile(0.95, 30) == Approx(2.04227245630124).epsilon(1e-11));
  CHECK(student_quantile(0.999, 2) == Approx(31.5990545764454).epsilon(1e-11));
  CHECK(student_quantile(0.95, 1e9) == Approx(1.95996398691).epsilon(1e-10));
}

TEST_CASE("Student quantiles agree with the closed forms for one, two and four degrees") {
  for (const double level : {1e-6, 0.01, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999, 0.999999}) {
    CAPTURE(level);
    CHECK(student_quantile(level, 1) / std::tan(std::numbers::pi / 2 * level) == Approx(1).epsilon(1e-9));
    const double two = level * std::sqrt(2 / ((1 - level) * (1 + level)));
    CHECK(student_quantile(level, 2) / two == Approx(1).epsilon(1e-9));
    // P(|T| <= t) = 3/2 s - 1/2 s^3 with s = t / sqrt(t^2 + 4), four degrees of freedom.
    const double t = student_quantile(level, 4);
    const double s = t / std::sqrt(t * t + 4);
    CHECK((1.5 * s - 0.5 * s * s * s) / level == Approx(1).epsilon(1e-9));
  }
}

TEST_CASE("Student quantiles join smoothly where the method changes, and fall with the degrees of freedom") {
  for (const double level : {0.001, 0.2, 0.5, 0.95, 0.9999}) {
    CAPTURE(level);
    CHECK(student_quantile(level, 10'000) / student_quantile(level, 10'000.0001) == Approx(1).epsilon(1e-10));
    double last = std::numeric_limits<double>::infinity();
    for (const double degrees : {0.5, 1.0, 3.0, 17.0, 400.0, 9000.0, 2e4, 1e8}) {
      const double t = student_quantile(level, degrees);
      CHECK(t < last);
      last = t;
    }
  }
}

TEST_CASE("impossible levels and degrees of freedom are refused") {
  CHECK_THROWS_WITH_AS((void)student_quantile(1, 5),
                       "student_quantile: the level must lie strictly between 0 and 1, found 1", Error);
  CHECK_THROWS_WITH_AS((void)student_quantile(0.95, 0),
                       "student_quantile: the degrees of freedom must be > 0, found 0", Error);
  CHECK_THROWS_AS((void)student_quantile(std::nan(""), 3), Error);
}

TEST_CASE("the interval of a mean is the one worked by hand") {
  // 1, 2, 3, 4: variance 5/3, half-width t(0.95, 3) sqrt(5/12), with t = 3.18244630528.
  const std::vector<double> x{1, 2, 3, 4};
  const Estimate e = mean_estimate(x);
  CHECK(e.mean == Approx(2.5));
  CHECK(e.half_width == Approx(3.18244630528 * std::sqrt(5.0 / 12)).epsilon(1e-10));
  CHECK(e.count == 4);
  CHECK(mean_estimate(std::vector<double>{7}).half_width == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(mean_estimate(std::vector<double>{}).mean));
}

TEST_CASE("intervals at 90 percent cover the truth nine times in ten") {
  int covered = 0;
  constexpr int kTrials = 4000;
  for (int i = 0; i < kTrials; ++i) {
    const Estimate e = mean_estimate(noise(5, 100 + static_cast<std::uint64_t>(i)), 0.9);
    covered += std::abs(e.mean) <= e.half_width;
  }
  CHECK(std::abs(covered - 0.9 * kTrials) <= 5 * std::sqrt(kTrials * 0.9 * 0.1));
}

TEST_CASE("batch means see the correlation that independent values would hide") {
  // x' = 0.9 x + noise: the variance of the mean is 19 times that of independent values, (1 + 0.9) / (1 - 0.9).
  int covered = 0, naive = 0;
  constexpr int kTrials = 300;
  for (int i = 0; i < kTrials; ++i) {
    std::vector<double> x = noise(4000, 5000 + static_cast<std::uint64_t>(i));
    for (std::size_t j = 1; j < x.size(); ++j) x[j] += 0.9 * x[j - 1];
    const Estimate e = batch_means(x);
    covered += std::abs(e.mean) <= e.half_width;
    naive += std::abs(e.mean) <= mean_estimate(x).half_width;
  }
  CHECK(covered > 0.9 * kTrials);
  CHECK(naive < 0.6 * kTrials);
}

TEST_CASE("batch means leave out the leading remainder and say when the series is too short") {
  const std::vector<double> x{100, 1, 1, 3, 3};
  const Estimate e = batch_means(x, 2);
  CHECK(e.mean == Approx(2));
  CHECK(e.count == 2);
  CHECK(e.half_width == Approx(12.7062047361747).epsilon(1e-10));  // standard error 1
  CHECK(batch_means(x, 6).half_width == std::numeric_limits<double>::infinity());
  CHECK_THROWS_WITH_AS((void)batch_means(x, 1), "batch_means: at least 2 batches are needed, found 1", Error);
}

TEST_CASE("MSER-5 cuts an initial transient and little else") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<double> x = noise(5000, seed);
    for (std::size_t i = 0; i < 400; ++i) x[i] += 10;
    const WarmUp w = mser5(x);
    CAPTURE(seed);
    CHECK(w.discard >= 400);
    CHECK(w.discard <= 900);
    CHECK(w.discard % 5 == 0);
    CHECK(w.long_enough);
  }
  // A step exactly on a batch border, without noise: the rule finds the border.
  std::vector<double> step(500, 1.0);
  std::fill(step.begin(), step.begin() + 35, 2.0);
  CHECK(mser5(step).discard == 35);
}

TEST_CASE("MSER-5 says when a run is too short to tell") {
  std::vector<double> trend(1000);
  for (std::size_t i = 0; i < trend.size(); ++i) trend[i] = static_cast<double>(i);
  CHECK_FALSE(mser5(trend).long_enough);
  CHECK_FALSE(mser5(noise(49)).long_enough);
  CHECK_FALSE(mser5({}).long_enough);
  const WarmUp constant = mser5(std::vector<double>(100, 0.1));
  CHECK(constant.long_enough);
  CHECK(constant.discard == 0);
}

TEST_CASE("quantiles interpolate as NumPy does") {
  // numpy.quantile([15, 20, 35, 40, 50], [0, 0.25, 0.4, 0.9, 1]) -> 15, 20, 29, 46, 50
  std::vector<double> x{50, 15, 40, 20, 35};
  CHECK(quantile(x, 0) == 15);
  CHECK(quantile(x, 0.25) == Approx(20));
  CHECK(quantile(x, 0.4) == Approx(29));
  CHECK(quantile(x, 0.9) == Approx(46));
  CHECK(quantile(x, 1) == 50);
  std::vector<double> none;
  CHECK(std::isnan(quantile(none, 0.5)));
  CHECK_THROWS_AS((void)quantile(x, -0.1), Error);
}

}  // namespace test_statistics
