#pragma once

#include "gpushare/summary.hpp"
#include "gpushare/table.hpp"

namespace gpushare {

/// One row for each partition: names, processes, and every figure of a partition.
[[nodiscard]] Table partition_table(const Summary& summary);

}  // namespace gpushare
