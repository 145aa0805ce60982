#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gpushare/objectives.hpp"
#include "gpushare/statistics.hpp"

/// Whether figures keep within what is asked of them, chance considered.
namespace gpushare {

/// The better, the less.
enum class Met : std::uint8_t {
  yes,
  unclear,  ///< the mean is too close to its bound to say
  no
};
[[nodiscard]] std::string_view to_string(Met met);

/// Half-widths of a 95 % interval that a mean keeps from its bound before it is called clear: about 99 %.
inline constexpr double kClearance = 1.4;

/// A bound and what became of it.
struct Judged {
  FigureBound bound;
  double value = 0;          ///< mean of the replications, in the unit of the figure; NaN where none has it
  double low = 0, high = 0;  ///< its 95 % interval
  Met met = Met::no;

  /// How far beyond its bound the value is, as a share of the bound; below zero: how much is to spare.
  [[nodiscard]] double excess() const;
};
/// A figure without a value misses its bound.
[[nodiscard]] Judged judge(const FigureBound& bound, const Estimate& estimate);
/// Of all together: the worst.
[[nodiscard]] Met met(std::span<const Judged> judged);

}  // namespace gpushare
