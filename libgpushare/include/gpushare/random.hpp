#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gpushare {

/// The 128-bit block that Philox4x32-10 makes of a counter and a key (Salmon et al., SC'11).
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                                std::array<std::uint32_t, 2> key);

/// Minus the logarithm of the uniform number that Stream::uniform() makes of the same bits, always positive.
///
/// Absolute error below 4e-16 times (1 + result). Not std::log: that differs between libraries and processors, and is
/// a call where it is needed once an event.
[[nodiscard]] double exponential_of(std::uint64_t bits);

/// Counter-based random stream (Philox4x32-10).
///
/// The 64-bit key mixes seed, replication and a 64-bit hash of the name (different seeds, replications or name
/// hashes alone always give different keys); the counter is the 64-bit number of the block and the 64-bit index,
/// so the streams of different indices never meet.
/// Every stream is a pure function of (seed, replication, name, index): the same request meets the same
/// luck under every layout, on any worker and in any order.
class Stream {
 public:
  Stream(std::uint64_t seed, std::uint32_t replication, std::string_view name, std::uint64_t index = 0);

  /// The stream of the same seed, replication and name at another index (one per request or user).
  [[nodiscard]] Stream at(std::uint64_t index) const;

  [[nodiscard]] std::uint32_t bits32();
  [[nodiscard]] std::uint64_t bits64();
  /// Uniform on the open interval (0, 1): odd multiples of 2^-53, symmetric about one half.
  [[nodiscard]] double uniform();
  /// Exponential of mean 1.
  [[nodiscard]] double exponential();
  /// Standard normal (both values of a Box-Muller pair are used).
  [[nodiscard]] double normal();
  /// Gamma of scale 1 (Marsaglia and Tsang, 2000); shape > 0.
  [[nodiscard]] double gamma(double shape);
  /// Poisson count of the given mean >= 0.
  [[nodiscard]] std::uint64_t poisson(double mean);

 private:
  Stream() = default;
  void refill();

  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> block_{};
  std::uint32_t used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

/// A distribution of non-negative numbers, as data. Build one with the functions below.
struct Distribution {
  enum class Kind : std::uint8_t {
    constant,
    uniform,
    exponential,
    gamma,
    weibull,
    lognormal,
    pareto,
    zipf,
    empirical
  };
  Kind kind = Kind::constant;
  /// constant: value; uniform: low; exponential: mean; lognormal: mu; zipf: count; others: scale
  double a = 0;
  double b = 0;    ///< uniform: high; lognormal: sigma; zipf: exponent; others: shape
  double low = 0;  ///< samples are clamped to [low, high]
  double high = 1e300;
  std::vector<double> values;   ///< empirical: ascending values; zipf: cumulative probabilities
  std::vector<double> weights;  ///< empirical: cumulative probabilities, last one 1

  [[nodiscard]] double sample(Stream& stream) const;
  /// Mean without the clamp to [low, high]; infinite for a Pareto of shape <= 1.
  [[nodiscard]] double mean() const;
};

// The builders throw Error for parameters outside the ranges stated (all finite; means, scales and values >= 0).

[[nodiscard]] Distribution constant(double value);
[[nodiscard]] Distribution uniform(double low, double high);
[[nodiscard]] Distribution exponential(double mean);
/// shape > 0.
[[nodiscard]] Distribution gamma(double mean, double shape);
/// P(X > x) = exp(-(x / scale)^shape); scale > 0, shape > 0.
[[nodiscard]] Distribution weibull(double scale, double shape);
/// `mu` and `sigma` >= 0 of the logarithm.
[[nodiscard]] Distribution lognormal(double mu, double sigma);
/// Lognormal given by its own mean > 0 and the sigma of its logarithm.
[[nodiscard]] Distribution lognormal_with_mean(double mean, double sigma);
/// P(X > x) = (scale / x)^shape for x >= scale; scale > 0, shape > 0.
[[nodiscard]] Distribution pareto(double scale, double shape);
/// P(X = k) proportional to k^-exponent, k = 1..count; exponent >= 0, count >= 1.
[[nodiscard]] Distribution zipf(double exponent, std::uint32_t count);
/// One of `values`, with probability proportional to `weights` (equal when empty).
[[nodiscard]] Distribution empirical(std::vector<double> values, std::vector<double> weights = {});

// ---- The hot path, here so that it inlines into the event loop. ----

constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {
        static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
        static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

inline Stream Stream::at(std::uint64_t index) const {
  Stream stream;
  stream.key_ = key_;
  stream.counter_ = {0, 0, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
  return stream;
}

inline void Stream::refill() {
  block_ = philox4x32(counter_, key_);
  if (++counter_[0] == 0) ++counter_[1];
  used_ = 0;
}

inline std::uint32_t Stream::bits32() {
  if (used_ == 4) refill();
  return block_[used_++];
}

inline std::uint64_t Stream::bits64() {
  const std::uint64_t low = bits32();
  return low | std::uint64_t{bits32()} << 32;
}

inline double Stream::uniform() { return static_cast<double>(bits64() >> 11 | 1) * 0x1p-53; }

/// Of each 128th c of the way from 1 to 2, at its middle: 1/c and log(c).
struct LogarithmTable {
  static constexpr unsigned kBits = 7;
  struct Row {
    double inverse;
    double logarithm;
  };
  std::array<Row, 1u << kBits> rows;
};
extern const LogarithmTable kLogarithms;

inline double exponential_of(std::uint64_t bits) {
  // u = m 2^e with m in [1, 2) near c, so -log(u) = -e log(2) - log(c) - log(1 + r) with r = m / c - 1, |r| <= 1/256.
  constexpr double kLog2 = 0x1.62e42fefa39efp-1;
  constexpr unsigned kMantissaBits = 52;
  const auto image = std::bit_cast<std::uint64_t>(static_cast<double>(bits >> 11 | 1) * 0x1p-53);
  const int e = static_cast<int>(image >> kMantissaBits) - 1023;
  const std::uint64_t fraction = image & ((std::uint64_t{1} << kMantissaBits) - 1);
  const auto& row = kLogarithms.rows[fraction >> (kMantissaBits - LogarithmTable::kBits)];
  const double m = std::bit_cast<double>(fraction | std::uint64_t{1023} << kMantissaBits);
  const double r = m * row.inverse - 1;
  const double r2 = r * r;
  const double tail = r2 * ((-1.0 / 2 + r * (1.0 / 3)) + r2 * ((-1.0 / 4 + r * (1.0 / 5)) - r2 * (1.0 / 6)));
  return std::max(-e * kLog2 - row.logarithm - (r + tail), 0x1p-54);
}

inline double Stream::exponential() { return exponential_of(bits64()); }

}  // namespace gpushare
