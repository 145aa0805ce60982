
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/statistics.hpp"

namespace gpushare {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kSecondsPerNs = 1e-9;

// ceil(q count), without counting one more because 0.07 * 100 is 7.000000000000001 in binary.
std::uint64_t rank_of(double q, std::uint64_t count) {
  const double exact = q * static_cast<double>(count);
  const double rank = std::ceil(exact * (1 - 4 * std::numeric_limits<double>::epsilon()));
  return rank < 1 ? 1 : std::min(count, static_cast<std::uint64_t>(rank));
}

}  // namespace

// Buckets 0..255 hold one value each; from there on bucket 128 (s + 1) + k holds the 2^s values from (128 + k) 2^s.
double Histogram::middle_of(std::size_t bucket) {
  if (bucket < 2 * kBucketsPerOctave) return static_cast<double>(bucket);
  const int shift = static_cast<int>(bucket / kBucketsPerOctave) - 1;
  const double mantissa = static_cast<double>(kBucketsPerOctave + bucket % kBucketsPerOctave);
  return std::ldexp(mantissa, shift) + (std::ldexp(1.0, shift) - 1) / 2;
}

void Histogram::grow(std::size_t bucket) {
  // By whole octaves, so that a few large values do not resize again and again.
  buckets_.resize((bucket / kBucketsPerOctave + 1) * kBucketsPerOctave);
}

void Histogram::merge(const Histogram& other) {
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  sum_squares_ns2_ += other.sum_squares_ns2_;
  min_ns_ = std::min(min_ns_, other.min_ns_);
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

double Histogram::mean_s() const {
  return count_ == 0 ? kNan : static_cast<double>(sum_ns_) / static_cast<double>(count_) * kSecondsPerNs;
}

double Histogram::standard_deviation_s() const {
  if (count_ < 2) return 0;
  // Integers about the rounded mean, so that nothing cancels: sum (x - m)^2 = sum x^2 - 2 m sum x + n m^2.
  const Wide m = sum_ns_ / count_;
  const Wide central = sum_squares_ns2_ - 2 * m * sum_ns_ + m * m * count_;
  const double n = static_cast<double>(count_);
  const double rounding = static_cast<double>(sum_ns_ - m * count_) / n;
  const double sum_of_squares = static_cast<double>(central) - n * rounding * rounding;
  return std::sqrt(std::max(0.0, sum_of_squares) / (n - 1)) * kSecondsPerNs;
}

double Histogram::min_s() const { return count_ == 0 ? kNan : static_cast<double>(min_ns_) * kSecondsPerNs; }

double Histogram::max_s() const { return count_ == 0 ? kNan : static_cast<double>(max_ns_) * kSecondsPerNs; }

double Histogram::quantile_s(double q) const {
  if (!(q >= 0 && q <= 1)) throw Error("quantile", text::format("q must be between 0 and 1, found {}", q));
  if (count_ == 0) return kNan;
  const std::uint64_t rank = rank_of(q, count_);
  if (rank == 1) return min_s();
  if (rank == count_) return max_s();
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  while ((seen += buckets_[bucket]) < rank) ++bucket;
  const double ns = std::clamp(middle_of(bucket), static_cast<double>(min_ns_), static_cast<double>(max_ns_));
  return ns * kSecondsPerNs;
}

}  // namespace gpushare
