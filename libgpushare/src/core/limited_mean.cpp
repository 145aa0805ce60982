#include "core/limited_mean.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/special_functions.hpp"

namespace gpushare {
namespace {

double normal_below(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

double lognormal_at_most(const Distribution& d, double limit) {
  if (d.b == 0) return std::min(std::exp(d.a), limit);
  const double z = (std::log(limit) - d.a) / d.b;
  return d.mean() * normal_below(z - d.b) + limit * normal_below(-z);
}

double pareto_at_most(const Distribution& d, double limit) {
  if (limit <= d.a) return limit;
  const double above = std::log(limit / d.a);  // at shape 1 the tail's part is its limit
  return d.b == 1 ? d.a * (1 + above) : d.a * (1 - std::exp(-(d.b - 1) * above) / d.b) * d.b / (d.b - 1);
}

// E[min(X, limit)] for a limit above 0.
double mean_at_most(const Distribution& d, double limit) {
  using Kind = Distribution::Kind;
  switch (d.kind) {
    case Kind::uniform: {
      if (limit <= d.a) return limit;
      if (limit >= d.b) return d.mean();
      const double below = (limit - d.a) / (d.b - d.a);
      return below * (d.a + limit) / 2 + (1 - below) * limit;
    }
    case Kind::exponential:
      return d.a == 0 ? 0 : -d.a * std::expm1(-limit / d.a);
    case Kind::gamma: {
      if (d.a == 0) return 0;
      const double x = limit / d.a;
      return d.mean() * incomplete_gamma(d.b + 1, x) + limit * (1 - incomplete_gamma(d.b, x));
    }
    case Kind::weibull: {
      const double x = std::pow(limit / d.a, d.b);
      return d.mean() * incomplete_gamma(1 + 1 / d.b, x) + limit * std::exp(-x);
    }
    case Kind::lognormal:
      return lognormal_at_most(d, limit);
    case Kind::pareto:
      return pareto_at_most(d, limit);
    case Kind::constant:
    case Kind::zipf:
    case Kind::empirical:
      break;
  }
  return std::min(d.a, limit);
}

// Of numbers with cumulative probabilities.
template <class Value>
double mean_of_listed(const Distribution& d, const std::vector<double>& cumulative, Value&& value) {
  double mean = 0;
  double below = 0;
  for (std::size_t i = 0; i < cumulative.size(); ++i) {
    mean += std::clamp(value(i), d.low, d.high) * (cumulative[i] - below);
    below = cumulative[i];
  }
  return mean;
}

}  // namespace

double limited_mean(const Distribution& d) {
  using Kind = Distribution::Kind;
  if (d.kind == Kind::constant) return std::clamp(d.a, d.low, d.high);
  if (d.kind == Kind::empirical)
    return mean_of_listed(d, d.weights, [&](std::size_t i) { return d.values[i]; });
  const bool limited = d.low > 0 || d.high < 1e300;
  if (!limited) return d.mean();
  if (d.kind == Kind::zipf)
    return mean_of_listed(d, d.values, [](std::size_t i) { return static_cast<double>(i + 1); });
  const double cut = d.low > 0 ? d.low - mean_at_most(d, d.low) : 0;
  return (d.high < 1e300 ? mean_at_most(d, d.high) : d.mean()) + cut;
}

}  // namespace gpushare
