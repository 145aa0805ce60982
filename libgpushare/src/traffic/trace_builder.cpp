#include "traffic/trace_builder.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "gpushare/errors.hpp"
#include "gpushare/time.hpp"

namespace gpushare {

void TraceBuilder::reserve(std::size_t rows) {
  trace_.arrival_s.reserve(rows);
  trace_.input_tokens.reserve(rows);
  trace_.output_tokens.reserve(rows);
}

void TraceBuilder::add(const TraceRow& row) {
  if (rows_++ > 0) check_follows(row);
  const TraceRow before = std::exchange(last_, row);
  if (row.output_tokens == 0 && !keep_empty_) return;
  if (trace_.arrival_s.empty()) origin_ = row.arrival;
  const std::int64_t ticks_per_second = row.arrival.is_date() ? 1'000'000'000 : row.ticks_per_second;
  const double arrival_s = ticks_between(origin_, row.arrival) / static_cast<double>(ticks_per_second);
  if (!(arrival_s < to_seconds(kForever))) {
    fail(row.line, fmt::format("the arrival {} is more than 146 years after the first; is the unit right?",
                               printed(row.arrival)));
  }
  // Whole and fractional numbers beyond 2^53 can compare as equal and still differ from a third.
  if (!trace_.arrival_s.empty() && arrival_s < trace_.arrival_s.back()) fail_unsorted(row, before);
  trace_.arrival_s.push_back(arrival_s);
  trace_.input_tokens.push_back(row.input_tokens);
  trace_.output_tokens.push_back(row.output_tokens);
}

void TraceBuilder::check_follows(const TraceRow& row) const {
  if ((row.arrival.is_date() || last_.arrival.is_date()) && row.arrival.form != last_.arrival.form) {
    fail(row.line,
         fmt::format("the arrival {} is not of the same kind as {} (line {}); use numbers, dates or dates "
                     "with a time zone throughout",
                     printed(row.arrival), printed(last_.arrival), last_.line));
  }
  if (row.arrival < last_.arrival) fail_unsorted(row, last_);
}

void TraceBuilder::fail_unsorted(const TraceRow& row, const TraceRow& before) const {
  fail(row.line, fmt::format("the arrival {} lies before {} (line {}); sort the trace by arrival",
                             printed(row.arrival), printed(before.arrival), before.line));
}

Trace TraceBuilder::finish() {
  if (rows_ == 0) throw TraceError(source_, "the trace is empty; expected at least one request");
  if (trace_.size() == 0) {
    throw TraceError(source_,
                     fmt::format("all {} requests have zero output tokens; keep_empty keeps them", rows_));
  }
  trace_.name = std::filesystem::path(source_).stem().string();
  return std::move(trace_);
}

void TraceBuilder::fail(std::size_t line, const std::string& what) const {
  throw TraceError(fmt::format("{}:{}", source_, line), what);
}

std::string expected_in(TraceRole role, bool dates_only) {
  if (role != TraceRole::arrival) return fmt::format("a whole number of tokens from 0 to {}", kMaxTokens);
  return dates_only ? "a date such as 2023-11-16 18:15:46.6805900"
                    : "a number, or a date such as 2023-11-16 18:15:46.6805900";
}

}  // namespace gpushare
