#include "traces/trace_columns.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "core/json_reader.hpp"
#include "core/text.hpp"

namespace gpushare {
namespace {

constexpr std::array<std::string_view, 4> kArrivalNames = {"arrived_at", "timestamp", "time", "arrival_time"};
constexpr std::array<std::string_view, 7> kInputNames = {
    "input_tokens",  "num_prefill_tokens", "ContextTokens", "Request tokens",
    "prompt_tokens", "input_length",       "input_toks"};
constexpr std::array<std::string_view, 7> kOutputNames = {
    "output_tokens",     "num_decode_tokens", "GeneratedTokens", "Response tokens",
    "completion_tokens", "output_length",     "output_toks"};

struct Known {
  std::string_view name;
  TraceRole role;
};
// What some formats have beside arrival and lengths.
constexpr std::array<Known, 18> kExtraNames = {
    Known{"session", TraceRole::session},       Known{"session_id", TraceRole::session},
    Known{"Session ID", TraceRole::session},    Known{"parent", TraceRole::parent},
    Known{"delay", TraceRole::delay},           Known{"delay_s", TraceRole::delay},
    Known{"delay_ms", TraceRole::delay},        Known{"tool_duration_ns", TraceRole::pause},
    Known{"images", TraceRole::images},         Known{"NumImages", TraceRole::images},
    Known{"hash_ids", TraceRole::hash_ids},     Known{"block_tokens", TraceRole::block_tokens},
    Known{"text_input", TraceRole::text},       Known{"text", TraceRole::text},
    Known{"chat_id", TraceRole::chat},          Known{"parent_chat_id", TraceRole::parent_chat},
    Known{"sub_requests", TraceRole::requests}, Known{"turns", TraceRole::requests}};

struct Unit {
  std::string_view suffix;
  std::int64_t ticks_per_second;
};
constexpr std::array<Unit, 4> kUnits = {Unit{"_s", 1}, Unit{"_ms", 1'000}, Unit{"_us", 1'000'000},
                                        Unit{"_ns", 1'000'000'000}};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view known) { return same_name(known, name); });
}

bool is_arrival_stem(std::string_view stem) {
  return contains(kArrivalNames, stem) || same_name(stem, "arrival");
}

// A file that is no trace may hold megabytes of names, or names of megabytes: their distances would take for ever.
constexpr std::size_t kLongestSlip = 64;
constexpr std::size_t kMostCompared = 100;

/// The known name that one of the unknown names found was probably meant to be.
std::optional<std::string> likely_slip(TraceRole role, const std::vector<std::string>& found) {
  const std::vector<std::string> legal = trace_column_names(role);
  std::vector<std::string> lowered;
  lowered.reserve(legal.size());
  for (const std::string& name : legal) lowered.push_back(text::lower_case(name));
  for (std::size_t i = 0; i < std::min(found.size(), kMostCompared); ++i) {
    const std::string& name = found[i];
    if (name.size() > kLongestSlip || trace_column(name).role != TraceRole::other) continue;
    const auto near = json::nearest(text::lower_case(name), lowered);
    if (!near) continue;
    const auto index = std::find(lowered.begin(), lowered.end(), *near) - lowered.begin();
    return legal[static_cast<std::size_t>(index)];
  }
  return std::nullopt;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return text::lower(x) == text::lower(y); });
}

TraceColumn trace_column(std::string_view name) {
  if (contains(kInputNames, name)) return {TraceRole::input};
  if (contains(kOutputNames, name)) return {TraceRole::output};
  if (contains(kArrivalNames, name)) return {TraceRole::arrival};
  TraceColumn column;
  for (const Known& known : kExtraNames)
    if (same_name(known.name, name)) column.role = known.role;
  for (const Unit& unit : kUnits) {
    if (name.size() <= unit.suffix.size()) continue;
    const std::size_t stem = name.size() - unit.suffix.size();
    if (!same_name(name.substr(stem), unit.suffix)) continue;
    if (is_arrival_stem(name.substr(0, stem))) column.role = TraceRole::arrival;
    if (column.role != TraceRole::other) return {column.role, unit.ticks_per_second, true};
  }
  return column;
}

std::vector<std::string> trace_column_names(TraceRole role) {
  switch (role) {
    case TraceRole::arrival:
      return {"arrival_s",    "arrival_ms",      "arrival_us",      "arrival_ns",  "arrived_at",
              "arrival_time", "arrival_time_ms", "arrival_time_ns", "time",        "time_ms",
              "timestamp",    "timestamp_ms",    "timestamp_us",    "timestamp_ns"};
    case TraceRole::input:
      return {kInputNames.begin(), kInputNames.end()};
    case TraceRole::output:
      return {kOutputNames.begin(), kOutputNames.end()};
    default:
      break;
  }
  return {};
}

std::string_view role_name(TraceRole role) {
  switch (role) {
    case TraceRole::arrival:
      return "the arrival time";
    case TraceRole::input:
      return "the input tokens";
    case TraceRole::output:
      return "the output tokens";
    case TraceRole::session:
      return "the session";
    case TraceRole::parent:
      return "the request before";
    case TraceRole::delay:
    case TraceRole::pause:
      return "the delay";
    case TraceRole::images:
      return "the images";
    case TraceRole::hash_ids:
      return "the block ids";
    case TraceRole::text:
      return "the prompt's text";
    default:
      break;
  }
  return "the same";
}

std::string missing_role(TraceRole role, const std::vector<std::string>& found, std::string_view kind) {
  constexpr std::size_t kShown = 20;
  std::string message = text::format("no {} names {}; found ", kind, role_name(role));
  for (std::size_t i = 0; i < found.size() && i < kShown; ++i)
    message += (i > 0 ? ", " : "") + shown(found[i]);
  if (found.empty()) message += "none";
  if (found.size() > kShown) message += ", ...";
  const auto slip = likely_slip(role, found);
  message += slip ? text::format("; did you mean \"{}\"? Known names: ", *slip) : "; known names: ";
  return message + text::format("{}", text::join(trace_column_names(role), ", "));
}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : text::format("\\x{:02x}", byte);
  }
  return out + (text.size() > kLongest ? "...\"" : "\"");
}

}  // namespace gpushare
