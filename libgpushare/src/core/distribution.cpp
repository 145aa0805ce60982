
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/random.hpp"

namespace gpushare {
namespace {

void require(bool legal, const char* distribution, const char* rule, double found) {
  if (!legal) throw Error(distribution, text::format("{}, found {}", rule, found));
}

bool finite_and_not_negative(double x) { return std::isfinite(x) && x >= 0; }
bool finite_and_positive(double x) { return std::isfinite(x) && x > 0; }

Distribution make(Distribution::Kind kind, double a, double b = 0) {
  Distribution d;
  d.kind = kind;
  d.a = a;
  d.b = b;
  return d;
}

std::vector<double> cumulative_shares(std::vector<double> weights) {
  std::partial_sum(weights.begin(), weights.end(), weights.begin());
  const double total = weights.back();
  for (double& w : weights) w /= total;
  weights.back() = 1;
  return weights;
}

// The first index whose cumulative probability exceeds u < 1.
std::size_t pick(const std::vector<double>& cumulative, double u) {
  return static_cast<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), u) -
                                  cumulative.begin());
}

double unclamped(const Distribution& d, Stream& stream) {
  using Kind = Distribution::Kind;
  switch (d.kind) {
    case Kind::constant:
      return d.a;
    case Kind::uniform:
      return d.a + (d.b - d.a) * stream.uniform();
    case Kind::exponential:
      return d.a * stream.exponential();
    case Kind::gamma:
      return d.a * stream.gamma(d.b);
    case Kind::weibull:
      return d.a * std::pow(stream.exponential(), 1 / d.b);
    case Kind::lognormal:
      return std::exp(d.a + d.b * stream.normal());
    case Kind::pareto:
      return d.a * std::pow(stream.uniform(), -1 / d.b);
    case Kind::zipf:
      return static_cast<double>(pick(d.values, stream.uniform()) + 1);
    case Kind::empirical:
      return d.values[pick(d.weights, stream.uniform())];
  }
  return d.a;
}

double mean_of_empirical(const Distribution& d) {
  double mean = 0;
  double below = 0;
  for (std::size_t i = 0; i < d.values.size(); ++i) {
    mean += d.values[i] * (d.weights[i] - below);
    below = d.weights[i];
  }
  return mean;
}

}  // namespace

double Distribution::sample(Stream& stream) const { return std::clamp(unclamped(*this, stream), low, high); }

double Distribution::mean() const {
  switch (kind) {
    case Kind::constant:
    case Kind::exponential:
      return a;
    case Kind::uniform:
      return (a + b) / 2;
    case Kind::gamma:
      return a * b;
    case Kind::weibull:
      return a * std::tgamma(1 + 1 / b);
    case Kind::lognormal:
      return std::exp(a + b * b / 2);
    case Kind::pareto:
      return b > 1 ? a * b / (b - 1) : std::numeric_limits<double>::infinity();
    case Kind::zipf:
      return a - std::accumulate(values.begin(), values.end() - 1, 0.0);  // sum of P(X > k)
    case Kind::empirical:
      return mean_of_empirical(*this);
  }
  return a;
}

Distribution constant(double value) {
  require(finite_and_not_negative(value), "constant", "the value must be >= 0", value);
  return make(Distribution::Kind::constant, value);
}

Distribution uniform(double low, double high) {
  require(finite_and_not_negative(low), "uniform", "low must be >= 0", low);
  require(std::isfinite(high) && high >= low, "uniform", "high must be at least low", high);
  return make(Distribution::Kind::uniform, low, high);
}

Distribution exponential(double mean) {
  require(finite_and_not_negative(mean), "exponential", "the mean must be >= 0", mean);
  return make(Distribution::Kind::exponential, mean);
}

Distribution gamma(double mean, double shape) {
  require(finite_and_not_negative(mean), "gamma", "the mean must be >= 0", mean);
  require(finite_and_positive(shape), "gamma", "the shape must be > 0", shape);
  require(std::isfinite(mean / shape), "gamma", "the mean over the shape must be finite", mean / shape);
  return make(Distribution::Kind::gamma, mean / shape, shape);
}

Distribution weibull(double scale, double shape) {
  require(finite_and_positive(scale), "weibull", "the scale must be > 0", scale);
  require(finite_and_positive(shape), "weibull", "the shape must be > 0", shape);
  return make(Distribution::Kind::weibull, scale, shape);
}

Distribution lognormal(double mu, double sigma) {
  require(std::isfinite(mu), "lognormal", "mu must be finite", mu);
  require(finite_and_not_negative(sigma), "lognormal", "sigma must be >= 0", sigma);
  return make(Distribution::Kind::lognormal, mu, sigma);
}

Distribution lognormal_with_mean(double mean, double sigma) {
  require(finite_and_positive(mean), "lognormal", "the mean must be > 0", mean);
  require(finite_and_not_negative(sigma), "lognormal", "sigma must be >= 0", sigma);
  return lognormal(std::log(mean) - sigma * sigma / 2, sigma);
}

Distribution pareto(double scale, double shape) {
  require(finite_and_positive(scale), "pareto", "the scale must be > 0", scale);
  require(finite_and_positive(shape), "pareto", "the shape must be > 0", shape);
  return make(Distribution::Kind::pareto, scale, shape);
}

Distribution zipf(double exponent, std::uint32_t count) {
  require(finite_and_not_negative(exponent), "zipf", "the exponent must be >= 0", exponent);
  require(count >= 1, "zipf", "the count must be at least 1", count);
  Distribution d = make(Distribution::Kind::zipf, count, exponent);
  std::vector<double> weights(count);
  for (std::uint32_t k = 1; k <= count; ++k) weights[k - 1] = std::pow(k, -exponent);
  d.values = cumulative_shares(std::move(weights));
  return d;
}

Distribution empirical(std::vector<double> values, std::vector<double> weights) {
  if (weights.empty()) weights.assign(values.size(), 1);
  require(!values.empty(), "empirical", "at least one value is needed", 0);
  require(weights.size() == values.size(), "empirical", "every value needs one weight",
          static_cast<double>(weights.size()));
  for (const double v : values) require(finite_and_not_negative(v), "empirical", "values must be >= 0", v);
  for (const double w : weights) require(finite_and_not_negative(w), "empirical", "weights must be >= 0", w);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  require(finite_and_positive(total), "empirical", "the sum of the weights must be > 0", total);

  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  Distribution d = make(Distribution::Kind::empirical, 0);
  d.values.reserve(values.size());
  std::vector<double> sorted_weights;
  for (const std::size_t i : order) {
    if (weights[i] == 0) continue;
    d.values.push_back(values[i]);
    sorted_weights.push_back(weights[i]);
  }
  d.weights = cumulative_shares(std::move(sorted_weights));
  return d;
}

}  // namespace gpushare
