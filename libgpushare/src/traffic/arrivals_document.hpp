#pragma once

#include "core/json_reader.hpp"
#include "gpushare/arrivals.hpp"

namespace gpushare::arrivals {

/// An arrival process as a scenario document has it: {"kind": "poisson", "rate_per_s": 5}, ... Fails at the reader.
[[nodiscard]] ArrivalProcess read(const json::Reader& reader);

}  // namespace gpushare::arrivals
