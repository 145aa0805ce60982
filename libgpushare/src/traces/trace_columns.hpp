#pragma once

#include <array>
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
  cache_read,     ///< input tokens beside those of `input`, where that counts none that a cache had
  cache_written,  ///< as well
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
  requests,  ///< the turns of a session
  day,       ///< of an arrival whose clock may stand beside it
  ended,     ///< when the answer was complete: with `took`, where nothing says when the request came
  took,      ///< from a request to its answer
  total      ///< tokens of input and output together: where one of them is not told
};
inline constexpr std::size_t kTraceRoles = 21;
inline constexpr std::array<TraceRole, 2> kCachedRoles = {TraceRole::cache_read, TraceRole::cache_written};

/// A column's meaning, from its name.
struct TraceColumn {
  TraceRole role = TraceRole::other;
  std::int64_t ticks_per_second = 1;  ///< unit of a numeric arrival or delay
  bool has_unit = false;              ///< the name says so
  int rank = 0;                       ///< of two names of one role the one of lower rank counts
};

/// Ranks of the names that logs have for when a request began, for when its record was made, and for when what carries
/// the log had it. Their lines are written when requests end, or in no order.
inline constexpr int kStartOfLog = 1;
inline constexpr int kRecordOfLog = 3;
inline constexpr int kCarrierOfLog = 4;
/// Of names that may count other things than tokens: in, out, prefill, decode.
inline constexpr int kBareWord = 5;
/// Added for each level that a member is inside others.
inline constexpr int kRanksOfADepth = 16;
[[nodiscard]] constexpr bool is_of_log(int rank) {
  const int own = rank % kRanksOfADepth;
  return own == kStartOfLog || own == kRecordOfLog || own == kCarrierOfLog;
}

[[nodiscard]] constexpr bool is_bare_word(int rank) { return rank % kRanksOfADepth == kBareWord; }

/// Equal but for the case of ASCII letters.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);
/// Equal but for case and what separates words: startTime is start_time.
[[nodiscard]] bool loosely_same(std::string_view a, std::string_view b);

/// The meaning of a name, or of a path such as usage.prompt_tokens by its last part, in any case and with words separated
/// in any way. Known names are those of Azure, BurstGPT, Mooncake, vidur, LLMServingSim, vLLM, AIPerf, LiteLLM, Langfuse,
/// OpenAI and common logs.
[[nodiscard]] TraceColumn trace_column(std::string_view name);
/// Whether a name is of input tokens without those that a cache had or was given, as Anthropic's and Bedrock's are.
[[nodiscard]] bool leaves_out_cached(std::string_view name);
/// Whether names of a role may stand for each other in one request: then the first one counts.
[[nodiscard]] constexpr bool may_repeat(TraceRole role) {
  return role == TraceRole::ended || role == TraceRole::took || role == TraceRole::total;
}
/// Of input and output the other one.
[[nodiscard]] constexpr TraceRole other_length(TraceRole role) {
  return role == TraceRole::input ? TraceRole::output : TraceRole::input;
}
/// Sets the unit that a name says, if it does.
void read_unit(std::string_view name, TraceColumn& column);

/// The names that would be taken for a role, as they stand in messages.
[[nodiscard]] std::vector<std::string> trace_column_names(TraceRole role);

/// "the arrival time", "the input tokens", ...
[[nodiscard]] std::string_view role_name(TraceRole role);

/// Tells that no name among `found` has the role: what was found, what is legal, the nearest known name.
[[nodiscard]] std::string missing_role(TraceRole role, const std::vector<std::string>& found,
                                       std::string_view kind);

/// Tells that a given name is not among those found, which are columns or members.
[[nodiscard]] std::string missing_name(std::string_view name, const std::vector<std::string>& found,
                                       std::string_view kind);

/// Tells that a table begins with values instead of names, and how to say what they are.
[[nodiscard]] std::string no_names(const std::vector<std::string_view>& values);

/// Text of a file as it may stand in a message: in quotes, cut to 40 bytes, printable.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace gpushare
