#pragma once

#include <cstddef>
#include <vector>

#include "gpushare/arrivals.hpp"

namespace gpushare::arrivals {

/// Throws ScenarioError for a process that contradicts itself.
void check(const ArrivalProcess& process);

/// mmpp: changes a second out of a state.
[[nodiscard]] double leaving_rate(const ArrivalProcess& process, std::size_t state);
/// mmpp: share of time in each state; not finite when some state cannot be reached from another.
[[nodiscard]] std::vector<double> stationary_shares(const ArrivalProcess& process);

}  // namespace gpushare::arrivals
