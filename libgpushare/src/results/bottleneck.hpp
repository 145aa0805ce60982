#pragma once

#include <span>
#include <vector>

#include "gpushare/summary.hpp"
#include "gpushare/workload.hpp"

namespace gpushare {

/// From a summary's services and partitions; `partitions` are those that each service's processes live on, in order of
/// replicas and ranks. The service is the one with most requests; where traffic is more than its servers can keep up with,
/// of services that follow each other in a pipeline the last with a queue: it falls behind what those before it let through.
[[nodiscard]] Bottleneck find_bottleneck(const Summary& summary, std::span<const std::vector<int>> partitions,
                                         std::span<const Pipeline> pipelines);

}  // namespace gpushare
