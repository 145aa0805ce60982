#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "gpushare/trace.hpp"
#include "traffic/trace_columns.hpp"
#include "traffic/trace_scan.hpp"

namespace gpushare {

inline constexpr std::int64_t kMaxTokens = 10'000'000;

/// One request as read, before it is checked against its neighbours.
struct TraceRow {
  std::size_t line = 0;
  Instant arrival;
  std::int64_t ticks_per_second = 1;
  std::int32_t input_tokens = 0;
  std::int32_t output_tokens = 0;
};

/// Gathers rows into a Trace: refuses what goes back in time, drops empty rows, counts from the first one kept.
class TraceBuilder {
 public:
  TraceBuilder(const std::string& source, bool keep_empty) : source_(source), keep_empty_(keep_empty) {}

  void reserve(std::size_t rows);
  void add(const TraceRow& row);
  [[nodiscard]] Trace finish();
  [[noreturn]] void fail(std::size_t line, const std::string& what) const;

 private:
  void check_follows(const TraceRow& row) const;
  [[noreturn]] void fail_unsorted(const TraceRow& row, const TraceRow& before) const;

  const std::string& source_;
  bool keep_empty_;
  std::size_t rows_ = 0;
  TraceRow last_;
  Instant origin_;
  Trace trace_;
};

/// What a column of a role must hold, for messages.
[[nodiscard]] std::string expected_in(TraceRole role, bool dates_only);

}  // namespace gpushare
