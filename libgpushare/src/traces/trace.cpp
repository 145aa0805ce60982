#include "gpushare/trace.hpp"

#include <algorithm>

#include "core/catalogue.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/time.hpp"
#include "traces/text_source.hpp"
#include "traces/trace_builder.hpp"
#include "traces/trace_formats.hpp"

namespace gpushare {
namespace {

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

[[noreturn]] void refuse_name(const std::string& source, std::string_view what, const std::string& found,
                              const std::vector<std::string>& legal) {
  throw TraceError(source, unknown_option(what, found, shown(found), legal));
}

void check_options(const std::string& source, const TraceOptions& options) {
  const std::vector<std::string>& legal = trace_formats();
  if (std::find(legal.begin(), legal.end(), options.format) == legal.end())
    refuse_name(source, "trace format", options.format, legal);
  const std::vector<std::string> units = {"auto", "s", "ms", "us", "ns"};
  if (std::find(units.begin(), units.end(), options.time_unit) == units.end())
    refuse_name(source, "time unit", options.time_unit, units);
  if (options.block_tokens < 0 || options.block_tokens > kMaxTokens) {
    throw TraceError(
        source, text::format("block_tokens: expected 0 to {}, found {}", kMaxTokens, options.block_tokens));
  }
  if (options.output_tokens < 0 || options.output_tokens > kMaxTokens) {
    throw TraceError(
        source, text::format("output_tokens: expected 0 to {}, found {}", kMaxTokens, options.output_tokens));
  }
}

bool is_lines(TextSource& text, const TraceOptions& options) {
  if (options.format != "auto") return trace_format(options.format).has_lines();
  std::size_t first = text.rest().find_first_not_of(" \t\r\n");
  while (first == std::string_view::npos && !text.ended()) {
    text.more();
    first = text.rest().find_first_not_of(" \t\r\n");
  }
  const char c = first == std::string_view::npos ? '\n' : text.rest()[first];
  return c == '{' || c == '[';
}

/// The format of an access log, asked for or told by the first line; null for anything else.
const TraceFormat* access_log(TextSource& text, const TraceOptions& options) {
  if (options.format != "auto") {
    const TraceFormat& asked = trace_format(options.format);
    return asked.is_access_log() ? &asked : nullptr;
  }
  return recognised_log(text.first_line());
}

Trace read(TextSource& text, const std::string& source, const TraceOptions& options) {
  refuse_other_files(text.start(), source);
  if (begins_with(text.rest(), "\xef\xbb\xbf")) text.consume(3);
  check_options(source, options);
  if (const TraceFormat* log = access_log(text, options))
    return parse_access_log(text, source, *log, options);
  return is_lines(text, options) ? parse_jsonl(text, source, options) : parse_csv(text, source, options);
}

void check_request(const Trace& trace, std::size_t i) {
  const auto legal = [](std::int32_t tokens) { return tokens >= 0 && tokens <= kMaxTokens; };
  const double arrival_s = trace.arrival_s[i];
  if (!(arrival_s >= 0 && arrival_s < to_seconds(kForever)) ||
      (i > 0 && arrival_s < trace.arrival_s[i - 1])) {
    throw TraceError(trace.name, text::format("request {}: expected an arrival of at least {} s, found {}", i,
                                              i > 0 ? trace.arrival_s[i - 1] : 0, arrival_s));
  }
  if (!legal(trace.input_tokens[i]) || !legal(trace.output_tokens[i])) {
    throw TraceError(trace.name, text::format("request {}: expected 0 to {} tokens, found {} and {}", i,
                                              kMaxTokens, trace.input_tokens[i], trace.output_tokens[i]));
  }
}

bool parents_come_first(const Trace& trace) {
  for (std::size_t i = 0; i < trace.parent.size(); ++i)
    if (trace.parent[i] < kNone || trace.parent[i] >= static_cast<std::int64_t>(i)) return false;
  return true;
}

void check_extra(const Trace& trace) {
  const auto fits = [&](const auto& column) { return column.empty() || column.size() == trace.size(); };
  const auto& starts = trace.hash_starts;
  const bool blocks = starts.empty()
                          ? trace.hash_ids.empty()
                          : starts.size() == trace.size() + 1 && starts.front() == 0 &&
                                starts.back() == static_cast<std::int64_t>(trace.hash_ids.size()) &&
                                std::is_sorted(starts.begin(), starts.end());
  if (!fits(trace.session) || !fits(trace.parent) || !fits(trace.delay_s) || !fits(trace.images) || !blocks ||
      !parents_come_first(trace)) {
    throw TraceError(trace.name, "session, parent, delay_s, images or block ids do not fit the requests");
  }
}

}  // namespace

std::int64_t chosen_ticks(const TraceOptions& options) {
  for (const std::int64_t ticks : {1, 1'000, 1'000'000, 1'000'000'000})
    if (unit_name(ticks) == options.time_unit) return ticks;
  return 0;
}

std::string_view unit_name(std::int64_t ticks_per_second) {
  return ticks_per_second == 1           ? "s"
         : ticks_per_second == 1'000     ? "ms"
         : ticks_per_second == 1'000'000 ? "us"
                                         : "ns";
}

void check_trace(const Trace& trace) {
  if (trace.input_tokens.size() != trace.size() || trace.output_tokens.size() != trace.size()) {
    throw TraceError(
        trace.name, text::format("columns differ in length: {} arrivals, {} inputs, {} outputs", trace.size(),
                                 trace.input_tokens.size(), trace.output_tokens.size()));
  }
  for (std::size_t i = 0; i < trace.size(); ++i) check_request(trace, i);
  check_extra(trace);
}

void refuse_other_files(std::string_view start, const std::string& source) {
  constexpr std::string_view kInstead = "; unpack or convert it first, or read it with the Python package";
  constexpr std::pair<std::string_view, std::string_view> kPacked[] = {{"\x1f\x8b", "gzip"},
                                                                       {"BZh", "bzip2"},
                                                                       {"\xfd"
                                                                        "7zXZ",
                                                                        "xz"},
                                                                       {"\x28\xb5\x2f\xfd", "zstd"}};
  for (const auto& [begins, name] : kPacked)
    if (begins_with(start, begins))
      throw TraceError(source, text::format("the file is compressed ({}){}", name, kInstead));
  if (begins_with(start, "PAR1") || begins_with(start, "ARROW1") || begins_with(start, "\xff\xff\xff\xff"))
    throw TraceError(source, text::format("the file is Parquet or Arrow, not text{}", kInstead));
  if (begins_with(start, "\xff\xfe") || begins_with(start, "\xfe\xff")) {
    throw TraceError(source, text::format("the file is UTF-16 text{}", kInstead));
  }
  if (begins_with(start, "version https://git-lfs")) {
    throw TraceError(source, "the file is a Git LFS pointer, not the trace itself; run git lfs pull");
  }
}

Trace load_trace(const std::string& path, const TraceOptions& options) {
  const TextFile file(path);
  return read_trace(file.reader(), path, options);
}

Trace read_trace(const std::function<std::size_t(char*, std::size_t)>& block, const std::string& source,
                 const TraceOptions& options) {
  TextSource text(block);
  return read(text, source, options);
}

Trace read_trace_in_blocks(std::string_view whole, std::size_t block, const std::string& source,
                           const TraceOptions& options) {
  TextSource text(
      [&whole](char* to, std::size_t size) {
        const std::size_t got = whole.copy(to, size);
        whole.remove_prefix(got);
        return got;
      },
      block);
  return read(text, source, options);
}

Trace parse_trace(std::string_view whole, const std::string& source, const TraceOptions& options) {
  TextSource text(whole);
  return read(text, source, options);
}

}  // namespace gpushare
