
#include <cmath>
#include <numbers>

#include "core/special_functions.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/statistics.hpp"

namespace gpushare {
namespace {

double log_density(double t, double degrees) {
  return log_gamma((degrees + 1) / 2) - log_gamma(degrees / 2) - 0.5 * std::log(degrees * std::numbers::pi) -
         (degrees + 1) / 2 * std::log1p(t * t / degrees);
}

// How far P(|T| <= t) is from `level`, as the logarithm of a ratio that keeps its digits in both tails, and its
// derivative with respect to log t.
struct Mismatch {
  double value;
  double slope;
};

Mismatch mismatch(double t, double degrees, double level) {
  const double x = degrees / (degrees + t * t);
  const double y = t * t / (degrees + t * t);
  const double density = 2 * t * std::exp(log_density(t, degrees));
  if (level < 0.5) {
    const double inside = incomplete_beta(0.5, degrees / 2, y, x);
    return {std::log(inside / level), density / inside};
  }
  const double outside = incomplete_beta(degrees / 2, 0.5, x, y);
  return {std::log((1 - level) / outside), density / outside};
}

double normal_quantile(double level) {
  double z = 1;
  for (int i = 0; i < 100; ++i) {
    const double outside = std::erfc(z / std::numbers::sqrt2);
    const double density = std::sqrt(2 / std::numbers::pi) * std::exp(-z * z / 2);
    // Newton on the logarithm of the tail, or of the body: concave in z, so it cannot overshoot far.
    const double step = level < 0.5
                            ? -std::log(std::erf(z / std::numbers::sqrt2) / level) * (1 - outside) / density
                            : std::log(outside / (1 - level)) * outside / density;
    const double next = std::max(z + step, z / 4);
    if (std::abs(next - z) <= 1e-15 * z) return next;
    z = next;
  }
  return z;
}

// Hill's expansion about the normal quantile (Abramowitz and Stegun 26.7.5); the next term is of order degrees^-4.
double student_by_expansion(double level, double degrees) {
  const double z = normal_quantile(level);
  const double s = z * z;
  const double first = z * (s + 1) / 4;
  const double second = z * ((5 * s + 16) * s + 3) / 96;
  const double third = z * (((3 * s + 19) * s + 17) * s - 15) / 384;
  return z + (first + (second + third / degrees) / degrees) / degrees;
}

double student_by_newton(double level, double degrees) {
  double low = -700;
  double high = 700;  // of log t
  double log_t = 0;
  for (int i = 0; i < 200; ++i) {
    const Mismatch m = mismatch(std::exp(log_t), degrees, level);
    (m.value > 0 ? high : low) = log_t;
    double next = log_t - m.value / m.slope;
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (std::abs(next - log_t) <= 1e-14) return std::exp(next);
    log_t = next;
  }
  return std::exp(log_t);
}

}  // namespace

double student_quantile(double level, double degrees) {
  if (!(level > 0 && level < 1)) {
    throw Error("student_quantile",
                text::format("the level must lie strictly between 0 and 1, found {}", level));
  }
  if (!(degrees > 0))
    throw Error("student_quantile", text::format("the degrees of freedom must be > 0, found {}", degrees));
  return degrees > 1e4 ? student_by_expansion(level, degrees) : student_by_newton(level, degrees);
}

}  // namespace gpushare
