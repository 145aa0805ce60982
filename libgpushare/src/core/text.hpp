#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

/// Messages by the grammar of std::format, without the format library in every source that words one.
namespace gpushare::text {

/// A number, a character or a piece of text, for as long as the call that takes it.
class Value {
 public:
  enum class Kind : std::uint8_t { signed_whole, unsigned_whole, real, character, words };

  Value(std::string_view value) : kind_(Kind::words), words_(value) {}
  Value(const std::string& value) : Value(std::string_view(value)) {}
  Value(const char* value) : Value(std::string_view(value)) {}
  Value(char value) : kind_(Kind::character), character_(value) {}
  Value(double value) : kind_(Kind::real), real_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, char> && !std::same_as<T, bool>) Value(T value)
      : kind_(std::is_signed_v<T> ? Kind::signed_whole : Kind::unsigned_whole) {
    if constexpr (std::is_signed_v<T>) {
      signed_ = value;
    } else {
      unsigned_ = value;
    }
  }

  /// Calls the visitor with what it holds.
  template <class Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    switch (kind_) {
      case Kind::signed_whole:
        return visitor(signed_);
      case Kind::unsigned_whole:
        return visitor(unsigned_);
      case Kind::real:
        return visitor(real_);
      case Kind::character:
        return visitor(character_);
      case Kind::words:
        break;
    }
    return visitor(words_);
  }

 private:
  Kind kind_;
  union {
    std::int64_t signed_;
    std::uint64_t unsigned_;
    double real_;
    char character_;
    std::string_view words_;
  };
};

/// A pattern for so many values: `{}`, `{:.3g}`, in order. Another number of places does not compile.
template <std::size_t count>
class Pattern {
 public:
  template <std::size_t length>
  consteval Pattern(const char (&pattern)[length]) : pattern_(pattern, length - 1) {
    if (places(pattern_) != count) throw "as many {} as values";
  }
  [[nodiscard]] constexpr std::string_view get() const { return pattern_; }

 private:
  static consteval std::size_t places(std::string_view pattern) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] != '{' && pattern[i] != '}') continue;
      const bool doubled = i + 1 < pattern.size() && pattern[i + 1] == pattern[i];
      if (doubled) {
        ++i;
      } else if (pattern[i] == '{') {
        ++found;
        i = pattern.find('}', i);
        if (i == std::string_view::npos) throw "an open { without }";
      } else {
        throw "a } without {";
      }
    }
    return found;
  }

  std::string_view pattern_;
};

[[nodiscard]] std::string format_values(std::string_view pattern, std::span<const Value> values);

/// text::format("{} of {:.1f} GB", name, bytes / 1e9)
template <class... Values>
[[nodiscard]] std::string format(Pattern<sizeof...(Values)> pattern, const Values&... values) {
  const Value all[] = {Value(values)...};
  return format_values(pattern.get(), all);
}

/// ASCII letters; the rest as it is.
[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] std::string lower_case(std::string_view text);
/// Without the space around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// The elements with a separator between them.
template <class Range>
[[nodiscard]] std::string join(const Range& range, std::string_view separator) {
  std::string all;
  bool first = true;
  for (const auto& element : range) {
    if (!first) all += separator;
    first = false;
    const Value value[] = {Value(element)};
    all += format_values("{}", value);
  }
  return all;
}

}  // namespace gpushare::text
