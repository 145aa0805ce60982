
#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "traces/text_source.hpp"
#include "traces/trace_builder.hpp"
#include "traces/trace_columns.hpp"
#include "traces/trace_formats.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

/// Cuts a CSV into records of fields, without copying any but those with doubled quotes. A record that the text in
/// hand does not hold whole is cut again when more has come.
class RecordReader {
 public:
  RecordReader(TextSource& source, const TraceBuilder& builder) : source_(source), builder_(builder) {}

  /// The next record that is not a blank line, valid until the next call; false at the end.
  [[nodiscard]] bool next(std::vector<std::string_view>& fields);
  /// Line on which the record began.
  [[nodiscard]] std::size_t line() const { return record_line_; }

 private:
  void cut(std::vector<std::string_view>& fields);
  [[nodiscard]] std::string_view plain_field();
  [[nodiscard]] std::string_view quoted_field();
  [[nodiscard]] std::string_view cut_short();
  [[nodiscard]] bool at_end_of_field() const;
  [[nodiscard]] bool end_of_record();

  TextSource& source_;
  const TraceBuilder& builder_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 1;
  bool whole_ = true;                  // the record does not go on after the text in hand
  std::deque<std::string> unescaped_;  // of this record; a deque does not move them
};

bool RecordReader::next(std::vector<std::string_view>& fields) {
  for (;;) {
    text_ = source_.rest();
    if (text_.empty() && source_.ended()) return false;
    record_line_ = line_;
    cut(fields);
    if (!whole_) {
      line_ = record_line_;
      source_.more();
      continue;
    }
    source_.consume(at_);
    if (fields.size() > 1 || !trimmed(fields.front()).empty()) return true;
  }
}

void RecordReader::cut(std::vector<std::string_view>& fields) {
  at_ = 0;
  whole_ = true;
  fields.clear();
  unescaped_.clear();
  do {
    fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted_field() : plain_field());
  } while (!end_of_record());
}

std::string_view RecordReader::plain_field() {
  const std::size_t start = at_;
  while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') ++at_;
  std::size_t end = at_;
  const bool last = at_ == text_.size() || text_[at_] == '\n';
  if (last && end > start && text_[end - 1] == '\r') --end;
  return text_.substr(start, end - start);
}

std::string_view RecordReader::cut_short() {
  at_ = text_.size();
  whole_ = false;
  return {};
}

std::string_view RecordReader::quoted_field() {
  std::string_view field;
  bool escaped = false;
  for (std::size_t start = ++at_;;) {
    const std::size_t quote = text_.find('"', at_);
    if (quote == std::string_view::npos && !source_.ended()) return cut_short();
    if (quote == std::string_view::npos) builder_.fail(record_line_, "a quoted field has no closing quote");
    at_ = quote + 1;
    if (text_.size() - at_ < 2 && !source_.ended()) return cut_short();  // what follows decides
    if (at_ < text_.size() && text_[at_] == '"') {
      escaped = true;
      ++at_;
      continue;
    }
    field = text_.substr(start, quote - start);
    break;
  }
  line_ += static_cast<std::size_t>(std::count(field.begin(), field.end(), '\n'));
  if (!at_end_of_field()) {
    builder_.fail(line_,
                  text::format("expected a comma or the end of the line after the quoted field {}, found {}",
                               shown(field), shown(text_.substr(at_, 1))));
  }
  if (at_ < text_.size() && text_[at_] == '\r') ++at_;
  if (!escaped) return field;
  std::string& copy = unescaped_.emplace_back();
  for (std::size_t i = 0; i < field.size(); ++i) {
    copy += field[i];
    if (field[i] == '"') ++i;
  }
  return copy;
}

bool RecordReader::at_end_of_field() const {
  const std::string_view rest = text_.substr(at_, 2);
  return rest.empty() || rest.front() == ',' || rest.front() == '\n' || rest == "\r\n" || rest == "\r";
}

bool RecordReader::end_of_record() {
  if (at_ == text_.size()) {
    whole_ = whole_ && source_.ended();
    return true;
  }
  if (text_[at_++] == ',') return false;
  ++line_;
  return true;
}

constexpr std::array<TraceRole, 7> kColumnRoles = {TraceRole::arrival, TraceRole::input,  TraceRole::output,
                                                   TraceRole::session, TraceRole::parent, TraceRole::delay,
                                                   TraceRole::images};

/// Which columns hold what.
struct Header {
  std::size_t fields = 0;
  std::array<std::size_t, kTraceRoles> index{};
  std::array<std::string, kTraceRoles> name;
  std::array<TraceColumn, kTraceRoles> column{};

  [[nodiscard]] bool has(TraceRole role) const {
    return column[static_cast<std::size_t>(role)].role != TraceRole::other;
  }
};

/// `asked`: the format whose columns are the only ones that count; null for none.
TraceColumn column_of(std::string_view name, const TraceFormat* asked) {
  const auto same = [&](std::string_view known) { return same_name(known, name); };
  if (asked != nullptr) {
    const auto& names = std::get<TraceColumns>(asked->rules).names;
    if (std::none_of(names.begin(), names.end(), same)) return {};
  }
  const TraceColumn column = trace_column(name);
  const bool known = std::find(kColumnRoles.begin(), kColumnRoles.end(), column.role) != kColumnRoles.end();
  return known ? column : TraceColumn{};
}

Header read_header(const std::vector<std::string_view>& fields, std::size_t line, const TraceFormat* asked,
                   const TraceBuilder& builder) {
  Header header;
  header.fields = fields.size();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = trimmed(fields[i]);
    const TraceColumn column = column_of(name, asked);
    if (column.role == TraceRole::other) continue;
    const auto role = static_cast<std::size_t>(column.role);
    if (header.has(column.role)) {
      builder.fail(line, text::format("columns {} and {} both name {}; keep one of them",
                                      shown(header.name[role]), shown(name), role_name(column.role)));
    }
    header.index[role] = i;
    header.name[role] = std::string(name);
    header.column[role] = column;
  }
  const std::vector<std::string> found(fields.begin(), fields.end());
  for (const TraceRole role : {TraceRole::arrival, TraceRole::input, TraceRole::output}) {
    if (header.has(role)) continue;
    if (asked != nullptr) {
      const bool vowel = std::string_view("aeiou").find(asked->name.front()) != std::string_view::npos;
      builder.fail(
          line, text::format("no column names {}; {} {} trace begins with the line {}", role_name(role),
                             vowel ? "an" : "a", asked->name, std::get<TraceColumns>(asked->rules).header));
    }
    builder.fail(line, missing_role(role, found, "column of the header line"));
  }
  return header;
}

/// Turns the fields of a record into a row.
class RowReader {
 public:
  RowReader(Header header, const TraceFormat& format, bool asked, const TraceOptions& options,
            TraceBuilder& builder)
      : header_(std::move(header)),
        format_(format),
        asked_(asked),
        dates_only_(asked && std::get<TraceColumns>(format.rules).dates_only),
        builder_(builder) {
    builder.keep({header_.has(TraceRole::session), header_.has(TraceRole::parent),
                  header_.has(TraceRole::delay), header_.has(TraceRole::images), false});
    const TraceColumn& arrival = header_.column[static_cast<std::size_t>(TraceRole::arrival)];
    usual_ticks_ = arrival.has_unit ? arrival.ticks_per_second : format.ticks_per_second;
    const std::int64_t chosen = chosen_ticks(options);
    ticks_per_second_ = chosen > 0 && !arrival.has_unit ? chosen : usual_ticks_;
    unit_known_ = chosen > 0 || arrival.has_unit || format.says_unit;
  }

  [[nodiscard]] TraceRow read(const std::vector<std::string_view>& fields, std::size_t line) {
    if (fields.size() != header_.fields) {
      builder_.fail(line, text::format("expected {} fields as in the header line, found {}", header_.fields,
                                       fields.size()));
    }
    TraceRow row;
    row.line = line;
    row.timed = true;
    row.arrival = arrival(fields, line);
    row.ticks_per_second = ticks_per_second_;
    row.unit_known = unit_known_;
    row.input_tokens = whole(fields, line, TraceRole::input, 0, kMaxTokens);
    row.output_tokens = whole(fields, line, TraceRole::output, 0, kMaxTokens);
    read_extra(row, fields, line);
    return row;
  }
  void describe(const TraceRow& first) {
    TraceOrigin& origin = builder_.origin();
    origin.format = format_.name;
    const auto role = static_cast<std::size_t>(TraceRole::arrival);
    origin.time_unit = first.arrival.is_date() ? "date" : unit_name(ticks_per_second_);
    const bool chosen = ticks_per_second_ != usual_ticks_;
    origin.reason = text::format(
        "{}; {}",
        asked_ ? "the format was given"
               : text::format("columns {}, {} and {}", shown(header_.name[role]),
                              shown(header_.name[static_cast<std::size_t>(TraceRole::input)]),
                              shown(header_.name[static_cast<std::size_t>(TraceRole::output)])),
        first.arrival.is_date()         ? "arrivals are dates"
        : chosen                        ? "the time unit was given"
        : header_.column[role].has_unit ? text::format("{} says its unit", shown(header_.name[role]))
        : format_.says_unit             ? text::format("{} counts {}", format_.name, origin.time_unit)
                                        : "no name says a unit, so seconds");
  }

 private:
  [[nodiscard]] std::string_view field(const std::vector<std::string_view>& fields, TraceRole role) const {
    return trimmed(fields[header_.index[static_cast<std::size_t>(role)]]);
  }
  [[nodiscard]] Instant arrival(const std::vector<std::string_view>& fields, std::size_t line) const {
    const std::string_view text = field(fields, TraceRole::arrival);
    const std::optional<Instant> instant = dates_only_ ? scan_date(text) : scan_instant(text);
    if (!instant) fail(line, TraceRole::arrival, text);
    return *instant;
  }
  [[nodiscard]] std::int32_t whole(const std::vector<std::string_view>& fields, std::size_t line,
                                   TraceRole role, std::int64_t min, std::int64_t max) const {
    const std::string_view text = field(fields, role);
    const std::optional<std::int64_t> count = scan_integer(text);
    if (!count || *count < min || *count > max) fail(line, role, text);
    return static_cast<std::int32_t>(*count);
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
  [[noreturn]] void fail(std::size_t line, TraceRole role, std::string_view found) const {
    builder_.fail(line, text::format("column {}: expected {}, found {}",
                                     shown(header_.name[static_cast<std::size_t>(role)]),
                                     expected_in(role, dates_only_), shown(found)));
  }

  Header header_;
  const TraceFormat& format_;
  bool asked_;
  bool dates_only_;
  std::int64_t usual_ticks_ = 1;  // of the name, or of the format
  std::int64_t ticks_per_second_ = 1;
  bool unit_known_ = false;
  TraceBuilder& builder_;
};

}  // namespace

Trace parse_csv(TextSource& text, const std::string& source, const TraceOptions& options) {
  TraceBuilder builder(source, options);
  RecordReader records(text, builder);
  std::vector<std::string_view> fields;
  if (!records.next(fields)) return builder.finish();
  const TraceFormat* asked = options.format == "auto" ? nullptr : &trace_format(options.format);
  if (asked != nullptr && asked->any_names) asked = nullptr;
  const TraceFormat& format = asked != nullptr ? *asked : recognised(fields);
  RowReader rows(read_header(fields, records.line(), asked, builder), format, asked != nullptr, options,
                 builder);
  if (text.ended())
    builder.reserve(static_cast<std::size_t>(std::count(text.rest().begin(), text.rest().end(), '\n')));
  while (records.next(fields)) {
    const TraceRow row = rows.read(fields, records.line());
    if (builder.rows() == 0) rows.describe(row);
    builder.add(row);
  }
  return builder.finish();
}

}  // namespace gpushare
