#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

namespace gpushare::planning {

/// Of latencies, what is predicted.
inline constexpr double kPredictedQuantile = 0.95;

/// A share of requests meets steps that are longer or shorter than on average by a factor.
struct Luck {
  double share = 1;
  double factor = 1;
};

/// Before jobs are taken in: a share of them waits, for exponential times.
struct Waiting {
  double share = 0, mean_s = 0;
};

/// Sizes that vary by so much, lognormally: groups with their factors of the mean.
[[nodiscard]] inline std::vector<Luck> spread_sizes(double variation) {
  if (variation <= 0) return {};
  constexpr std::array<std::array<double, 2>, 6> kGroups{{{0.25, -1.150},
                                                          {0.25, -0.319},
                                                          {0.25, 0.319},
                                                          {0.15, 0.935},
                                                          {0.05, 1.440},
                                                          {0.05, 1.960}}};  // normal
  const double sigma = std::sqrt(std::log1p(variation * variation));
  std::vector<Luck> groups;
  groups.reserve(kGroups.size());
  for (const auto& [share, z] : kGroups) groups.push_back({share, std::exp(sigma * (z - sigma / 2))});
  return groups;
}

/// Weighted latencies, in bins of 2 %.
class Latencies {
 public:
  /// Evenly between `low` and `high`.
  void add(double low, double high, double weight) {
    constexpr int kSlices = 4;
    for (int i = 0; i < kSlices; ++i) add(low + (high - low) * (i + 0.5) / kSlices, weight / kSlices);
  }
  void add(double seconds, double weight) {
    const double place = fast_log2(std::max(seconds, kLeast) / kLeast) * (std::numbers::ln2 / kWidth);
    bins_[std::min(static_cast<std::size_t>(place), bins_.size() - 1)] += weight;
    all_ += weight;
  }
  void add(const Latencies& others, double weight) {
    for (std::size_t i = 0; i < kBins; ++i) bins_[i] += weight * others.bins_[i];
    all_ += weight * others.all_;
  }
  /// Of jobs that wait before.
  [[nodiscard]] Latencies after(const Waiting& waiting) const {
    if (waiting.share <= 0) return *this;
    constexpr int kSlices = 10;
    Latencies all;
    all.add(*this, 1 - waiting.share);
    each([&](double seconds, double weight) {
      for (int i = 0; i < kSlices; ++i) {
        const double wait_s = -waiting.mean_s * std::log((i + 0.5) / kSlices);
        all.add(seconds + wait_s, weight * waiting.share / kSlices);
      }
    });
    return all;
  }
  /// Calls `take` with the latencies and their weights.
  void each(auto&& take) const {
    for (std::size_t i = 0; i < kBins; ++i)
      if (bins_[i] > 0) take(kLeast * std::exp((static_cast<double>(i) + 0.5) * kWidth), bins_[i]);
  }
  /// Of a mixture, in each part of which all are longer by a factor; none: as they are.
  [[nodiscard]] double quantile(double share, const std::vector<Luck>& lucks) const {
    std::array<double, kBins> mixed = lucks.empty() ? bins_ : std::array<double, kBins>{};
    for (const Luck& luck : lucks) {
      const auto shift = static_cast<int>(std::lround(std::log(luck.factor) / kWidth));
      for (int i = 0; i < static_cast<int>(kBins); ++i)
        mixed[static_cast<std::size_t>(std::clamp<int>(i + shift, 0, kBins - 1))] +=
            luck.share * bins_[static_cast<std::size_t>(i)];
    }
    double below = 0;
    for (std::size_t i = 0; i < kBins; ++i) {
      if (below + mixed[i] >= share * all_ && mixed[i] > 0) {
        const double within = (share * all_ - below) / mixed[i];
        return kLeast * std::exp((static_cast<double>(i) + within) * kWidth);
      }
      below += mixed[i];
    }
    return 0;
  }

 private:
  // Within 0.008, less than half a bin; no call.
  static double fast_log2(double x) {
    constexpr int kMantissaBits = 52;
    const auto image = std::bit_cast<std::uint64_t>(x);
    const std::uint64_t fraction = image & ((std::uint64_t{1} << kMantissaBits) - 1);
    const double m = std::bit_cast<double>(fraction | std::uint64_t{1023} << kMantissaBits) - 1;
    return static_cast<double>(image >> kMantissaBits) - 1023 + m * (1.3465 - 0.3465 * m);
  }
  static constexpr double kLeast = 1e-5, kWidth = 0.02;
  static constexpr std::size_t kBins = 900;  // up to ten minutes
  std::array<double, kBins> bins_{};
  double all_ = 0;
};

}  // namespace gpushare::planning
