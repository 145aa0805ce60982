#pragma once

#include <array>
#include <string_view>

#include "core/json_reader.hpp"
#include "gpushare/arrivals.hpp"

namespace gpushare::arrivals {

/// Of an arrival process, in words.
inline constexpr std::array<std::string_view, 11> kKinds{"constant",  "poisson",       "gamma",   "on-off",
                                                         "piecewise", "gamma-poisson", "weibull", "mmpp",
                                                         "mixture",   "diurnal",       "spikes"};

/// An arrival process as a scenario document has it: {"kind": "poisson", "rate_per_s": 5}, ... Fails at the reader.
[[nodiscard]] ArrivalProcess read(const json::Reader& reader);
/// The member "arrivals" of open traffic; of a plain rate in its place the message says how it is written.
[[nodiscard]] ArrivalProcess read_of(const json::Reader& traffic);
/// Fails where the kind of traffic is one of arrivals.
void refuse_as_traffic(const json::Reader& traffic);

}  // namespace gpushare::arrivals
