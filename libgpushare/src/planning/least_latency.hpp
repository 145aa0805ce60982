#pragma once

#include "planning/request_shapes.hpp"

namespace gpushare::planning {

/// What a mean request of the traffic takes at least from its arrival to its end, seconds: its own delays and the time
/// that it speaks, and with `gpu` its steps alone on a whole one. Speech that is played out counts as well.
[[nodiscard]] double least_latency(const Workload& workload, const Traffic& traffic,
                                   const RequestShape& shape, const GpuProfile* gpu);

}  // namespace gpushare::planning
