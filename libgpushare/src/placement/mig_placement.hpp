#pragma once

#include <memory>
#include <vector>

#include "gpushare/placement.hpp"

namespace gpushare::scenario {

/// One GPU cut by the mode's layout with every process placed once, and free instances filled in turn.
///
/// Instances are taken from the largest to the smallest; each takes the next process in turn that fits its memory,
/// unless that would leave a process that is not placed yet without an instance: then the neediest of those goes first.
/// Processes left over join the instance that leaves them the most SMs. Then services in turn fill every instance up to
/// `mode.replicas` processes, as far as its memory goes. Instances with more than one are shared by `mode.sharing`, each
/// process with the cap in `mode.percentages`, if any.
/// `gpu` is the GPU's number in messages. Throws LayoutError, or MemoryError for a process that fits nowhere.
[[nodiscard]] GpuPlacement place_on_instances(const PlacementMode& mode, const std::vector<Service>& services,
                                              const std::vector<ProcessPlacement>& processes,
                                              const std::shared_ptr<const GpuProfile>& profile,
                                              std::size_t gpu);

}  // namespace gpushare::scenario
