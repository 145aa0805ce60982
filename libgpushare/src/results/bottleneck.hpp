#pragma once

#include <span>
#include <vector>

#include "gpushare/summary.hpp"

namespace gpushare {

/// From a summary's services and partitions; `partitions` are those that each service's processes live on, in order of
/// replicas and ranks.
[[nodiscard]] Bottleneck find_bottleneck(const Summary& summary,
                                         std::span<const std::vector<int>> partitions);

}  // namespace gpushare
