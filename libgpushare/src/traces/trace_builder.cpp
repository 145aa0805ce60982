#include "traces/trace_builder.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <utility>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/time.hpp"
#include "traces/trace_formats.hpp"

namespace gpushare {
namespace {

constexpr std::int32_t kMostRows = std::numeric_limits<std::int32_t>::max();

template <class T>
void reorder(std::vector<T>& column, const std::vector<std::int32_t>& order) {
  if (column.empty()) return;
  std::vector<T> sorted;
  sorted.reserve(column.size());
  for (const std::int32_t from : order) sorted.push_back(column[static_cast<std::size_t>(from)]);
  column.swap(sorted);
}

void reorder_blocks(Trace& trace, const std::vector<std::int32_t>& order) {
  if (trace.hash_starts.empty()) return;
  std::vector<std::int64_t> ids, starts{0};
  ids.reserve(trace.hash_ids.size());
  for (const std::int32_t from : order) {
    const auto i = static_cast<std::size_t>(from);
    ids.insert(ids.end(), trace.hash_ids.begin() + trace.hash_starts[i],
               trace.hash_ids.begin() + trace.hash_starts[i + 1]);
    starts.push_back(static_cast<std::int64_t>(ids.size()));
  }
  trace.hash_ids.swap(ids);
  trace.hash_starts.swap(starts);
}

}  // namespace

void sort_by_arrival(Trace& trace) {
  std::vector<std::int32_t> order(trace.size());
  std::iota(order.begin(), order.end(), 0);
  const auto& arrival = trace.arrival_s;
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return arrival[static_cast<std::size_t>(a)] < arrival[static_cast<std::size_t>(b)];
  });
  std::vector<std::int32_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    place[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
  for (std::size_t i = 0; i < trace.parent.size(); ++i) {
    std::int32_t& parent = trace.parent[i];
    if (parent != kNone) parent = place[static_cast<std::size_t>(parent)];
    if (parent >= place[i]) parent = kNone;  // what comes later cannot have been followed
  }
  reorder(trace.arrival_s, order);
  reorder(trace.input_tokens, order);
  reorder(trace.output_tokens, order);
  reorder(trace.session, order);
  reorder(trace.parent, order);
  reorder(trace.delay_s, order);
  reorder(trace.images, order);
  reorder_blocks(trace, order);
}

void TraceBuilder::reserve(std::size_t rows) {
  trace_.arrival_s.reserve(rows);
  trace_.input_tokens.reserve(rows);
  trace_.output_tokens.reserve(rows);
}

// A column that appears late is filled with what says "none" for the rows before.
void TraceBuilder::keep(const ExtraColumns& extra) {
  const std::size_t size = trace_.size();
  if (extra.session && !std::exchange(extra_.session, true)) trace_.session.assign(size, kNone);
  if (extra.delay && !std::exchange(extra_.delay, true)) trace_.delay_s.assign(size, kNoDelay);
  if (extra.images && !std::exchange(extra_.images, true)) trace_.images.assign(size, 0);
  if (extra.hash_ids && !std::exchange(extra_.hash_ids, true)) trace_.hash_starts.assign(size + 1, 0);
  if (extra.parent && !std::exchange(extra_.parent, true)) trace_.parent.assign(size, kNone);
}

void TraceBuilder::sort_as_log() {
  sort_ = true;
  trace_.origin.is_log = true;
}

std::int32_t TraceBuilder::session(std::string_view id) {
  if (id.empty()) return kNone;
  const auto known = sessions_.find(id);
  if (known != sessions_.end()) return known->second;
  const auto number = static_cast<std::int32_t>(sessions_.size());
  sessions_.emplace(id, number);
  return number;
}

void TraceBuilder::add(const TraceRow& row) {
  if (rows() == kMostRows) fail(row.line, "more than 2147483647 requests");
  const double arrival = arrival_s(row);
  ++trace_.origin.rows;
  const bool kept = row.output_tokens > 0 || keep_empty_;
  if (row.output_tokens == 0) ++trace_.origin.empty_outputs;
  kept_as_.push_back(kept ? static_cast<std::int32_t>(trace_.size()) : kNone);
  row_arrival_s_.push_back(arrival);
  if (kept) append(row, arrival);
}

double TraceBuilder::arrival_s(const TraceRow& row) {
  if (row.timed) return counted_s(row);
  const double at = row_arrival_s_[static_cast<std::size_t>(row.parent)] + row.delay_s;
  if (!(at < to_seconds(kForever))) fail(row.line, text::format("the delay {} s is too long", row.delay_s));
  return at;
}

double TraceBuilder::counted_s(const TraceRow& row) {
  if (counted_) {
    check_follows(row);
  } else {
    origin_ = row.arrival;
    counted_ = true;
    guess_unit(row);
  }
  const TraceRow before = std::exchange(last_, row);
  // Empty rows before the first one kept do not count, and must not cost the first ones their precision.
  if (trace_.arrival_s.empty() && !extra_.parent && !sort_) origin_ = row.arrival;
  const std::int64_t ticks_per_second = row.arrival.is_date()                   ? 1'000'000'000
                                        : guessed_ticks_ > 0 && !row.unit_known ? guessed_ticks_
                                                                                : row.ticks_per_second;
  const double at = ticks_between(origin_, row.arrival) / static_cast<double>(ticks_per_second) - row.took_s;
  if (!(std::abs(at) < to_seconds(kForever))) {
    fail(row.line, text::format("the arrival {} is more than 146 years after the first; is the unit right?",
                                printed(row.arrival)));
  }
  // Whole and fractional numbers beyond 2^53 can compare as equal and still differ from a third.
  if (!trace_.arrival_s.empty() && at < newest_s_ && !sort_) fail_unsorted(row, before);
  newest_s_ = at;
  return at;
}

void TraceBuilder::guess_unit(const TraceRow& first) {
  constexpr double kYear2001 = 978'307'200, kYear2100 = 4'102'444'800;  // seconds since 1970
  if (first.unit_known || first.arrival.is_date() || first.ticks_per_second != 1) return;
  for (const std::int64_t ticks : {1'000LL, 1'000'000LL, 1'000'000'000LL}) {
    const double since_1970 = first.arrival.value / static_cast<double>(ticks);
    if (since_1970 < kYear2001 || since_1970 > kYear2100) continue;
    guessed_ticks_ = ticks;
    trace_.origin.guessed_unit = true;
    trace_.origin.time_unit = unit_name(ticks);
    trace_.origin.reason += text::format("; but {} is a date of our time only in {} since 1970",
                                         printed(first.arrival), trace_.origin.time_unit);
  }
}

void TraceBuilder::append(const TraceRow& row, double arrival_s) {
  in_order_ = in_order_ && (trace_.arrival_s.empty() || arrival_s >= trace_.arrival_s.back());
  trace_.arrival_s.push_back(arrival_s);
  trace_.input_tokens.push_back(row.input_tokens);
  trace_.output_tokens.push_back(row.output_tokens);
  append_extra(row);
}

void TraceBuilder::append_extra(const TraceRow& row) {
  if (extra_.session) trace_.session.push_back(row.session);
  if (extra_.parent) {
    const bool known = row.parent != kNone;
    trace_.parent.push_back(known ? kept_as_[static_cast<std::size_t>(row.parent)] : kNone);
  }
  if (extra_.delay) trace_.delay_s.push_back(row.delay_s);
  if (extra_.images) trace_.images.push_back(row.images);
  if (extra_.hash_ids) {
    trace_.hash_ids.insert(trace_.hash_ids.end(), row.hash_ids.begin(), row.hash_ids.end());
    trace_.hash_starts.push_back(static_cast<std::int64_t>(trace_.hash_ids.size()));
  }
}

void TraceBuilder::check_follows(const TraceRow& row) {
  if ((row.arrival.is_date() || last_.arrival.is_date()) && row.arrival.form != last_.arrival.form) {
    fail(
        row.line,
        text::format("the arrival {} is not of the same kind as {} (line {}); use numbers, dates, dates with "
                     "a time zone or clocks throughout",
                     printed(row.arrival), printed(last_.arrival), last_.line));
  }
  if (!(row.arrival < last_.arrival)) return;
  if (row.arrival.form == Instant::Form::clock)
    fail(row.line,
         text::format("the arrival {} lies before {} (line {}): a clock without a day cannot go past "
                      "midnight, or back; write dates",
                      printed(row.arrival), printed(last_.arrival), last_.line));
  if (!sort_) fail_unsorted(row, last_);
  ++trace_.origin.inversions;
}

void TraceBuilder::fail_unsorted(const TraceRow& row, const TraceRow& before) const {
  fail(row.line, text::format("the arrival {} lies before {} (line {}); sort the trace by arrival",
                              printed(row.arrival), printed(before.arrival), before.line));
}

void TraceBuilder::put_in_order() {
  if (!in_order_) sort_by_arrival(trace_);
  const double first = trace_.arrival_s.front();
  if (first == 0) return;
  for (double& arrival : trace_.arrival_s) arrival -= first;
  if (!(trace_.arrival_s.back() < to_seconds(kForever))) {
    throw TraceError(source_, "the arrivals span more than 146 years; is the unit right?");
  }
}

Trace TraceBuilder::finish() {
  if (rows() == 0) throw TraceError(source_, "the trace is empty; expected at least one request");
  if (trace_.size() == 0) {
    throw TraceError(source_,
                     text::format("all {} requests have zero output tokens; keep_empty keeps them", rows()));
  }
  put_in_order();
  if (trace_.hash_ids.empty()) trace_.hash_starts.clear();
  if (trace_.hash_ids.empty()) trace_.block_tokens = 0;
  std::filesystem::path path(source_);
  for (const char* packed : {".gz", ".bz2", ".xz", ".zst"})
    if (path.extension() == packed) path = path.stem();
  trace_.name = path.stem().string();
  return std::move(trace_);
}

void TraceBuilder::fail(std::size_t line, const std::string& what) const {
  throw TraceError(text::format("{}:{}", source_, line), what);
}

std::string expected_in(TraceRole role, bool dates_only) {
  switch (role) {
    case TraceRole::arrival:
      return dates_only ? "a date such as 2023-11-16 18:15:46.6805900"
                        : "a number, or a date such as 2023-11-16 18:15:46.6805900";
    case TraceRole::input:
    case TraceRole::output:
      return text::format("a whole number of tokens from 0 to {}", kMaxTokens);
    case TraceRole::images:
      return text::format("a whole number from 0 to {}", kMaxTokens);
    case TraceRole::parent:
      return "the number of an earlier request, or -1";
    case TraceRole::delay:
    case TraceRole::pause:
    case TraceRole::took:
      return "a number that is not negative";
    case TraceRole::total:
      return "a whole number of tokens that is not less than those of its part";
    case TraceRole::hash_ids:
      return "an array of whole numbers";
    case TraceRole::block_tokens:
      return text::format("a whole number of tokens from 1 to {}", kMaxTokens);
    case TraceRole::requests:
      return "an array of objects";
    case TraceRole::chat:
    case TraceRole::parent_chat:
      return "a whole number";
    default:
      break;
  }
  return "a text";
}

}  // namespace gpushare
