#pragma once

#include "gpushare/simulation.hpp"

namespace gpushare {

/// One row for each partition of a summary.
[[nodiscard]] Table partition_table(const Summary& summary);

}  // namespace gpushare
