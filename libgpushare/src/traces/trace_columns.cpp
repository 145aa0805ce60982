#include "traces/trace_columns.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "traces/trace_names.hpp"

namespace gpushare {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t ticks_per_second;
};
constexpr auto kUnits = std::to_array<Unit>({{"_s", 1},
                                             {"_sec", 1},
                                             {"_seconds", 1},
                                             {"_ms", 1'000},
                                             {"_millis", 1'000},
                                             {"_milliseconds", 1'000},
                                             {"_us", 1'000'000},
                                             {"_micros", 1'000'000},
                                             {"_microseconds", 1'000'000},
                                             {"_ns", 1'000'000'000},
                                             {"_nano", 1'000'000'000},
                                             {"_nanos", 1'000'000'000},
                                             {"_nanoseconds", 1'000'000'000}});

bool separates(char c) { return c == '_' || c == '-' || c == ' '; }

/// Words separated by _: startTimeMs is start_Time_Ms, "time (ms)" is time_ms.
std::string in_words(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool hump = i > 0 && c >= 'A' && c <= 'Z' && name[i - 1] >= 'a' && name[i - 1] <= 'z';
    if ((hump || separates(c) || c == '(' || c == '[') && !out.empty() && out.back() != '_') out += '_';
    if (!separates(c) && c != '(' && c != ')' && c != '[' && c != ']') out += c;
  }
  return out;
}

bool ends_with(std::string_view name, std::string_view end) {
  return name.size() > end.size() && same_name(name.substr(name.size() - end.size()), end);
}

/// The unit at the end of a name, which it loses.
const Unit* cut_unit(std::string& name) {
  for (const Unit& unit : kUnits) {
    if (!ends_with(name, unit.suffix)) continue;
    name.resize(name.size() - unit.suffix.size());
    return &unit;
  }
  return nullptr;
}

/// "prompt length [tokens]": what is counted stands behind the name, and says the meaning where the name alone does not.
TraceColumn counted_column(std::string_view words) {
  TraceColumn column = known_column(words);
  for (const std::string_view end : {"_tokens", "_token"})
    if (column.role == TraceRole::other && ends_with(words, end))
      column = known_column(words.substr(0, words.size() - end.size()));
  return column.role == TraceRole::input || column.role == TraceRole::output ? column : TraceColumn{};
}

/// "gen_ai.usage.cache_read.input_tokens": a part of the input, told by itself.
bool is_of_cache(std::string_view outer) {
  return text::lower_case(outer).find("cache") != std::string::npos;
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

std::string listed(const std::vector<std::string>& found) {
  constexpr std::size_t kShown = 20;
  std::string list;
  for (std::size_t i = 0; i < found.size() && i < kShown; ++i) list += (i > 0 ? ", " : "") + shown(found[i]);
  if (found.empty()) list += "none";
  return list + (found.size() > kShown ? ", ..." : "");
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return text::lower(x) == text::lower(y); });
}

bool loosely_same(std::string_view a, std::string_view b) {
  for (;;) {
    while (!a.empty() && separates(a.front())) a.remove_prefix(1);
    while (!b.empty() && separates(b.front())) b.remove_prefix(1);
    if (a.empty() || b.empty()) return a.empty() && b.empty();
    if (text::lower(a.front()) != text::lower(b.front())) return false;
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
}

void read_unit(std::string_view name, TraceColumn& column) {
  std::string words = in_words(name);
  const Unit* unit = cut_unit(words);
  column.has_unit = unit != nullptr;
  column.ticks_per_second = unit != nullptr ? unit->ticks_per_second : 1;
}

TraceColumn trace_column(std::string_view name) {
  constexpr std::size_t kLongest = 256;  // a file that is no trace may hold names of megabytes
  if (name.empty() || name.size() > kLongest) return {};
  if (name.front() == '@' && !same_name(name, "@timestamp")) name.remove_prefix(1);  // a facet of Datadog's
  TraceColumn column = known_column(name);
  const std::size_t dot = name.rfind('.');
  if (column.role == TraceRole::other && dot != std::string_view::npos && dot > 0)
    return is_of_cache(name.substr(0, dot)) ? TraceColumn{} : trace_column(name.substr(dot + 1));
  if (column.role != TraceRole::other) return column;
  std::string words = in_words(name);
  const Unit* unit = cut_unit(words);
  if (unit == nullptr) return counted_column(words);
  column = known_column(words);
  constexpr std::array<TraceRole, 5> kTimed = {TraceRole::arrival, TraceRole::delay, TraceRole::pause,
                                               TraceRole::ended, TraceRole::took};
  if (std::find(kTimed.begin(), kTimed.end(), column.role) == kTimed.end()) return {};
  column.has_unit = true;
  column.ticks_per_second = unit->ticks_per_second;
  return column;
}

bool leaves_out_cached(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  const bool by_convention =
      text::lower_case(name).find("gen_ai") != std::string::npos;  // which counts them in
  return !by_convention && (loosely_same(last, "input_tokens") || loosely_same(last, "input_token_count"));
}

std::vector<std::string> trace_column_names(TraceRole role) {
  switch (role) {
    case TraceRole::arrival:
      return {"arrival_s",       "arrival_ms",      "arrival_us", "arrival_ns", "arrived_at", "arrival_time",
              "arrival_time_ms", "arrival_time_ns", "time",       "time_ms",    "timestamp",  "timestamp_ms",
              "timestamp_us",    "timestamp_ns",    "start_time", "ts",         "created_at"};
    case TraceRole::input:
      return input_names();
    case TraceRole::output:
      return output_names();
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
    case TraceRole::cache_read:
    case TraceRole::cache_written:
      return "the input tokens of a cache";
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
    case TraceRole::day:
      return "the day";
    case TraceRole::ended:
      return "the end of the request";
    case TraceRole::took:
      return "how long the request took";
    case TraceRole::total:
      return "all tokens of the request";
    default:
      break;
  }
  return "the same";
}

std::string missing_role(TraceRole role, const std::vector<std::string>& found, std::string_view kind) {
  std::string message = text::format("no {} names {}; found {}", kind, role_name(role), listed(found));
  const auto slip = likely_slip(role, found);
  message += slip ? text::format("; did you mean \"{}\"? Known names: ", *slip) : "; known names: ";
  message += text::join(trace_column_names(role), ", ");
  if (role == TraceRole::arrival)
    return message + "; or say which it is with columns (--columns): arrival=NAME";
  const std::string_view key = role == TraceRole::input ? "input" : "output";
  return message +
         text::format(
             "; or say which it is with columns (--columns): {}=NAME, or {}=1000 for as many in all "
             "requests",
             key, key);
}

std::string missing_name(std::string_view name, const std::vector<std::string>& found,
                         std::string_view kind) {
  std::vector<std::string> near(
      found.begin(), found.begin() + static_cast<std::ptrdiff_t>(std::min(found.size(), kMostCompared)));
  std::string message =
      text::format("columns: no {} is called {}; found {}", kind, shown(name), listed(found));
  near.erase(std::remove_if(near.begin(), near.end(), [](const auto& n) { return n.size() > kLongestSlip; }),
             near.end());
  const auto slip = json::nearest(std::string(name), near);
  return slip ? message + text::format("; did you mean \"{}\"?", *slip) : message;
}

std::string no_names(const std::vector<std::string_view>& values) {
  return text::format(
      "the first line holds values, not names: {}; say which column is which with columns (--columns), as in "
      "arrival=#1,input=#2,output=#3",
      listed({values.begin(), values.end()}));
}

namespace {

/// Bytes of the letter that UTF-8 has at the front of a text; 0 for what is none, or controls.
std::size_t letter_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) < 0x7f ? 1 : 0;
  const std::size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < size) return 0;
  std::uint32_t point = byte(0) & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
    point = point << 6U | (byte(i) & 0x3fU);
  }
  const bool overlong = point < (size == 2 ? 0x80U : size == 3 ? 0x800U : 0x10000U);
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  const bool turns = (point >= 0x200b && point < 0x2010) || (point >= 0x2028 && point < 0x202f) ||
                     (point >= 0x2060 && point < 0x2070) || point == 0xfeff;  // marks that are not seen
  const bool control = point < 0xa0 || turns;
  return overlong || surrogate || control || point > 0x10ffff ? 0 : size;
}

}  // namespace

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string out = "\"";
  std::size_t letters = 0;
  for (; !text.empty() && letters < kLongest; ++letters) {
    const std::size_t size = letter_size(text);
    out += size > 0 ? std::string(text.substr(0, size))
                    : text::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out + (text.empty() ? "\"" : "...\"");
}

}  // namespace gpushare
