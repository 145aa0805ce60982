#pragma once

#include <vector>

#include "gpushare/warnings.hpp"

namespace gpushare::scenario {

/// Of what stands in a document and serves nobody: instances, nodes and pools that stay empty, services and pipelines without
/// traffic, replicas that never start, what is to happen after the end, and what costs more than it need.
[[nodiscard]] std::vector<Warning> idle_warnings(const Scenario& scenario);

}  // namespace gpushare::scenario
