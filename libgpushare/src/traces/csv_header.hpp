#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "traces/given_columns.hpp"
#include "traces/trace_builder.hpp"
#include "traces/trace_columns.hpp"
#include "traces/trace_formats.hpp"

namespace gpushare {

/// Which columns of a table hold what.
struct TableHeader {
  std::size_t fields = 0;
  bool is_row = false;   ///< there is no header line: the first line is a request
  bool at_ends = false;  ///< the arrival is told by the end of the request
  std::array<std::size_t, kTraceRoles> index{};
  std::array<std::string, kTraceRoles> name;
  std::array<TraceColumn, kTraceRoles> column{};

  [[nodiscard]] bool has(TraceRole role) const {
    return column[static_cast<std::size_t>(role)].role != TraceRole::other;
  }
  /// Whether input or output is what the other one leaves of all tokens.
  [[nodiscard]] bool is_rest(TraceRole role) const {
    const bool tokens = role == TraceRole::input || role == TraceRole::output;
    return tokens && !has(role) && has(other_length(role)) && has(TraceRole::total);
  }
  [[nodiscard]] const std::string& name_of(TraceRole role) const {
    return name[static_cast<std::size_t>(role)];
  }
};

/// From the first line of a table. `asked`: the format whose columns are the only ones that count; null for none.
/// Fails at `line` when no column has a role that every request needs and nothing given stands for it.
[[nodiscard]] TableHeader read_header(const std::vector<std::string_view>& fields, std::size_t line,
                                      const TraceFormat* asked, const GivenColumns& given,
                                      const TraceBuilder& builder);

}  // namespace gpushare
