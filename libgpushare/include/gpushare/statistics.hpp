#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "gpushare/time.hpp"

namespace gpushare {

/// Count, mean, variance and extremes of a sample, mergeable (Chan et al., 1983).
struct Moments {
  std::uint64_t count = 0;
  double mean = 0;
  double sum_squared_deviations = 0;
  double min = 0;
  double max = 0;

  void add(double x);
  void merge(const Moments& other);
  [[nodiscard]] double variance() const;  ///< unbiased; 0 for fewer than two values
  [[nodiscard]] double standard_deviation() const;
};

/// Log-bucketed histogram of durations: any quantile within kRelativeError, in constant memory, mergeable exactly.
///
/// Below 256 ns every nanosecond has a bucket, above that every octave has 128, and a quantile is the middle of its
/// bucket (HdrHistogram's scheme). Count, extremes and sums are integers,
/// so merging gives what adding everything to one histogram gives, whatever the order.
class Histogram {
 public:
  static constexpr int kSubBucketBits = 8;
  static constexpr double kRelativeError = 1.0 / (1 << kSubBucketBits);

  void add(Duration d) { add(d, 1); }
  void add(Duration d, std::uint64_t times);  ///< negative durations count as zero
  void merge(const Histogram& other);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double mean_s() const;  ///< exact up to rounding to nanoseconds; NaN when empty
  /// Unbiased and exact likewise, while count times variance is below 3.4e38 ns^2; 0 for fewer than two values.
  [[nodiscard]] double standard_deviation_s() const;
  [[nodiscard]] double min_s() const;  ///< exact; NaN when empty
  [[nodiscard]] double max_s() const;  ///< exact; NaN when empty
  /// q in [0, 1], else Error; the smallest value with at least q of the sample at or below it (NaN when empty).
  [[nodiscard]] double quantile_s(double q) const;

 private:
  // Sums modulo 2^128: the sum of squares may wrap, the central moment taken from it does not.
  __extension__ using Wide = unsigned __int128;

  static constexpr std::uint64_t kBucketsPerOctave = 1u << (kSubBucketBits - 1);

  static std::size_t bucket_of(std::uint64_t ns);
  static double middle_of(std::size_t bucket);
  void grow(std::size_t bucket);

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  Wide sum_ns_ = 0;
  Wide sum_squares_ns2_ = 0;
  std::uint64_t min_ns_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t max_ns_ = 0;
};

/// Integral over time of a step function, for queue lengths and utilisations.
class TimeIntegral {
 public:
  /// The value was `value()` since the last call, and is `next` from `now` on.
  void set(Time now, double next) {
    integral_ += value_ * static_cast<double>((now - last_).ns);
    last_ = now;
    value_ = next;
    if (next > max_) max_ = next;
  }
  void add(Time now, double change) { set(now, value_ + change); }
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] double max() const { return max_; }
  /// Value times seconds from the start (or the last reset) to `now`.
  [[nodiscard]] double integral_s(Time now) const {
    return (integral_ + value_ * static_cast<double>((now - last_).ns)) * 1e-9;
  }
  /// Forgets the past and keeps the value: the end of a warm-up.
  void reset(Time now) {
    integral_ = 0;
    last_ = now;
    max_ = value_;
  }

 private:
  Time last_{};
  double value_ = 0;
  double integral_ = 0;
  double max_ = 0;
};

/// Interarrival jitter of a stream (RFC 3550, section 6.4.1): the smoothed change of its chunks' delay, seconds.
struct InterarrivalJitter {
  double seconds = 0;
  /// `change` of the delay from one chunk to the next, either sign.
  void add(Duration change) {
    const double size = to_seconds(change);
    seconds += ((size < 0 ? -size : size) - seconds) / 16;
  }
};

/// A mean and the half-width of its confidence interval (Student's t).
struct Estimate {
  double mean = 0;
  double half_width = 0;    ///< infinite for fewer than two values
  std::uint64_t count = 0;  ///< independent values behind it: replications or batches
};

/// Interval of the mean of independent values, such as one figure of each replication. `level` in (0, 1).
/// The mean of nothing is NaN.
[[nodiscard]] Estimate mean_estimate(std::span<const double> values, double level = 0.95);

/// Interval of the mean of one long correlated series by `batches` >= 2 non-overlapping batch means (Law and Kelton).
/// Leading values that do not fill a batch are left out; a series shorter than `batches` has an infinite interval.
[[nodiscard]] Estimate batch_means(std::span<const double> series, std::size_t batches = 20,
                                   double level = 0.95);

/// Two-sided Student quantile: P(|T| <= t) = level with `degrees` > 0 of freedom (relative error below 1e-9).
[[nodiscard]] double student_quantile(double level, double degrees);

/// Warm-up by the marginal standard error rule over batches of five (White, 1997); the last five batches cannot be
/// the minimum, and fewer than ten batches are never long enough.
struct WarmUp {
  std::size_t discard = 0;   ///< leading values to drop
  bool long_enough = false;  ///< false when the minimum lies in the second half: the run is too short to tell
};
[[nodiscard]] WarmUp mser5(std::span<const double> series);

/// Quantile of a sample by linear interpolation between order statistics (NumPy's default); sorts `values`.
/// NaN when empty; Error for q outside [0, 1].
[[nodiscard]] double quantile(std::span<double> values, double q);

// ---- The hot path, here so that it inlines into the event loop. ----

inline std::size_t Histogram::bucket_of(std::uint64_t ns) {
  // Of the leading kSubBucketBits bits, the first is always one: it and the octave add up to the number of the bucket.
  const auto shift = static_cast<unsigned>(std::bit_width(ns | kBucketsPerOctave)) - kSubBucketBits;
  return static_cast<std::size_t>(shift * kBucketsPerOctave + (ns >> shift));
}

inline void Histogram::add(Duration d, std::uint64_t times) {
  if (times == 0) return;
  const std::uint64_t ns = d.ns > 0 ? static_cast<std::uint64_t>(d.ns) : 0;
  const std::size_t bucket = bucket_of(ns);
  if (bucket >= buckets_.size()) [[unlikely]]
    grow(bucket);
  buckets_[bucket] += times;
  count_ += times;
  const Wide product = Wide{ns} * times;
  sum_ns_ += product;
  sum_squares_ns2_ += product * ns;
  if (ns < min_ns_) min_ns_ = ns;
  if (ns > max_ns_) max_ns_ = ns;
}

}  // namespace gpushare
