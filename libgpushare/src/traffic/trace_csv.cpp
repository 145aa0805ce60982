#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "traffic/trace_builder.hpp"
#include "traffic/trace_columns.hpp"
#include "traffic/trace_formats.hpp"
#include "traffic/trace_scan.hpp"

namespace gpushare {
namespace {

/// Cuts a CSV into records of fields, without copying any but those with doubled quotes.
class RecordReader {
 public:
  RecordReader(std::string_view text, const TraceBuilder& builder) : text_(text), builder_(builder) {}

  /// The next record that is not a blank line; false at the end.
  [[nodiscard]] bool next(std::vector<std::string_view>& fields);
  /// Line on which the record began.
  [[nodiscard]] std::size_t line() const { return record_line_; }

 private:
  [[nodiscard]] std::string_view plain_field();
  [[nodiscard]] std::string_view quoted_field();
  [[nodiscard]] bool at_end_of_field() const;
  [[nodiscard]] bool end_of_record();

  std::string_view text_;
  const TraceBuilder& builder_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 1;
  std::deque<std::string> unescaped_;  // of this record; a deque does not move them
};

bool RecordReader::next(std::vector<std::string_view>& fields) {
  while (at_ < text_.size()) {
    fields.clear();
    unescaped_.clear();
    record_line_ = line_;
    do {
      fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted_field() : plain_field());
    } while (!end_of_record());
    if (fields.size() > 1 || !trimmed(fields.front()).empty()) return true;
  }
  return false;
}

std::string_view RecordReader::plain_field() {
  const std::size_t start = at_;
  while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') ++at_;
  std::size_t end = at_;
  const bool last = at_ == text_.size() || text_[at_] == '\n';
  if (last && end > start && text_[end - 1] == '\r') --end;
  return text_.substr(start, end - start);
}

std::string_view RecordReader::quoted_field() {
  std::string_view field;
  bool escaped = false;
  for (std::size_t start = ++at_;;) {
    const std::size_t quote = text_.find('"', at_);
    if (quote == std::string_view::npos) builder_.fail(record_line_, "a quoted field has no closing quote");
    at_ = quote + 1;
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
                  fmt::format("expected a comma or the end of the line after the quoted field {}, found {}",
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
  if (at_ == text_.size()) return true;
  if (text_[at_++] == ',') return false;
  ++line_;
  return true;
}

/// Which columns hold what.
struct Header {
  std::size_t fields = 0;
  std::array<std::size_t, kTraceRoles> index{};
  std::array<std::string, kTraceRoles> name;
  std::int64_t ticks_per_second = 1;
};

TraceColumn azure_column(std::string_view name) {
  const bool known =
      same_name(name, "TIMESTAMP") || same_name(name, "ContextTokens") || same_name(name, "GeneratedTokens");
  return known ? trace_column(name) : TraceColumn{};
}

Header read_header(const std::vector<std::string_view>& fields, std::size_t line, bool azure,
                   const TraceBuilder& builder) {
  Header header;
  header.fields = fields.size();
  std::array<bool, kTraceRoles> seen{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = trimmed(fields[i]);
    const TraceColumn column = azure ? azure_column(name) : trace_column(name);
    if (column.role == TraceRole::other) continue;
    const auto role = static_cast<std::size_t>(column.role);
    if (seen[role]) {
      builder.fail(line, fmt::format("columns {} and {} both name {}; keep one of them",
                                     shown(header.name[role]), shown(name), role_name(column.role)));
    }
    seen[role] = true;
    header.index[role] = i;
    header.name[role] = std::string(name);
    if (column.role == TraceRole::arrival) header.ticks_per_second = column.ticks_per_second;
  }
  const std::vector<std::string> found(fields.begin(), fields.end());
  for (const TraceRole role : {TraceRole::arrival, TraceRole::input, TraceRole::output}) {
    if (seen[static_cast<std::size_t>(role)]) continue;
    if (azure) {
      builder.fail(line, fmt::format("no column names {}; an azure trace begins with the line "
                                     "TIMESTAMP,ContextTokens,GeneratedTokens",
                                     role_name(role)));
    }
    builder.fail(line, missing_role(role, found, "column of the header line"));
  }
  return header;
}

/// Turns the fields of a record into a row.
class RowReader {
 public:
  RowReader(Header header, bool azure, const TraceBuilder& builder)
      : header_(std::move(header)), azure_(azure), builder_(builder) {}

  [[nodiscard]] TraceRow read(const std::vector<std::string_view>& fields, std::size_t line) const {
    if (fields.size() != header_.fields) {
      builder_.fail(line, fmt::format("expected {} fields as in the header line, found {}", header_.fields,
                                      fields.size()));
    }
    TraceRow row{line, {}, header_.ticks_per_second, 0, 0};
    row.arrival = arrival(fields, line);
    row.input_tokens = tokens(fields, line, TraceRole::input);
    row.output_tokens = tokens(fields, line, TraceRole::output);
    return row;
  }

 private:
  [[nodiscard]] Instant arrival(const std::vector<std::string_view>& fields, std::size_t line) const {
    const std::string_view text =
        trimmed(fields[header_.index[static_cast<std::size_t>(TraceRole::arrival)]]);
    const std::optional<Instant> instant = azure_ ? scan_date(text) : scan_instant(text);
    if (!instant) fail(line, TraceRole::arrival, text);
    return *instant;
  }
  [[nodiscard]] std::int32_t tokens(const std::vector<std::string_view>& fields, std::size_t line,
                                    TraceRole role) const {
    const std::string_view text = trimmed(fields[header_.index[static_cast<std::size_t>(role)]]);
    const std::optional<std::int64_t> count = scan_integer(text);
    if (!count || *count < 0 || *count > kMaxTokens) fail(line, role, text);
    return static_cast<std::int32_t>(*count);
  }
  [[noreturn]] void fail(std::size_t line, TraceRole role, std::string_view found) const {
    builder_.fail(line, fmt::format("column {}: expected {}, found {}",
                                    shown(header_.name[static_cast<std::size_t>(role)]),
                                    expected_in(role, azure_), shown(found)));
  }

  Header header_;
  bool azure_;
  const TraceBuilder& builder_;
};

}  // namespace

Trace parse_csv(std::string_view text, const std::string& source, bool azure, bool keep_empty) {
  TraceBuilder builder(source, keep_empty);
  RecordReader records(text, builder);
  std::vector<std::string_view> fields;
  if (!records.next(fields)) return builder.finish();
  const RowReader rows(read_header(fields, records.line(), azure, builder), azure, builder);
  builder.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
  while (records.next(fields)) builder.add(rows.read(fields, records.line()));
  return builder.finish();
}

void append_rows(std::string& out, const Trace& trace, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) {
    fmt::format_to(std::back_inserter(out), "{},{},{}\n", trace.arrival_s[i], trace.input_tokens[i],
                   trace.output_tokens[i]);
  }
}

}  // namespace gpushare
