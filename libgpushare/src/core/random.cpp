#include "gpushare/random.hpp"

#include <cassert>
#include <cmath>
#include <numbers>

#include "core/special_functions.hpp"

namespace gpushare {
namespace {

// FNV-1a, 64 bits.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

// The finaliser of SplitMix64 (Steele et al., OOPSLA'14), a bijection.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// log(x) = 2 artanh((x - 1) / (x + 1)), by its series; for x in [1, 2] the 20th term is below 1e-20.
constexpr double logarithm(double x) {
  const double z = (x - 1) / (x + 1);
  double sum = 0;
  for (int k = 39; k > 0; k -= 2) sum = sum * z * z + 1.0 / k;
  return 2 * z * sum;
}

constexpr LogarithmTable make_logarithms() {
  LogarithmTable table{};
  const double rows = static_cast<double>(table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const double inverse = 1 / (1 + (static_cast<double>(i) + 0.5) / rows);
    table.rows[i] = {inverse, logarithm(1 / inverse)};
  }
  return table;
}

std::uint64_t poisson_by_product(Stream& stream, double mean) {
  const double limit = std::exp(-mean);
  std::uint64_t count = 0;
  double product = stream.uniform();
  while (product > limit) {
    ++count;
    product *= stream.uniform();
  }
  return count;
}

// Transformed rejection with squeeze, PTRS (Hörmann, Insurance: Mathematics and Economics 12, 1993).
std::uint64_t poisson_by_rejection(Stream& stream, double mean) {
  const double log_mean = std::log(mean);
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = stream.uniform() - 0.5;
    const double v = stream.uniform();
    const double edge = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / edge + b) * u + mean + 0.43);
    if (edge >= 0.07 && v <= squeeze) return static_cast<std::uint64_t>(k);
    if (k < 0 || (edge < 0.013 && v > edge)) continue;
    const double hat = std::log(v * inverse_alpha / (a / (edge * edge) + b));
    if (hat <= k * log_mean - mean - log_gamma(k + 1)) return static_cast<std::uint64_t>(k);
  }
}

}  // namespace

constexpr LogarithmTable kLogarithms = make_logarithms();

Stream::Stream(std::uint64_t seed, std::uint32_t replication, std::string_view name, std::uint64_t index) {
  const std::uint64_t key = mix(mix(mix(seed) ^ replication) ^ hash(name));
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
  *this = at(index);
}

double Stream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(2 * exponential());
  const double angle = 2 * std::numbers::pi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

double Stream::gamma(double shape) {
  assert(shape > 0);
  if (shape < 1) {
    const double larger = gamma(shape + 1);
    return larger * std::pow(uniform(), 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(uniform()) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v;
  }
}

std::uint64_t Stream::poisson(double mean) {
  assert(mean >= 0);
  return mean < 10 ? poisson_by_product(*this, mean) : poisson_by_rejection(*this, mean);
}

}  // namespace gpushare
