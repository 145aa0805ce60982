
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "traces/csv_header.hpp"
#include "traces/csv_records.hpp"
#include "traces/given_columns.hpp"
#include "traces/request_ends.hpp"
#include "traces/text_source.hpp"
#include "traces/trace_builder.hpp"
#include "traces/trace_columns.hpp"
#include "traces/trace_formats.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

/// Turns the fields of a record into a row.
class RowReader {
 public:
  RowReader(TableHeader header, const TraceFormat& format, bool asked, const GivenColumns& given,
            char delimiter, const TraceOptions& options, TraceBuilder& builder)
      : header_(std::move(header)),
        format_(format),
        asked_(asked),
        dates_only_(asked && std::get<TraceColumns>(format.rules).dates_only),
        given_(given),
        delimiter_(delimiter),
        thousands_(','),
        assumed_output_(options.output_tokens),
        builder_(builder) {
    builder.keep({header_.has(TraceRole::session), header_.has(TraceRole::parent),
                  header_.has(TraceRole::delay), header_.has(TraceRole::images), false});
    const TraceColumn& arrival = header_.column[static_cast<std::size_t>(TraceRole::arrival)];
    usual_ticks_ = arrival.has_unit ? arrival.ticks_per_second : format.ticks_per_second;
    const std::int64_t chosen = chosen_ticks(options);
    ticks_per_second_ = chosen > 0 && !arrival.has_unit ? chosen : usual_ticks_;
    unit_known_ = chosen > 0 || arrival.has_unit || format.says_unit;
    if (is_of_log(arrival.rank)) builder.sort_as_log();
  }

  [[nodiscard]] TraceRow read(const std::vector<std::string_view>& fields, std::size_t line) {
    if (fields.size() != header_.fields) {
      builder_.fail(line, text::format("expected {} fields as in the {} line, found {}", header_.fields,
                                       header_.is_row ? "first" : "header", fields.size()));
    }
    TraceRow row;
    row.line = line;
    row.timed = true;
    row.arrival = arrival(fields, line);
    row.ticks_per_second = ticks_per_second_;
    row.unit_known = unit_known_;
    if (header_.at_ends && header_.has(TraceRole::took)) row.took_s = took(fields, row).value_or(0);
    read_tokens(row, fields, line);
    read_extra(row, fields, line);
    return row;
  }
  void describe(const TraceRow& first, const std::vector<std::string_view>& fields) {
    TraceOrigin& origin = builder_.origin();
    origin.format = format_.name;
    origin.delimiter = delimiter_name(delimiter_);
    for (const TraceRole role : {TraceRole::arrival, TraceRole::input, TraceRole::output, TraceRole::session})
      note_column(role, origin.columns);
    const auto role = static_cast<std::size_t>(TraceRole::arrival);
    origin.time_unit = first.arrival.is_date() ? "date" : unit_name(ticks_per_second_);
    const bool chosen = ticks_per_second_ != usual_ticks_;
    origin.reason = text::format(
        "{}; {}", asked_ ? "the format was given" : "the names of its columns",
        first.arrival.form == Instant::Form::clock ? "arrivals are clocks"
        : first.arrival.is_date()
            ? text::format("arrivals are dates{}", order_of_date(field(fields, TraceRole::arrival)))
        : chosen                        ? "the time unit was given"
        : header_.column[role].has_unit ? text::format("{} says its unit", shown(header_.name[role]))
        : format_.says_unit             ? text::format("{} counts {}", format_.name, origin.time_unit)
                                        : "no name says a unit, so seconds");
    origin.reason += bare_words();
    const bool took_said = header_.has(TraceRole::took);
    if (header_.at_ends)
      origin.reason += told_of_ends(header_.name_of(TraceRole::arrival), header_.name_of(TraceRole::took),
                                    took_said ? took(fields, first) : std::nullopt);
  }
  /// Whether numbers have a decimal comma, by the first row: then a point separates thousands.
  void look_at_numbers(const std::vector<std::string_view>& fields) {
    const std::string_view text = field(fields, TraceRole::arrival);
    const bool comma = text.find(',') != std::string_view::npos && text.find(':') == std::string_view::npos;
    if (delimiter_ != ',' && comma) thousands_ = '.';
  }

 private:
  [[nodiscard]] std::string_view field(const std::vector<std::string_view>& fields, TraceRole role) const {
    return trimmed(fields[header_.index[static_cast<std::size_t>(role)]]);
  }
  void note_column(TraceRole role, std::string& columns) const {
    if (!header_.has(role) && !given_[role].constant && !is_rest(role)) return;
    columns += columns.empty() ? "" : ",";
    columns += std::string(role_key(role)) + "=";
    if (is_rest(role)) {
      columns += header_.name_of(TraceRole::total) + "-" + header_.name_of(other_length(role));
      return;
    }
    columns += header_.has(role) ? header_.name_of(role) : text::format("{}", *given_[role].constant);
    if (role != TraceRole::input || !header_.has(role) || !leaves_out_cached(header_.name_of(role))) return;
    for (const TraceRole cached : kCachedRoles)
      if (header_.has(cached)) columns += "+" + header_.name_of(cached);
  }
  /// What is taken for tokens by a name that may count other things.
  [[nodiscard]] std::string bare_words() const {
    std::string words;
    for (const TraceRole role : {TraceRole::input, TraceRole::output})
      if (header_.has(role) && is_bare_word(header_.column[static_cast<std::size_t>(role)].rank))
        words +=
            text::format("{}{}", words.empty() ? "; taken for tokens: " : ", ", shown(header_.name_of(role)));
    return words;
  }
  [[nodiscard]] Instant arrival(const std::vector<std::string_view>& fields, std::size_t line) const {
    const std::string_view text = field(fields, TraceRole::arrival);
    std::optional<Instant> instant = dates_only_   ? scan_date(text)
                                     : unit_known_ ? scan_instant(text)
                                                   : scan_unitless(text);
    if (instant && instant->form == Instant::Form::clock && header_.has(TraceRole::day))
      instant = scan_date(text::format("{} {}", field(fields, TraceRole::day), text));
    if (!instant && delimiter_ != ',' && !dates_only_) instant = scan_comma_number(text);
    if (!instant) fail(line, TraceRole::arrival, text);
    return *instant;
  }
  [[nodiscard]] std::int32_t whole(const std::vector<std::string_view>& fields, std::size_t line,
                                   TraceRole role, std::int64_t min, std::int64_t max) const {
    const std::string_view text = field(fields, role);
    std::optional<std::int64_t> count = scan_count(text, thousands_);
    if (!count && thousands_ == '.') {
      const auto real = scan_comma_number(text);  // 12,0
      if (real && real->value == std::floor(real->value)) count = static_cast<std::int64_t>(real->value);
    }
    if (!count || *count < min || *count > max) fail(line, role, text);
    return static_cast<std::int32_t>(*count);
  }
  /// How long the request took; nothing where no unit is known.
  [[nodiscard]] std::optional<double> took(const std::vector<std::string_view>& fields,
                                           const TraceRow& row) const {
    return took_s(field(fields, TraceRole::took), header_.column[static_cast<std::size_t>(TraceRole::took)],
                  row);
  }
  [[nodiscard]] bool is_rest(TraceRole role) const { return header_.is_rest(role) && !given_[role].constant; }
  void read_tokens(TraceRow& row, const std::vector<std::string_view>& fields, std::size_t line) {
    if (is_rest(TraceRole::input)) {
      row.output_tokens = output(fields, line);
      if (row.output_tokens > 0) row.input_tokens = rest_of_total(fields, line, row.output_tokens);
      return;
    }
    if (is_rest(TraceRole::output) && !is_gap(field(fields, TraceRole::total))) {
      row.input_tokens = input(fields, line, 1);
      row.output_tokens = rest_of_total(fields, line, row.input_tokens);
      return;
    }
    row.output_tokens = is_rest(TraceRole::output) ? no_output() : output(fields, line);
    row.input_tokens = input(fields, line, row.output_tokens);
  }
  [[nodiscard]] std::int32_t rest_of_total(const std::vector<std::string_view>& fields, std::size_t line,
                                           std::int32_t part) const {
    return whole(fields, line, TraceRole::total, part, kMaxTokens + part) - part;
  }
  // No length of the reply is how tables write a request that failed.
  [[nodiscard]] std::int32_t output(const std::vector<std::string_view>& fields, std::size_t line) {
    if (const auto& constant = given_[TraceRole::output].constant) return *constant;
    if (!is_gap(field(fields, TraceRole::output)))
      return whole(fields, line, TraceRole::output, 0, kMaxTokens);
    return no_output();
  }
  [[nodiscard]] std::int32_t no_output() {
    ++(assumed_output_ > 0 ? builder_.origin().assumed : builder_.origin().failed);
    return assumed_output_;
  }
  [[nodiscard]] std::int32_t input(const std::vector<std::string_view>& fields, std::size_t line,
                                   std::int32_t output_tokens) const {
    if (const auto& constant = given_[TraceRole::input].constant) return *constant;
    if (output_tokens == 0 && is_gap(field(fields, TraceRole::input))) return 0;
    std::int32_t tokens = whole(fields, line, TraceRole::input, 0, kMaxTokens);
    if (!leaves_out_cached(header_.name_of(TraceRole::input))) return tokens;
    for (const TraceRole role : kCachedRoles)
      if (header_.has(role) && !is_gap(field(fields, role)))
        tokens += whole(fields, line, role, 0, kMaxTokens - tokens);
    return tokens;
  }
  void read_extra(TraceRow& row, const std::vector<std::string_view>& fields, std::size_t line) {
    if (header_.has(TraceRole::session)) {
      const std::string_view id = field(fields, TraceRole::session);
      row.session = builder_.session(id == "-1" ? std::string_view{} : id);
    }
    if (header_.has(TraceRole::parent))
      row.parent = whole(fields, line, TraceRole::parent, -1, builder_.rows() - 1);
    if (header_.has(TraceRole::images)) row.images = whole(fields, line, TraceRole::images, 0, kMaxTokens);
    if (!header_.has(TraceRole::delay)) return;
    const std::string_view text = field(fields, TraceRole::delay);
    const std::optional<Instant> delay = scan_number(text);
    if (delay && delay->value == kNoDelay) return;  // what save_trace writes for "none"
    if (!delay || delay->value < 0) fail(line, TraceRole::delay, text);
    const TraceColumn& column = header_.column[static_cast<std::size_t>(TraceRole::delay)];
    row.delay_s = delay->value / static_cast<double>(column.ticks_per_second);
  }
  [[nodiscard]] static std::string_view hint(TraceRole role, std::string_view found) {
    if (role == TraceRole::arrival) return day_first_hint(found);
    const bool tokens = role == TraceRole::input || role == TraceRole::output;
    const bool thousands = !found.empty() && (found.back() == 'k' || found.back() == 'K');
    return tokens && thousands ? "; write all digits: 0.8k may be 750 or 849" : std::string_view{};
  }
  [[noreturn]] void fail(std::size_t line, TraceRole role, std::string_view found) const {
    builder_.fail(line, text::format("column {}: expected {}, found {}{}",
                                     shown(header_.name[static_cast<std::size_t>(role)]),
                                     expected_in(role, dates_only_), shown(found), hint(role, found)));
  }

  TableHeader header_;
  const TraceFormat& format_;
  bool asked_;
  bool dates_only_;
  const GivenColumns& given_;
  char delimiter_;
  char thousands_;
  std::int32_t assumed_output_;
  std::int64_t usual_ticks_ = 1;  // of the name, or of the format
  std::int64_t ticks_per_second_ = 1;
  bool unit_known_ = false;
  TraceBuilder& builder_;
};

}  // namespace

Trace parse_csv(TextSource& text, const std::string& source, const TraceOptions& options) {
  const GivenColumns given(options.columns, source);
  TraceBuilder builder(source, options);
  const std::size_t comments = skip_comments(text);
  const char delimiter = sniffed_delimiter(text);
  RecordReader records(text, builder, delimiter, comments);
  std::vector<std::string_view> fields;
  if (!records.next(fields)) return builder.finish();
  const TraceFormat* asked = options.format == "auto" ? nullptr : &trace_format(options.format);
  if (asked != nullptr && asked->any_names) asked = nullptr;
  const TraceFormat& format = asked != nullptr ? *asked : recognised(fields);
  TableHeader header = read_header(fields, records.line(), asked, given, builder);
  bool more = header.is_row || records.next(fields);
  RowReader rows(std::move(header), format, asked != nullptr, given, delimiter, options, builder);
  if (text.ended())
    builder.reserve(static_cast<std::size_t>(std::count(text.rest().begin(), text.rest().end(), '\n')));
  for (; more; more = records.next(fields)) {
    if (builder.rows() == 0) rows.look_at_numbers(fields);
    const TraceRow row = rows.read(fields, records.line());
    if (builder.rows() == 0) rows.describe(row, fields);
    builder.add(row);
  }
  return builder.finish();
}

}  // namespace gpushare
