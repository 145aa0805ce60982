#include "core/special_functions.hpp"

#include <cmath>
#include <limits>
#include <numbers>

namespace gpushare {
namespace {

double away_from_zero(double x) {
  constexpr double kTiny = 1e-300;
  return std::abs(x) < kTiny ? kTiny : x;
}

double beta_continued_fraction(double a, double b, double x) {
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m <= 100'000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1) <= std::numeric_limits<double>::epsilon()) break;
  }
  return fraction;
}

// Their product with x^a exp(-x) / gamma(a) is P(a, x), or 1 - P(a, x).
double gamma_series(double a, double x) {
  double term = 1 / a;
  double sum = term;
  for (double n = a + 1; term > sum * std::numeric_limits<double>::epsilon(); ++n) sum += term *= x / n;
  return sum;
}

double gamma_continued_fraction(double a, double x) {
  double b = x + 1 - a;
  double c = 1 / std::numeric_limits<double>::min();
  double d = 1 / away_from_zero(b);
  double fraction = d;
  for (int i = 1; i <= 100'000; ++i) {
    const double n = -i * (i - a);
    b += 2;
    d = 1 / away_from_zero(n * d + b);
    c = away_from_zero(b + n / c);
    fraction *= d * c;
    if (std::abs(d * c - 1) <= std::numeric_limits<double>::epsilon()) break;
  }
  return fraction;
}

}  // namespace

double log_gamma(double x) {
  double product = 1;
  while (x < 10) product *= x++;
  const double y = 1 / (x * x);
  const double series =
      (1.0 / 12 -
       y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y * (1.0 / 1188 - y * 691.0 / 360360))))) /
      x;
  return (x - 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi) + series - std::log(product);
}

double incomplete_beta(double a, double b, double x, double complement) {
  if (x <= 0) return 0;
  if (complement <= 0) return 1;
  const double front =
      std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log(complement));
  // The fraction converges fast only on this side of the mean.
  if (x < (a + 1) / (a + b + 2)) return front * beta_continued_fraction(a, b, x) / a;
  return 1 - front * beta_continued_fraction(b, a, complement) / b;
}

double incomplete_gamma(double a, double x) {
  if (x <= 0) return 0;
  const double front = std::exp(a * std::log(x) - x - log_gamma(a));
  if (x < a + 1) return front * gamma_series(a, x);
  return front == 0 ? 1 : 1 - front * gamma_continued_fraction(a, x);
}

}  // namespace gpushare
