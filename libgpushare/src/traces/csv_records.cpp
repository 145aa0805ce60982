#include "traces/csv_records.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "traces/trace_columns.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

constexpr std::array<char, 4> kDelimiters = {',', ';', '\t', '|'};

struct Cut {
  std::size_t known = 0;  // fields whose name has a meaning
  std::size_t fields = 1;
};

/// How a line falls apart at a delimiter outside of quotes; a field beyond the first thousand is not looked at.
Cut cut_at(std::string_view line, char delimiter) {
  constexpr std::size_t kMost = 1'000;
  Cut cut{0, 0};
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= line.size() && cut.fields < kMost; ++i) {
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    if (i < line.size() && (quoted || line[i] != delimiter)) continue;
    std::string_view name = trimmed(line.substr(start, i - start));
    if (name.size() > 1 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    if (trace_column(name).role != TraceRole::other) ++cut.known;
    ++cut.fields;
    start = i + 1;
  }
  return cut;
}

}  // namespace

std::string_view delimiter_name(char delimiter) {
  switch (delimiter) {
    case ';':
      return "semicolon";
    case '\t':
      return "tab";
    case '|':
      return "bar";
    default:
      return "comma";
  }
}

char sniffed_delimiter(TextSource& text) {
  const std::string_view line = text.first_line();
  char best = ',';
  Cut most = cut_at(line, ',');
  for (const char delimiter : kDelimiters) {
    const Cut cut = cut_at(line, delimiter);
    if (cut.known < most.known || (cut.known == most.known && cut.fields <= most.fields)) continue;
    best = delimiter;
    most = cut;
  }
  return best;
}

std::size_t skip_comments(TextSource& text) {
  for (std::size_t lines = 0;;) {
    const std::string_view line = text.first_line();
    if (line.empty() || line.front() != '#') return lines;
    const std::size_t before = static_cast<std::size_t>(line.data() - text.rest().data());
    const std::string_view names = line.substr(1);
    const bool named = std::any_of(kDelimiters.begin(), kDelimiters.end(),
                                   [&](char delimiter) { return cut_at(names, delimiter).known > 1; });
    const std::string_view passed = text.rest().substr(0, before + (named ? 1 : line.size() + 1));
    lines += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
    text.consume(passed.size());
    if (named) return lines;
  }
}

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
  while (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n') ++at_;
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
                  text::format("expected a {} or the end of the line after the quoted field {}, found {}",
                               delimiter_name(delimiter_), shown(field), shown(text_.substr(at_, 1))));
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
  return rest.empty() || rest.front() == delimiter_ || rest.front() == '\n' || rest == "\r\n" || rest == "\r";
}

bool RecordReader::end_of_record() {
  if (at_ == text_.size()) {
    whole_ = whole_ && source_.ended();
    return true;
  }
  if (text_[at_++] == delimiter_) return false;
  ++line_;
  return true;
}

}  // namespace gpushare
