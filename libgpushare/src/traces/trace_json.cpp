#include "traces/trace_json.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "traces/trace_columns.hpp"

namespace gpushare {
namespace {

bool is_number_digit(char c) { return c >= '0' && c <= '9'; }

char closing(char bracket) { return bracket == '[' ? ']' : '}'; }

/// False for 1e999; 1e-999 is a zero to every reader.
bool is_finite(std::string_view number) {
  double value = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc::result_out_of_range) return std::isfinite(value);
  return std::isfinite(std::strtod(std::string(number).c_str(), nullptr));
}

/// Says what the JSON library finds wrong with a line.
class Diagnosis : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Diagnosis(std::string_view whole) : text_(whole) {}

  std::string text;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& problem) override {
    constexpr int kOutOfRange = 406;
    text = problem.id == kOutOfRange
               ? text::format("the number {} is too large", shown(token))
               : text::format("not a JSON object: broken at column {}, near {}{}", position, shown(token),
                              json::habit_of(text_, position > 0 ? position - 1 : 0));
    return false;
  }

 private:
  std::string_view text_;
};

}  // namespace

std::string json_mistake(std::string_view text) {
  Diagnosis diagnosis(text);
  static_cast<void>(nlohmann::json::sax_parse(text.begin(), text.end(), &diagnosis));
  return diagnosis.text;
}

std::string_view JsonScanner::fail() {
  broken_ = true;
  at_ = end_;
  return {};
}

void JsonScanner::spaces() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
}

char JsonScanner::peek() {
  spaces();
  return at_ == end_ ? '\0' : *at_;
}

bool JsonScanner::take(char c) {
  if (peek() != c || at_ == end_) {
    fail();
    return false;
  }
  ++at_;
  return true;
}

bool JsonScanner::open(char bracket) {
  if (!take(bracket)) return false;
  if (peek() != closing(bracket)) return true;
  ++at_;
  return false;
}

bool JsonScanner::next(char bracket) {
  if (broken_) return false;
  if (peek() == ',') {
    ++at_;
    return true;
  }
  static_cast<void>(take(closing(bracket)));
  return false;
}

std::string_view JsonScanner::key() {
  const std::string_view name = string();
  static_cast<void>(take(':'));
  return name;
}

std::string_view JsonScanner::string() {
  if (!take('"')) return {};
  const char* start = at_;
  for (; at_ != end_; ++at_) {
    const auto byte = static_cast<unsigned char>(*at_);
    if (byte == '"') return {start, static_cast<std::size_t>(at_++ - start)};
    if (byte == '\\' || byte >= 0x80) return escaped_string(start);
    if (byte < 0x20) break;
  }
  return fail();
}

// Escapes and UTF-8 are rare in traces: the JSON library checks and decodes them.
std::string_view JsonScanner::escaped_string(const char* start) {
  for (; at_ != end_ && *at_ != '"'; ++at_) {
    if (*at_ == '\\' && ++at_ == end_) return fail();
  }
  if (at_ == end_) return fail();
  ++at_;
  const nlohmann::json value = nlohmann::json::parse(start - 1, at_, nullptr, false);
  if (!value.is_string()) return fail();
  return unescaped_.emplace_back(value.get_ref<const std::string&>());
}

void JsonScanner::digits() {
  if (at_ == end_ || !is_number_digit(*at_)) fail();
  while (at_ != end_ && is_number_digit(*at_)) ++at_;
}

std::string_view JsonScanner::number() {
  spaces();
  const char* start = at_;
  if (at_ != end_ && *at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
  } else {
    digits();
  }
  bool whole = true;
  if (at_ != end_ && *at_ == '.') {
    whole = false;
    ++at_;
    digits();
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    whole = false;
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    digits();
  }
  if (broken_) return {};
  const std::string_view text{start, static_cast<std::size_t>(at_ - start)};
  const bool sure = (whole && text.size() < 300) || text.size() < 4;
  return sure || is_finite(text) ? text : fail();
}

bool JsonScanner::integers(std::vector<std::int64_t>& values) {
  const char* const before = at_;
  const std::size_t kept = values.size();
  if (peek() != '[') return false;
  for (bool more = open('['); more; more = next('[')) {
    spaces();
    std::int64_t value = 0;
    const char* start = at_;
    const auto [stop, error] = std::from_chars(start, end_, value);
    const bool zero_led = stop - start > 1 && (*start == '0' || (*start == '-' && start[1] == '0'));
    const bool whole = stop == end_ || (*stop != '.' && *stop != 'e' && *stop != 'E');
    if (error != std::errc{} || !whole || (zero_led && value != 0) || (zero_led && stop - start > 2)) {
      at_ = before;
      values.resize(kept);
      return false;
    }
    at_ = stop;
    values.push_back(value);
  }
  return !broken_;
}

void JsonScanner::literal(std::string_view word) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) != word) {
    fail();
    return;
  }
  at_ += word.size();
}

void JsonScanner::skip_scalar() {
  switch (peek()) {
    case '"':
      return static_cast<void>(string());
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return static_cast<void>(number());
  }
}

// Without recursion: a line may nest deeper than the stack is.
void JsonScanner::skip() {
  std::string nest;
  do {
    const char c = peek();
    if (c == '[' || c == '{') {
      if (open(c)) {
        nest += c;
        if (c == '{') static_cast<void>(key());
        continue;
      }
    } else {
      skip_scalar();
    }
    while (!broken_ && !nest.empty()) {
      if (next(nest.back())) {
        if (nest.back() == '{') static_cast<void>(key());
        break;
      }
      nest.pop_back();
    }
  } while (!broken_ && !nest.empty());
}

bool JsonScanner::finished() {
  spaces();
  return !broken_ && at_ == end_;
}

bool is_json(std::string_view text) {
  JsonScanner scanner(text);
  scanner.skip();
  return scanner.finished();
}

}  // namespace gpushare
