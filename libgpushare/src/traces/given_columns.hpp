#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "traces/trace_columns.hpp"

namespace gpushare {

/// What TraceOptions::columns says of one role.
struct GivenColumn {
  std::string name;                      ///< of a column, or the path of a member
  std::size_t position = 0;              ///< of a column, from 1; 0: it has a name
  std::optional<std::int32_t> constant;  ///< the same in all requests, instead of a column
  [[nodiscard]] bool is_given() const { return !name.empty() || position > 0 || constant; }
};

/// Which names mean what: those that are given, and for the other roles those that are known.
class GivenColumns {
 public:
  /// Throws TraceError at `source`: what is not role=name, an unknown role or one given twice, a number of tokens that no
  /// request has.
  GivenColumns(const std::string& columns, const std::string& source);

  [[nodiscard]] const GivenColumn& operator[](TraceRole role) const {
    return given_[static_cast<std::size_t>(role)];
  }
  /// The meaning of a name or path.
  [[nodiscard]] TraceColumn meaning(std::string_view name) const;
  /// Any name is given, not only constants.
  [[nodiscard]] bool has_names() const;
  /// A column is given by its position.
  [[nodiscard]] bool has_positions() const;

 private:
  std::array<GivenColumn, kTraceRoles> given_;
};

/// arrival, input, output or session, as TraceOptions::columns writes them; empty for other roles.
[[nodiscard]] std::string_view role_key(TraceRole role);

}  // namespace gpushare
