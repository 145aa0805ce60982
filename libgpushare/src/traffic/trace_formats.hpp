#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "gpushare/trace.hpp"

namespace gpushare {

/// CSV with a header line (RFC 4180, LF or CRLF); `azure` asks for Azure's three columns and dates.
[[nodiscard]] Trace parse_csv(std::string_view text, const std::string& source, bool azure, bool keep_empty);

/// One JSON object a line.
[[nodiscard]] Trace parse_jsonl(std::string_view text, const std::string& source, bool keep_empty);

/// The canonical CSV: its header, and rows first..last.
inline constexpr std::string_view kCanonicalHeader = "arrival_s,input_tokens,output_tokens\n";
void append_rows(std::string& out, const Trace& trace, std::size_t first, std::size_t last);

/// Throws TraceError for a trace that `load_trace` could not have made.
void check_trace(const Trace& trace);

}  // namespace gpushare
