#pragma once

#include "gpushare/random.hpp"

namespace gpushare {

/// The mean of a distribution's samples, which lie within [low, high].
[[nodiscard]] double limited_mean(const Distribution& distribution);

}  // namespace gpushare
