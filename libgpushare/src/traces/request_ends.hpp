#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "traces/trace_builder.hpp"
#include "traces/trace_columns.hpp"

namespace gpushare {

/// Seconds that a request took: "1.25s" and "350ms" say their unit, other numbers count what their name says, or what the
/// number of the end counts. Nothing where nobody says a unit, and for what is no time.
[[nodiscard]] std::optional<double> took_s(std::string_view text, const TraceColumn& took,
                                           const TraceRow& ended);

/// For TraceOrigin::reason, where arrivals are told by their ends: the ends less how long requests took, or, when
/// `first` is nothing, that they stand for the beginnings. `took`: the name of the column or member; empty for none.
[[nodiscard]] std::string told_of_ends(std::string_view ended, std::string_view took,
                                       const std::optional<double>& first);

}  // namespace gpushare
