#pragma once

#include <vector>

#include "gpushare/warnings.hpp"

namespace gpushare::scenario {

/// Of replicas under tensor parallelism whose ranks take turns with different neighbours: turns of several GPUs are not in
/// step, and ranks wait for each other at every all-reduce, which a simulation does not show.
[[nodiscard]] std::vector<Warning> parallel_warnings(const Scenario& scenario);

}  // namespace gpushare::scenario
