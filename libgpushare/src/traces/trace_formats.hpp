#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gpushare/trace.hpp"
#include "traces/text_source.hpp"

namespace gpushare {

struct TraceObject;
struct TraceMember;
struct Instant;

/// A format of columns: CSV with a header line.
struct TraceColumns {
  std::string_view known_by;                ///< the column that no other format has
  std::string_view header;                  ///< as published, for messages
  std::span<const std::string_view> names;  ///< asked for by its name, it has no others
  bool dates_only = false;                  ///< likewise, its arrivals are no numbers
};
/// A format of lines: one JSON object each.
struct TraceLines {
  bool (*known_by)(const TraceObject& first) = nullptr;
  int rank = 0;              ///< of the formats that know an object the one of highest rank takes it
  bool in_sessions = false;  ///< the lines of a session follow each other without saying so
  /// What an arrival says that cannot be in the format's unit, where no name says one; empty when it can.
  std::string_view (*expected_unit)(const Instant& arrival) = nullptr;
  std::string_view (*unit_mistake)(const TraceObject& line, const TraceMember& at,
                                   const Instant& arrival) = nullptr;
  std::string_view becomes{};  ///< the format that begins alike, if a later line shows it
  bool (*becomes_by)(const TraceObject& line) = nullptr;
};

/// A format of lines that are no JSON: the access log of a web server.
struct TraceAccessLog {
  enum class Form : std::uint8_t {
    bracketed,  ///< `... [time] "METHOD path ..." status ...`
    gin,        ///< `[GIN] date - clock | status | took | client | METHOD "path"`, as Ollama's server writes
    w3c         ///< fields that a line #Fields names, as IIS writes
  };
  Form form = Form::bracketed;
  bool at_end = false;     ///< its times are of the end of a request
  std::string_view title;  ///< for messages
};

/// All that tells one format from another; files that are not text of lines are the Python package's.
struct TraceFormat {
  std::string_view name;
  std::variant<TraceColumns, TraceLines, TraceAccessLog> rules;
  bool any_names = false;             ///< asked for, it is any format of its kind, or none
  std::int64_t ticks_per_second = 1;  ///< of numbers whose name has no unit
  bool says_unit = false;             ///< these ticks are the format's, not for want of better
  std::int32_t block_tokens = 16;     ///< of hash_ids

  [[nodiscard]] bool has_lines() const { return std::holds_alternative<TraceLines>(rules); }
  [[nodiscard]] bool is_access_log() const { return std::holds_alternative<TraceAccessLog>(rules); }
};
/// The format of a name in trace_formats(), but not of "auto".
[[nodiscard]] const TraceFormat& trace_format(std::string_view name);
/// The format of a file, by the names of its columns or by its first object.
[[nodiscard]] const TraceFormat& recognised(const std::vector<std::string_view>& columns);
[[nodiscard]] const TraceFormat& recognised(const TraceObject& first);

/// CSV with a header line (RFC 4180, LF or CRLF): auto, or a format of columns.
[[nodiscard]] Trace parse_csv(TextSource& text, const std::string& source, const TraceOptions& options);

/// One JSON object a line: auto, or a format of lines.
[[nodiscard]] Trace parse_jsonl(TextSource& text, const std::string& source, const TraceOptions& options);

/// The access log whose first line it is; null for anything else.
[[nodiscard]] const TraceFormat* recognised_log(std::string_view line);

/// The POSTs to a model's path of an access log, of lengths that the options give.
[[nodiscard]] Trace parse_access_log(TextSource& text, const std::string& source, const TraceFormat& format,
                                     const TraceOptions& options);

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
