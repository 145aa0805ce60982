// Fuzz target of the trace parsers. The first byte chooses format and options; the rest is the file.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "gpushare/errors.hpp"
#include "gpushare/trace.hpp"
#include "traces/trace_formats.hpp"
#include "traces/trace_json.hpp"

namespace {

using namespace gpushare;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::array<std::string_view, 4> kColumns = {
    "arrival=ts,input=1000,output=200", "arrival=#1,input=#2,output=#3",
    "arrival=a.t,input=a.n,output=a.b.m,session=user", "input=x,y"};

bool same(const Trace& a, const Trace& b) {
  return a.arrival_s == b.arrival_s && a.input_tokens == b.input_tokens &&
         a.output_tokens == b.output_tokens && a.parent == b.parent && a.delay_s == b.delay_s &&
         a.images == b.images;
}

// Sessions are numbered by first appearance, which a dropped row may have been.
bool same_sessions(const Trace& a, const Trace& b) {
  if (a.session.size() != b.session.size()) return false;
  std::map<std::int32_t, std::int32_t> numbers;
  for (std::size_t i = 0; i < a.session.size(); ++i) {
    if (numbers.emplace(a.session[i], b.session[i]).first->second != b.session[i]) return false;
  }
  return true;
}

// What is accepted is a legal trace, and survives being written and read.
void check_accepted(const Trace& trace) {
  require(trace.size() > 0 && trace.arrival_s.front() == 0);
  check_trace(trace);
  const TraceSummary summary = inspect(trace);
  require(summary.requests == trace.size() && summary.dispersion_1s >= 0 && summary.gap_cv >= 0);
  require(summary.prefix_hit_rate >= 0 && summary.prefix_hit_rate < 1);
  TraceOptions all;
  all.keep_empty = true;
  std::string text = canonical_header(trace);
  append_rows(text, trace, 0, trace.size());
  const Trace table = parse_trace(text, "saved.csv", all);
  require(same(table, trace) && same_sessions(table, trace));
  std::string lines;
  append_lines(lines, trace, 0, trace.size());
  const Trace objects = parse_trace(lines, "saved.jsonl", all);
  require(same(objects, trace) && same_sessions(objects, trace));
  require(objects.hash_ids == trace.hash_ids && objects.hash_starts == trace.hash_starts);
}

// The scanner and the JSON library agree on what JSON is, line by line; but a zero byte ends the library's text, and a
// byte order mark, which may begin a file, may begin the library's line.
void check_scanner(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const bool whole = line.find('\0') == std::string_view::npos && line.substr(0, 3) != "\xef\xbb\xbf";
    require(is_json(line) == (whole && nlohmann::json::accept(line.begin(), line.end())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string outcome(const std::function<Trace()>& read) {
  try {
    const Trace trace = read();
    std::string lines;
    append_lines(lines, trace, 0, trace.size());
    return lines;
  } catch (const TraceError& error) {
    return error.what();
  }
}

// A file comes in blocks, and where they end must not matter.
void check_blocks(std::string_view text, const TraceOptions& options) {
  const std::string whole = outcome([&] { return parse_trace(text, "fuzz", options); });
  for (const std::size_t block : {std::size_t{1}, std::size_t{7}, text.size() / 2 + 1})
    require(outcome([&] { return read_trace_in_blocks(text, block, "fuzz", options); }) == whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  TraceOptions options;
  const std::size_t kind = data[0] & 0x0f;
  if (kind < trace_formats().size())
    options.format = trace_formats()[kind];
  else
    options.columns = kColumns[(kind - trace_formats().size()) % kColumns.size()];
  options.keep_empty = (data[0] & 0x10) != 0;
  options.sort = (data[0] & 0x20) != 0;
  if ((data[0] & 0x40) != 0) options.time_unit = "ms";
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 0x80) != 0) options.output_tokens = 7;
  check_scanner(text);
  if (size < 10'000) check_blocks(text, options);
  Trace trace;
  try {
    trace = parse_trace(text, "fuzz.csv", options);
  } catch (const TraceError&) {
    return 0;
  }
  check_accepted(trace);
  return 0;
}
