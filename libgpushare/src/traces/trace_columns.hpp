#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpushare {

/// What a column or member of a trace holds.
enum class TraceRole : std::uint8_t {
  other,
  arrival,
  input,
  output,
  session,
  parent,
  delay,  ///< before this request
  pause,  ///< after it: LLMServingSim's tool_duration_ns
  images,
  hash_ids,
  block_tokens,
  text,
  chat,
  parent_chat,
  requests  ///< the turns of a session
};
inline constexpr std::size_t kTraceRoles = 15;

/// A column's meaning, from its name.
struct TraceColumn {
  TraceRole role = TraceRole::other;
  std::int64_t ticks_per_second = 1;  ///< unit of a numeric arrival or delay
  bool has_unit = false;              ///< the name says so
};

/// Equal but for the case of ASCII letters.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

/// The meaning of a name, in any case; known names are those of Azure, BurstGPT, Mooncake, vidur, LLMServingSim and vLLM.
[[nodiscard]] TraceColumn trace_column(std::string_view name);

/// The names that would be taken for a role, as they stand in messages.
[[nodiscard]] std::vector<std::string> trace_column_names(TraceRole role);

/// "the arrival time", "the input tokens", ...
[[nodiscard]] std::string_view role_name(TraceRole role);

/// Tells that no name among `found` has the role: what was found, what is legal, the nearest known name.
[[nodiscard]] std::string missing_role(TraceRole role, const std::vector<std::string>& found,
                                       std::string_view kind);

/// Text of a file as it may stand in a message: in quotes, cut to 40 bytes, printable.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace gpushare
