#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "traces/trace_columns.hpp"

namespace gpushare {

/// The meaning of a name that is known as it stands, but for case and what separates words.
[[nodiscard]] TraceColumn known_column(std::string_view name);

/// The names of published formats for the tokens of a request and of its reply, as they stand in messages.
[[nodiscard]] std::vector<std::string> input_names();
[[nodiscard]] std::vector<std::string> output_names();

}  // namespace gpushare
