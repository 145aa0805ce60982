#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "traces/text_source.hpp"
#include "traces/trace_builder.hpp"

namespace gpushare {

/// What separates the fields of a table, by its first line: the comma, semicolon, tab or bar that gives most columns
/// with a meaning, and otherwise most fields; a comma where nothing tells.
[[nodiscard]] char sniffed_delimiter(TextSource& text);
/// Passes over the lines before the names that begin with #, and over the # before the names themselves; how many lines.
[[nodiscard]] std::size_t skip_comments(TextSource& text);
/// comma, semicolon, tab or bar.
[[nodiscard]] std::string_view delimiter_name(char delimiter);

/// Cuts a CSV into records of fields, without copying any but those with doubled quotes. A record that the text in
/// hand does not hold whole is cut again when more has come.
class RecordReader {
 public:
  RecordReader(TextSource& source, const TraceBuilder& builder, char delimiter, std::size_t lines_before)
      : source_(source), builder_(builder), delimiter_(delimiter), line_(lines_before + 1) {}

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
  char delimiter_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_;
  std::size_t record_line_ = 1;
  bool whole_ = true;                  // the record does not go on after the text in hand
  std::deque<std::string> unescaped_;  // of this record; a deque does not move them
};

}  // namespace gpushare
