#include <algorithm>
#include <array>
#include <set>

#include "gpushare/json_rows.hpp"
#include "traces/trace_json.hpp"

namespace gpushare {
namespace {

/// The text of the next value, which is passed over.
std::string_view value(JsonScanner& json, std::string_view text) {
  static_cast<void>(json.peek());
  const std::size_t before = text.size() - json.left();
  json.skip();
  return text.substr(before, text.size() - json.left() - before);
}

/// Appends a value that may go over several lines.
void append_in_one_line(std::string& to, std::string_view value) {
  const std::size_t start = to.size();
  to += value;
  std::replace(to.begin() + static_cast<std::ptrdiff_t>(start), to.end(), '\n', ' ');
  std::replace(to.begin() + static_cast<std::ptrdiff_t>(start), to.end(), '\r', ' ');
}

/// Names of columns as they are written, with what stands before their values.
struct ColumnNames {
  std::vector<std::string> before;
  std::set<std::string_view> seen;

  /// False for one that is there already.
  bool add(std::string_view quoted) {
    before.push_back((before.empty() ? "{" : ", ") + std::string(quoted) + ": ");
    return seen.insert(quoted).second;
  }
};

/// The values of a column: a list's, or those of an object whose names are "0", "1", ...
std::optional<std::vector<std::string_view>> column_values(JsonScanner& json, std::string_view text) {
  std::vector<std::string_view> values;
  const char bracket = json.peek();
  if (bracket != '[' && bracket != '{') return std::nullopt;
  for (bool more = json.open(bracket); more; more = json.next(bracket)) {
    if (bracket == '{' && json.key() != std::to_string(values.size())) return std::nullopt;
    values.push_back(value(json, text));
  }
  return values;
}

/// Spans inside of a document, by the names of the lists around them.
class Spans {
 public:
  explicit Spans(std::string_view text) : text_(text), json_(text) {}

  std::optional<std::vector<std::string>> read() {
    if (json_.peek() != '{') return std::nullopt;
    const bool carried = carries();
    const bool good = carried ? read_list(0) : read_span();
    if (!good || !json_.finished()) return std::nullopt;
    return std::move(lines_);
  }

 private:
  static constexpr std::array<std::string_view, 3> kLists = {"resourceSpans", "scopeSpans", "spans"};

  /// Whether it has a list of resources; a document with two has to be looked at by a reader of all JSON.
  [[nodiscard]] bool carries() const {
    JsonScanner json(text_);
    for (bool more = json.open('{'); more; more = json.next('{')) {
      if (json.key() == kLists.front()) return json.peek() == '[';
      json.skip();
    }
    return false;
  }

  /// An object that has a list of that depth once, or not at all; its elements are read.
  bool read_list(std::size_t depth) {
    if (json_.peek() != '{') return false;
    bool seen = false;
    for (bool more = json_.open('{'); more; more = json_.next('{')) {
      if (json_.key() != kLists[depth]) {
        json_.skip();
        continue;
      }
      if (std::exchange(seen, true) || json_.peek() != '[') return false;
      for (bool element = json_.open('['); element; element = json_.next('[')) {
        if (!(depth + 1 == kLists.size() ? read_span() : read_list(depth + 1))) return false;
      }
    }
    return !json_.broken();
  }

  bool read_span() {
    if (json_.peek() != '{') return false;
    std::string times, attributes;
    bool seen = false;
    names_.clear();
    for (bool more = json_.open('{'); more; more = json_.next('{')) {
      const std::string_view name = json_.key();
      if (json_.broken()) return false;
      if (name == "attributes") {
        if (std::exchange(seen, true) || !read_attributes(attributes)) return false;
      } else if (name.ends_with("UnixNano")) {
        if (!put(times, name, value(json_, text_))) return false;
      } else {
        json_.skip();
      }
    }
    if (json_.broken() || !seen) return false;
    const std::string line =
        "{" + times + (times.empty() || attributes.empty() ? "" : ", ") + attributes + "}";
    const bool tells =
        line.find("input_tokens") != std::string::npos || line.find("prompt_tokens") != std::string::npos;
    if (tells) lines_.push_back(line);
    return true;
  }

  /// [{"key": "a", "value": {"intValue": "7"}}, ...], each with these two members and plain values.
  bool read_attributes(std::string& to) {
    if (json_.peek() != '[') return false;
    for (bool more = json_.open('['); more; more = json_.next('[')) {
      if (json_.peek() != '{' || !json_.open('{') || json_.key() != "key" || json_.peek() != '"')
        return false;
      const std::string_view name = json_.string();
      if (json_.broken() || !json_.next('{') || json_.key() != "value" || json_.peek() != '{') return false;
      if (!json_.open('{')) return false;
      const std::string_view kind = json_.key();
      if (json_.broken() || !put_attribute(to, name, kind)) return false;
      if (json_.next('{') || json_.broken() || json_.next('{') || json_.broken()) return false;
    }
    return !json_.broken();
  }

  bool put_attribute(std::string& to, std::string_view name, std::string_view kind) {
    const char c = json_.peek();
    if (c == '{' || c == '[' || c == 'n') {
      json_.skip();
      return true;  // no plain value
    }
    std::string_view written = value(json_, text_);
    if (kind == "intValue") {
      if (c == '"') written = written.substr(1, written.size() - 2);
      constexpr std::size_t kMostDigits = 18;
      const bool digits =
          std::all_of(written.begin(), written.end(), [](char d) { return d >= '0' && d <= '9'; });
      if (written.empty() || written.size() > kMostDigits || !digits) return false;
      if (written.size() > 1 && written.front() == '0') return false;
    }
    return put(to, name, written);
  }

  /// False for a name that is there already, or has to be escaped.
  bool put(std::string& to, std::string_view name, std::string_view written) {
    const auto plain = [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; };
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return false;
    if (!std::all_of(name.begin(), name.end(), plain)) return false;
    names_.emplace_back(name);
    if (!to.empty()) to += ", ";
    to += '"';
    to += name;
    to += "\": ";
    append_in_one_line(to, written);
    return true;
  }

  std::string_view text_;
  JsonScanner json_;
  std::vector<std::string> names_;
  std::vector<std::string> lines_;
};

}  // namespace

std::optional<std::string> lines_of_rows(std::string_view names_text, std::string_view rows) {
  ColumnNames names;
  JsonScanner head(names_text);
  if (head.peek() != '[') return std::nullopt;
  for (bool more = head.open('['); more; more = head.next('[')) {
    if (head.peek() != '"' || !names.add(value(head, names_text))) return std::nullopt;
  }
  std::string lines;
  lines.reserve(3 * rows.size());
  JsonScanner json(rows);
  if (json.peek() != '[' || names.before.empty()) return std::nullopt;
  for (bool more = json.open('['); more; more = json.next('[')) {
    if (json.peek() != '[') return std::nullopt;
    std::size_t column = 0;
    for (bool inner = json.open('['); inner; inner = json.next('['), ++column) {
      if (column == names.before.size()) return std::nullopt;
      lines += names.before[column];
      append_in_one_line(lines, value(json, rows));
    }
    if (column != names.before.size()) return std::nullopt;
    lines += "}\n";
  }
  if (!head.finished() || !json.finished()) return std::nullopt;
  return lines;
}

std::optional<std::string> lines_of_columns(std::string_view text) {
  ColumnNames names;
  std::vector<std::vector<std::string_view>> columns;
  JsonScanner json(text);
  if (json.peek() != '{') return std::nullopt;
  for (bool more = json.open('{'); more; more = json.next('{')) {
    static_cast<void>(json.peek());
    const std::size_t before = text.size() - json.left();
    static_cast<void>(json.string());
    if (json.broken() || !names.add(text.substr(before, text.size() - json.left() - before)))
      return std::nullopt;
    if (!json.pass(':')) return std::nullopt;
    auto values = column_values(json, text);
    if (!values || (!columns.empty() && values->size() != columns.front().size())) return std::nullopt;
    columns.push_back(std::move(*values));
  }
  if (!json.finished() || columns.empty()) return std::nullopt;
  std::string lines;
  for (std::size_t row = 0; row < columns.front().size(); ++row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      lines += names.before[i];
      append_in_one_line(lines, columns[i][row]);
    }
    lines += "}\n";
  }
  return lines;
}

std::optional<std::vector<std::string>> lines_of_spans(std::string_view text) { return Spans(text).read(); }

}  // namespace gpushare
