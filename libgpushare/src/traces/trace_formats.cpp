#include "traces/trace_formats.hpp"

#include <algorithm>
#include <array>

#include "gpushare/errors.hpp"
#include "traces/trace_object.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

constexpr std::array<std::string_view, 4> kAzureNames = {"TIMESTAMP", "ContextTokens", "GeneratedTokens",
                                                         "NumImages"};
constexpr std::array<std::string_view, 4> kBurstGptNames = {"Timestamp", "Request tokens", "Response tokens",
                                                            "Session ID"};

bool named(const TraceObject& object, TraceRole role, std::string_view name) {
  return same_name(object[role].name, name);
}

bool is_stamped(const TraceMember& arrival) { return same_name(arrival.name, "timestamp"); }

bool is_llmservingsim(const TraceObject& first) {
  return named(first, TraceRole::requests, "sub_requests") || named(first, TraceRole::input, "input_toks");
}

bool is_aiperf(const TraceObject& first) {
  return named(first, TraceRole::requests, "turns") || named(first, TraceRole::text, "text_input") ||
         named(first, TraceRole::delay, "delay") ||
         (first.has(TraceRole::session) && is_stamped(first[TraceRole::arrival]));
}

bool is_bailian(const TraceObject& first) { return first.has(TraceRole::chat); }

bool has_stamped_blocks(const TraceObject& first) {
  return first.has(TraceRole::hash_ids) && is_stamped(first[TraceRole::arrival]);
}

bool is_mooncake(const TraceObject& first) {
  const TraceMember& at = first[TraceRole::arrival];
  return has_stamped_blocks(first) && at.kind == TraceMember::Kind::number && scan_integer(at.text);
}

// AIPerf's lines are Mooncake's, with more: its first line may not show it.
bool is_more_than_mooncake(const TraceObject& line) {
  return line.has(TraceRole::session) || line.has(TraceRole::delay) || line.has(TraceRole::text);
}

std::string_view whole_milliseconds(const Instant& arrival) {
  return arrival.form == Instant::Form::integer
             ? ""
             : "whole milliseconds as in the lines above, or the name arrival_s";
}

std::string_view mooncake_among_seconds(const TraceObject& line, const TraceMember& at,
                                        const Instant& arrival) {
  const bool whole = arrival.form == Instant::Form::integer;
  return whole && line.has(TraceRole::hash_ids) && is_stamped(at)
             ? "with hash_ids a whole timestamp counts milliseconds, but the lines above count seconds; "
               "call it arrival_s or arrival_ms"
             : "";
}

constexpr TraceFormat kFormats[] = {
    {.name = "azure",
     .rules = TraceColumns{.known_by = "GeneratedTokens",
                           .header = "TIMESTAMP,ContextTokens,GeneratedTokens",
                           .names = kAzureNames,
                           .dates_only = true}},
    {.name = "burstgpt",
     .rules = TraceColumns{.known_by = "Response tokens",
                           .header = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
                           .names = kBurstGptNames},
     .says_unit = true},
    {.name = "csv", .rules = TraceColumns{}, .any_names = true},
    {.name = "jsonl", .rules = TraceLines{.unit_mistake = mooncake_among_seconds}, .any_names = true},
    {.name = "mooncake",
     .rules = TraceLines{.known_by = is_mooncake,
                         .rank = 2,
                         .expected_unit = whole_milliseconds,
                         .becomes = "aiperf",
                         .becomes_by = is_more_than_mooncake},
     .ticks_per_second = 1'000,
     .says_unit = true,
     .block_tokens = 512},
    {.name = "aiperf",
     .rules = TraceLines{.known_by = is_aiperf, .rank = 4, .in_sessions = true},
     .ticks_per_second = 1'000,
     .says_unit = true,
     .block_tokens = 512},
    {.name = "bailian", .rules = TraceLines{.known_by = is_bailian, .rank = 3}, .says_unit = true},
    {.name = "timed-trace",
     .rules = TraceLines{.known_by = has_stamped_blocks, .rank = 1},
     .says_unit = true},
    {.name = "llmservingsim",
     .rules = TraceLines{.known_by = is_llmservingsim, .rank = 5, .in_sessions = true},
     .says_unit = true},
    {.name = "nginx", .rules = TraceAccessLog{.at_end = true, .title = "an access log (combined format)"}},
    {.name = "envoy", .rules = TraceAccessLog{.at_end = false, .title = "an Envoy access log"}},
    {.name = "ollama",
     .rules =
         TraceAccessLog{
             .form = TraceAccessLog::Form::gin, .at_end = true, .title = "a log of Ollama's server"}},
    {.name = "w3c",
     .rules = TraceAccessLog{
         .form = TraceAccessLog::Form::w3c, .at_end = true, .title = "a W3C access log, as of IIS"}}};

/// How much more than another format a format knows an object, its rank; -1 when it does not.
int knows(const TraceFormat& format, const TraceObject& first) {
  const auto* lines = std::get_if<TraceLines>(&format.rules);
  if (lines == nullptr) return -1;
  return format.any_names || lines->known_by(first) ? lines->rank : -1;
}

}  // namespace

const std::vector<std::string>& trace_formats() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found = {"auto"};
    for (const TraceFormat& format : kFormats) found.emplace_back(format.name);
    return found;
  }();
  return names;
}

const TraceFormat& trace_format(std::string_view name) {
  for (const TraceFormat& format : kFormats)
    if (format.name == name) return format;
  throw TraceError(std::string(name), "not a trace format");
}

const TraceFormat& recognised(const TraceObject& first) {
  return *std::max_element(
      std::begin(kFormats), std::end(kFormats),
      [&](const TraceFormat& a, const TraceFormat& b) { return knows(a, first) < knows(b, first); });
}

const TraceFormat& recognised(const std::vector<std::string_view>& columns) {
  const auto has = [&](std::string_view known) {
    return std::any_of(columns.begin(), columns.end(),
                       [&](std::string_view name) { return same_name(trimmed(name), known); });
  };
  const TraceFormat* any = nullptr;
  for (const TraceFormat& format : kFormats) {
    const auto* rules = std::get_if<TraceColumns>(&format.rules);
    if (rules == nullptr) continue;
    if (format.any_names) any = &format;
    if (!format.any_names && has(rules->known_by)) return format;
  }
  return *any;
}

}  // namespace gpushare
