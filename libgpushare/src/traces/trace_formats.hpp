#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "gpushare/trace.hpp"
#include "traces/text_source.hpp"

namespace gpushare {

/// What is known of a format before a file is read.
struct TraceFormat {
  std::string_view name;
  bool lines = false;                 ///< JSON lines; otherwise CSV
  std::int64_t ticks_per_second = 1;  ///< of numbers whose name has no unit
  std::int32_t block_tokens = 16;     ///< of hash_ids
};
/// The format of a name in trace_formats(), but not of "auto".
[[nodiscard]] const TraceFormat& trace_format(std::string_view name);

/// CSV with a header line (RFC 4180, LF or CRLF): auto, azure, burstgpt or csv.
[[nodiscard]] Trace parse_csv(TextSource& text, const std::string& source, const TraceOptions& options);

/// One JSON object a line: auto, or a format of lines.
[[nodiscard]] Trace parse_jsonl(TextSource& text, const std::string& source, const TraceOptions& options);

/// A text read so many bytes at a time: the same trace or error whatever the size, for tests.
[[nodiscard]] Trace read_trace_in_blocks(std::string_view whole, std::size_t block, const std::string& source,
                                         const TraceOptions& options = {});

/// Throws TraceError for what is known not to be text in UTF-8, by its first bytes.
void refuse_other_files(std::string_view start, const std::string& source);

/// Ticks a second of options.time_unit; 0 for "auto".
[[nodiscard]] std::int64_t chosen_ticks(const TraceOptions& options);
/// s, ms, us or ns.
[[nodiscard]] std::string_view unit_name(std::int64_t ticks_per_second);

/// The canonical CSV: its header, and rows first..last.
inline constexpr std::string_view kCanonicalHeader = "arrival_s,input_tokens,output_tokens\n";
[[nodiscard]] std::string canonical_header(const Trace& trace);
void append_rows(std::string& out, const Trace& trace, std::size_t first, std::size_t last);
/// The same rows as JSON lines, with the block ids.
void append_lines(std::string& out, const Trace& trace, std::size_t first, std::size_t last);

/// Throws TraceError for a trace that `load_trace` could not have made.
void check_trace(const Trace& trace);

/// Puts all columns in order of arrival; equal arrivals keep their order.
void sort_by_arrival(Trace& trace);

}  // namespace gpushare
