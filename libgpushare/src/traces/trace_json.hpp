#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace gpushare {

/// Reads one JSON value from left to right, strictly (RFC 8259, UTF-8), without copying what has no escapes.
///
/// After a mistake `broken()` stays true and every call returns false or nothing.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  [[nodiscard]] bool broken() const { return broken_; }
  /// The first character of the next value, not consumed; 0 at the end.
  [[nodiscard]] char peek();
  /// Consumes `[` or `{`; true when an element follows, false when it is empty.
  [[nodiscard]] bool open(char bracket);
  /// After an element: true when another one follows, false at the closing bracket, which is consumed.
  [[nodiscard]] bool next(char bracket);
  /// A member's name and its colon.
  [[nodiscard]] std::string_view key();
  /// The text of a string.
  [[nodiscard]] std::string_view string();
  /// The text of a number; one beyond a double is a mistake.
  [[nodiscard]] std::string_view number();
  /// An array of whole numbers, appended; false, and nothing consumed, when it is something else.
  [[nodiscard]] bool integers(std::vector<std::int64_t>& values);
  /// Any value, checked and passed over.
  void skip();
  /// Consumes a character between values, such as the colon behind a name; false, and broken, where another stands there.
  bool pass(char c) { return take(c); }
  /// Bytes that are not consumed.
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// True when nothing follows but spaces.
  [[nodiscard]] bool finished();

 private:
  void spaces();
  bool take(char c);
  void literal(std::string_view word);
  void digits();
  void skip_scalar();
  std::string_view escaped_string(const char* start);
  std::string_view fail();

  const char* at_;
  const char* end_;
  bool broken_ = false;
  std::deque<std::string> unescaped_;  // a deque does not move them
};

/// What the JSON library finds wrong with a text; empty for a JSON value.
[[nodiscard]] std::string json_mistake(std::string_view text);

/// Whether the text is one JSON value; what a scanner accepts and refuses, for tests.
[[nodiscard]] bool is_json(std::string_view text);

}  // namespace gpushare
