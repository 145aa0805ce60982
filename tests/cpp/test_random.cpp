#include "gpushare/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "gpushare/errors.hpp"

namespace test_random {

using namespace gpushare;

namespace {

constexpr int kSamples = 200'000;

std::vector<double> draw(const Distribution& d, std::uint64_t seed, int n = kSamples) {
  Stream stream(seed, 0, "draw");
  std::vector<double> x(static_cast<std::size_t>(n));
  for (double& v : x) v = d.sample(stream);
  return x;
}

// Mean and variance within five standard errors; the fourth moment for the error of the variance is the sample's.
void check_moments(const std::vector<double>& x, double mean, double variance) {
  const double n = static_cast<double>(x.size());
  double sum = 0, second = 0, fourth = 0;
  for (const double v : x) {
    sum += v;
    second += std::pow(v - mean, 2);
    fourth += std::pow(v - mean, 4);
  }
  CHECK(std::abs(sum / n - mean) <= 5 * std::sqrt(variance / n));
  CHECK(std::abs(second / n - variance) <=
        5 * std::sqrt(std::max(0.0, fourth / n - variance * variance) / n));
}

// Kolmogorov-Smirnov: sqrt(n) D exceeds 2.23 with probability 2 exp(-2 * 2.23^2) = 1e-4.
void check_distribution(std::vector<double> x, const std::function<double(double)>& cdf) {
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  double gap = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double f = cdf(x[i]);
    gap = std::max({gap, f - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - f});
  }
  CHECK(std::sqrt(n) * gap < 2.23);
}

double correlation(Stream a, Stream b, int n = 100'000) {
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    const double x = a.uniform() - 0.5;
    sum += x * (b.uniform() - 0.5);
  }
  return sum / n * 12;  // the variance of a uniform variable is 1/12
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the published known answers") {
  // Random123 1.14, tests/kat_vectors, "philox4x32 10".
  using Block = std::array<std::uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the first numbers of a stream are the same on every platform") {
  // Computed by an independent Python program from the published algorithms (FNV-1a, SplitMix64, Philox4x32-10).
  Stream bits(7, 3, "arrivals", 11);
  const std::array<std::uint32_t, 6> expected{0xe0e6d377, 0xe4ebd431, 0xf1a1ba86,
                                              0x5888e939, 0x33f79561, 0x5fe8c03b};
  for (const std::uint32_t word : expected) CHECK(bits.bits32() == word);
  Stream uniform(7, 3, "arrivals", 11);
  CHECK(uniform.uniform() == 0x1.c9d7a863c1cdbp-1);
  Stream empty(0, 0, "");
  CHECK(empty.bits64() == 0x93dd81b35e750ca5);
}

TEST_CASE("a stream depends on nothing but its four coordinates") {
  Stream first(1, 2, "service", 40);
  for (int i = 0; i < 1000; ++i) (void)first.normal();
  Stream again = first.at(40);
  Stream fresh(1, 2, "service", 40);
  for (int i = 0; i < 9; ++i) CHECK(again.bits32() == fresh.bits32());
  CHECK(again.normal() == fresh.normal());
}

TEST_CASE("streams that differ in one coordinate start differently") {
  std::set<std::uint64_t> first;
  std::size_t streams = 0;
  const auto add = [&](Stream s) {
    first.insert(s.bits64());
    ++streams;
  };
  for (std::uint64_t i = 0; i < 2000; ++i) {
    add(Stream(i, 0, "a"));
    add(Stream(0, static_cast<std::uint32_t>(i), "b"));
    add(Stream(0, 0, "name" + std::to_string(i)));
    add(Stream(0, 0, "c", i));
    add(Stream(0, 0, "c", (i + 1) << 32));
  }
  CHECK(first.size() == streams);
}

TEST_CASE("streams that differ in one coordinate are uncorrelated") {
  const double bound = 5 / std::sqrt(100'000.0);
  const Stream base(42, 0, "arrivals");
  CHECK(std::abs(correlation(base, Stream(43, 0, "arrivals"))) < bound);
  CHECK(std::abs(correlation(base, Stream(42, 1, "arrivals"))) < bound);
  CHECK(std::abs(correlation(base, Stream(42, 0, "arrivalt"))) < bound);
  CHECK(std::abs(correlation(base, base.at(1))) < bound);
  CHECK(correlation(base, base) > 0.98);  // the same stream twice
}

TEST_CASE("the first draws of many indices are themselves uniform") {
  const Stream base(5, 0, "requests");
  std::vector<double> x(100'000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = base.at(i).uniform();
  check_distribution(x, [](double u) { return u; });
}

TEST_CASE("uniform numbers lie strictly between zero and one") {
  Stream stream(3, 0, "uniform");
  std::vector<double> x(kSamples);
  for (double& v : x) v = stream.uniform();
  CHECK(*std::min_element(x.begin(), x.end()) > 0);
  CHECK(*std::max_element(x.begin(), x.end()) < 1);
  check_moments(x, 0.5, 1.0 / 12);
  check_distribution(x, [](double u) { return u; });
}

TEST_CASE("exponential numbers are minus the logarithm of the uniform ones") {
  const auto check = [](std::uint64_t bits) {
    const double exact = -std::log(static_cast<double>(bits >> 11 | 1) * 0x1p-53);
    const double x = exponential_of(bits);
    REQUIRE(x > 0);
    REQUIRE(std::abs(x - exact) <= 4e-16 * (1 + exact));
  };
  Stream stream(3, 0, "logarithm");
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t bits = stream.bits64();
    check(bits);
    check(bits >> (i % 64));                                // every magnitude of the uniform number
    check(~(bits >> (i % 64)));                             // and of its distance from one
    check((bits >> 11) & ~((std::uint64_t{1} << 45) - 1));  // the borders of the table
    check(((bits >> 11) | ((std::uint64_t{1} << 45) - 1)) << 11);
  }
  check(0);
  check(~std::uint64_t{0});
  Stream a(3, 0, "same");
  Stream b(3, 0, "same");
  CHECK(a.exponential() == exponential_of(b.bits64()));
}

TEST_CASE("normal numbers are normal, and both of a pair are used") {
  Stream stream(4, 0, "normal");
  std::vector<double> x(kSamples);
  for (double& v : x) v = stream.normal();
  check_moments(x, 0, 1);
  check_distribution(x, [](double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; });
  double neighbours = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) neighbours += x[i] * x[i + 1];
  CHECK(std::abs(neighbours) / kSamples < 5 / std::sqrt(double{kSamples}));

  Stream one(4, 0, "pair");
  (void)one.normal();
  (void)one.normal();
  Stream other(4, 0, "pair");
  (void)other.uniform();
  (void)other.uniform();
  CHECK(one.bits64() == other.bits64());
}

TEST_CASE("gamma numbers follow their closed forms") {
  const auto sample = [](double shape, std::uint64_t seed) {
    Stream stream(seed, 0, "gamma");
    std::vector<double> x(kSamples);
    for (double& v : x) v = stream.gamma(shape);
    return x;
  };
  for (const double shape : {0.05, 0.5, 1.0, 3.0, 250.0}) {
    CAPTURE(shape);
    check_moments(sample(shape, 1), shape, shape);
  }
  // Shape 1/2 is half the square of a normal; shape 1 is exponential; shape 3 is Erlang.
  check_distribution(sample(0.5, 2), [](double x) { return std::erf(std::sqrt(x)); });
  check_distribution(sample(1, 3), [](double x) { return 1 - std::exp(-x); });
  check_distribution(sample(3, 4), [](double x) { return 1 - std::exp(-x) * (1 + x + x * x / 2); });
}

TEST_CASE("Poisson counts have the probabilities of the law, below and above the change of method") {
  for (const double mean : {0.3, 4.0, 9.99, 10.0, 35.0, 1e6}) {
    CAPTURE(mean);
    Stream stream(6, 0, "poisson");
    std::vector<double> x(kSamples);
    for (double& v : x) v = static_cast<double>(stream.poisson(mean));
    check_moments(x, mean, mean);
    if (mean > 100) continue;
    double probability = std::exp(-mean);
    for (int k = 0; k < 60; ++k) {
      const double count = static_cast<double>(std::count(x.begin(), x.end(), k));
      CHECK(std::abs(count - kSamples * probability) <= 5 * std::sqrt(kSamples * probability) + 1);
      probability *= mean / (k + 1);
    }
  }
  Stream stream(6, 0, "zero");
  CHECK(stream.poisson(0) == 0);
}

TEST_CASE("continuous distributions follow their distribution functions") {
  check_distribution(draw(uniform(2, 5), 1), [](double x) { return (x - 2) / 3; });
  check_distribution(draw(exponential(0.25), 2), [](double x) { return 1 - std::exp(-x / 0.25); });
  check_distribution(draw(weibull(2, 1.5), 3), [](double x) { return 1 - std::exp(-std::pow(x / 2, 1.5)); });
  check_distribution(draw(pareto(0.5, 3), 4), [](double x) { return 1 - std::pow(0.5 / x, 3); });
  check_distribution(draw(gamma(6, 3), 5),
                     [](double x) { return 1 - std::exp(-x / 2) * (1 + x / 2 + x * x / 8); });
  check_distribution(draw(lognormal(-1, 0.7), 6),
                     [](double x) { return std::erfc(-(std::log(x) + 1) / 0.7 / std::sqrt(2.0)) / 2; });
}

TEST_CASE("every kind has its theoretical mean and variance") {
  const auto check = [](const Distribution& d, double mean, double variance) {
    CAPTURE(static_cast<int>(d.kind));
    CHECK(d.mean() == doctest::Approx(mean).epsilon(1e-12));
    check_moments(draw(d, 17), mean, variance);
  };
  check(uniform(2, 5), 3.5, 9.0 / 12);
  check(exponential(0.25), 0.25, 0.0625);
  check(gamma(6, 3), 6, 6.0 * 6 / 3);
  const double g1 = std::tgamma(1 + 1 / 1.5), g2 = std::tgamma(1 + 2 / 1.5);
  check(weibull(2, 1.5), 2 * g1, 4 * (g2 - g1 * g1));
  check(lognormal(-1, 0.5), std::exp(-1 + 0.125), (std::exp(0.25) - 1) * std::exp(-2 + 0.25));
  check(lognormal_with_mean(3, 0.5), 3, (std::exp(0.25) - 1) * 9);
  check(pareto(2, 10), 20.0 / 9, 4.0 * 10 / (81 * 8));
  // k^-1 over 1..4: weights 12, 6, 4, 3 of 25; mean 48/25, second moment (12 + 24 + 36 + 48)/25.
  check(zipf(1, 4), 48.0 / 25, 120.0 / 25 - std::pow(48.0 / 25, 2));
  check(zipf(0, 6), 3.5, 35.0 / 12);  // a die
  check(empirical({10, 2, 4}, {1, 3, 4}), 4, (100 + 12 + 64) / 8.0 - 16);
  check(empirical({1, 2, 6}), 3, 41.0 / 3 - 9);
}

TEST_CASE("a constant draws nothing and a Pareto of shape one has no mean") {
  Stream stream(1, 0, "s");
  CHECK(constant(4.5).sample(stream) == 4.5);
  CHECK(stream.bits64() == Stream(1, 0, "s").bits64());
  CHECK(constant(4.5).mean() == 4.5);
  CHECK(pareto(1, 1).mean() == std::numeric_limits<double>::infinity());
}

TEST_CASE("samples are clamped and the mean is not") {
  Distribution d = exponential(1);
  d.low = 0.5;
  d.high = 1.5;
  const std::vector<double> x = draw(d, 8, 10'000);
  CHECK(*std::min_element(x.begin(), x.end()) == 0.5);
  CHECK(*std::max_element(x.begin(), x.end()) == 1.5);
  CHECK(d.mean() == 1);
}

TEST_CASE("empirical values are kept ascending and those of weight zero never come out") {
  CHECK(empirical({10, 2, 4}, {1, 3, 4}).values == std::vector<double>{2, 4, 10});
  for (const double v : draw(empirical({1, 2, 3}, {0, 1, 0}), 9, 1000)) REQUIRE(v == 2);
}

TEST_CASE("impossible parameters are refused with a reason") {
  CHECK_THROWS_WITH_AS((void)exponential(-1), "exponential: the mean must be >= 0, found -1", Error);
  CHECK_THROWS_WITH_AS((void)gamma(1, 0), "gamma: the shape must be > 0, found 0", Error);
  CHECK_THROWS_WITH_AS((void)uniform(3, 2), "uniform: high must be at least low, found 2", Error);
  CHECK_THROWS_WITH_AS((void)pareto(0, 2), "pareto: the scale must be > 0, found 0", Error);
  CHECK_THROWS_WITH_AS((void)zipf(1, 0), "zipf: the count must be at least 1, found 0", Error);
  CHECK_THROWS_WITH_AS((void)empirical({}), "empirical: at least one value is needed, found 0", Error);
  CHECK_THROWS_WITH_AS((void)empirical({1, 2}, {0, 0}),
                       "empirical: the sum of the weights must be > 0, found 0", Error);
  CHECK_THROWS_AS((void)empirical({1, 2}, {1}), Error);
  CHECK_THROWS_AS((void)constant(std::nan("")), Error);
  CHECK_THROWS_AS((void)weibull(1, -1), Error);
  CHECK_THROWS_AS((void)lognormal(0, -1), Error);
  CHECK_THROWS_AS((void)lognormal_with_mean(0, 1), Error);
}

}  // namespace test_random
