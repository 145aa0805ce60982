#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gpushare/trace.hpp"
#include "traces/trace_columns.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {

inline constexpr std::int64_t kMaxTokens = 10'000'000;
inline constexpr double kNoDelay = -1;
inline constexpr std::int32_t kNone = -1;

/// One request as read, before it is checked against its neighbours.
struct TraceRow {
  std::size_t line = 0;
  bool timed = false;  ///< it has an arrival of its own; otherwise a parent and a delay
  Instant arrival;
  std::int64_t ticks_per_second = 1;
  bool unit_known = false;  ///< a name, the format or the user says so
  double took_s = 0;        ///< the arrival is that long before the time that is told, of the end
  std::int32_t input_tokens = 0;
  std::int32_t output_tokens = 0;
  std::int32_t session = kNone;
  std::int32_t parent = kNone;  ///< row number, in order of the file
  double delay_s = kNoDelay;
  std::int32_t images = 0;
  std::span<const std::int64_t> hash_ids{};
};

/// Which of the columns that only some formats have are kept.
struct ExtraColumns {
  bool session = false, parent = false, delay = false, images = false, hash_ids = false;
};

/// Gathers rows into a Trace: refuses or sorts what goes back in time, drops empty rows, counts from the first kept.
class TraceBuilder {
 public:
  TraceBuilder(const std::string& source, const TraceOptions& options)
      : source_(source), keep_empty_(options.keep_empty), sort_(options.sort) {}

  void reserve(std::size_t rows);
  void keep(const ExtraColumns& extra);
  /// The lines of a log are written when requests end, so they are put in order of their starts without being asked.
  void sort_as_log();
  void add(const TraceRow& row);
  /// The number of a session by its id; kNone for an empty one.
  [[nodiscard]] std::int32_t session(std::string_view id);
  [[nodiscard]] std::int32_t rows() const { return static_cast<std::int32_t>(trace_.origin.rows); }
  [[nodiscard]] TraceOrigin& origin() { return trace_.origin; }
  void set_block_tokens(std::int32_t tokens) { trace_.block_tokens = tokens; }
  [[nodiscard]] Trace finish();
  [[noreturn]] void fail(std::size_t line, const std::string& what) const;

 private:
  struct Id {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>{}(id); }
  };

  [[nodiscard]] double arrival_s(const TraceRow& row);
  [[nodiscard]] double counted_s(const TraceRow& row);
  void guess_unit(const TraceRow& first);
  void check_follows(const TraceRow& row);
  void append(const TraceRow& row, double arrival_s);
  void append_extra(const TraceRow& row);
  void put_in_order();
  [[noreturn]] void fail_unsorted(const TraceRow& row, const TraceRow& before) const;

  const std::string& source_;
  bool keep_empty_;
  bool sort_;
  bool counted_ = false;  // an arrival was read: origin_ is set
  bool in_order_ = true;
  std::int64_t guessed_ticks_ = 0;  // a second, of numbers whose unit nobody says; 0: as the rows have it
  TraceRow last_;
  Instant origin_;
  double newest_s_ = 0;
  ExtraColumns extra_;
  std::vector<std::int32_t> kept_as_;  // by row of the file; only with parents
  std::vector<double> row_arrival_s_;
  std::unordered_map<std::string, std::int32_t, Id, std::equal_to<>> sessions_;
  Trace trace_;
};

/// What a column of a role must hold, for messages.
[[nodiscard]] std::string expected_in(TraceRole role, bool dates_only);

}  // namespace gpushare
