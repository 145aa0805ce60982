#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/random.hpp"

namespace gpushare::json {

/// What to throw: called with (where, what), never returns normally (Error is thrown if it does).
using Thrower = std::function<void(std::string where, const std::string& what)>;

/// Legal values of a number.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_open = false;
};
inline constexpr Range kPositive{0, std::numeric_limits<double>::infinity(), true};
inline constexpr Range kNonNegative{0, std::numeric_limits<double>::infinity(), false};
/// Seconds: as long as a run may last.
inline constexpr double kLongestSpan = 1e9;
inline constexpr Range kSpan{0, kLongestSpan, false};
inline constexpr Range kSpanAboveNone{0, kLongestSpan, true};
inline constexpr Range kFraction{0, 1, false};
inline constexpr Range kEfficiency{0, 1, true};

/// Containers may be nested this deep.
inline constexpr std::size_t kMaxDepth = 200;
/// A document has no more: whatever has is another file, or a device without an end.
inline constexpr std::size_t kMaxBytes = std::size_t{256} << 20;

/// Whether a file's name says that it is a document: "x.json", "x.yaml", "x.yml".
[[nodiscard]] bool has_document_name(std::string_view path);
/// The JSON text of a file: its own, or what the reader of YAML (gpushare/yaml.hpp) makes of it.
[[nodiscard]] std::string text_of_file(const std::string& path, const Thrower& thrower);
/// Reads and parses a file; errors name the file, line and column. Duplicate keys, numbers beyond a double, NaN,
/// comments, text that is not UTF-8 and nesting beyond kMaxDepth are refused.
[[nodiscard]] nlohmann::json load_file(const std::string& path, const Thrower& thrower);
/// The same of a text; `source` names it in messages and may be empty.
[[nodiscard]] nlohmann::json parse(std::string_view text, const std::string& source, const Thrower& thrower);

/// A cursor on a JSON value that knows its JSON pointer. Every member asked for is remembered, so that
/// `finish()` can refuse the unknown ones and suggest the nearest known name.
class Reader {
 public:
  /// `source` (a file name, may be empty) precedes the pointer in messages: "scenario.json#/traffic/0".
  Reader(const nlohmann::json& value, std::string source, Thrower thrower);

  // Keys are string views and these functions const, so that a literal 0 is never taken for a key.
  [[nodiscard]] Reader at(std::string_view key) const;  ///< required member of an object
  /// Optional member; null counts as absent.
  [[nodiscard]] std::optional<Reader> find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const;   ///< null counts as absent; the key is now known
  [[nodiscard]] Reader at(std::size_t index) const;     ///< element of an array
  [[nodiscard]] std::size_t size() const;               ///< of an array or object
  [[nodiscard]] std::vector<std::string> keys() const;  ///< of an object, ascending

  [[nodiscard]] double number(Range range = {}) const;  ///< finite, in range
  /// A whole number in [min, max]; 1e9 and 5.0 count as whole.
  [[nodiscard]] std::int64_t integer(std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                                     std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::string string() const;
  /// One of `legal`; the message lists them and suggests the nearest.
  [[nodiscard]] std::size_t choice(std::span<const std::string_view> legal) const;
  [[nodiscard]] std::size_t choice(std::initializer_list<std::string_view> legal) const {
    return choice(std::span(legal.begin(), legal.size()));
  }
  /// Of a member that must be there; where it is missing, the message lists them too.
  [[nodiscard]] std::size_t choice(std::string_view key, std::span<const std::string_view> legal) const;
  [[nodiscard]] std::size_t choice(std::string_view key,
                                   std::initializer_list<std::string_view> legal) const {
    return choice(key, std::span(legal.begin(), legal.size()));
  }
  /// A number >= 0 (constant), or {"kind": ..., parameters, "min": .., "max": ..} with the parameters of
  /// constant: value; uniform: low, high; exponential: mean; gamma: mean, shape; weibull, pareto: scale, shape;
  /// lognormal: mean, sigma or mu, sigma; zipf: exponent, count; empirical: values and optionally weights.
  [[nodiscard]] Distribution distribution() const;

  // The same with a default for an absent member of an object.
  [[nodiscard]] double number(std::string_view key, double otherwise, Range range = {}) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t otherwise,
                                     std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                                     std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  [[nodiscard]] bool boolean(std::string_view key, bool otherwise) const;
  [[nodiscard]] std::string string(std::string_view key, const std::string& otherwise) const;

  [[nodiscard]] bool is_object() const;
  [[nodiscard]] bool is_array() const;
  [[nodiscard]] bool is_string() const;
  [[nodiscard]] bool is_number() const;
  [[nodiscard]] const nlohmann::json& raw() const { return *value_; }
  [[nodiscard]] std::string where() const;  ///< source and pointer

  /// Marks a member as known without reading it ("description", "source").
  void ignore(std::string_view key) const;
  /// Members of this object that were never asked for.
  [[nodiscard]] std::vector<std::string> unknown_keys() const;
  /// Throws for the first of them.
  void finish() const;
  [[noreturn]] void fail(const std::string& what) const;

 private:
  Reader(const nlohmann::json& value, std::string pointer, const Reader& parent);
  [[nodiscard]] Reader child(std::string_view key, const nlohmann::json& value) const;
  void require_object() const;
  [[noreturn]] void fail_expecting(const std::string& expected) const;

  const nlohmann::json* value_;
  std::string source_;
  std::string pointer_;
  std::shared_ptr<const Thrower> thrower_;
  std::shared_ptr<std::set<std::string, std::less<>>> known_;
};

/// "; is "duration" meant to be it?" where an unknown key of an object is near to one that it lacks.
[[nodiscard]] std::string slip_of(const Reader& reader, std::string_view key);
/// The same, or where none is near the members that nobody has asked for yet, if they are few.
[[nodiscard]] std::string instead_of(const Reader& reader, std::string_view key);

/// "expected ..., found "32k"; write ...": with the number that a text in its place means.
[[noreturn]] void fail_expecting_number(const Reader& reader, const std::string& expected);

/// A member: bytes above 0 as a number, or a text with a unit, 10Gi or 10GiB (2^30), 80G or 80GB (10^9), with K, M, G, T.
[[nodiscard]] double bytes(const Reader& reader, std::string_view key, double otherwise);

/// Characters to add, drop or change, swapped neighbours counted once, to make one text of the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);
/// What other languages allow and JSON does not, where a text is broken, as the end of a message; mostly nothing.
[[nodiscard]] std::string_view habit_of(std::string_view text, std::size_t at);

/// The nearest of `names` by edit distance, when near enough to be a likely slip.
[[nodiscard]] std::optional<std::string> nearest(std::string_view name,
                                                 const std::vector<std::string>& names);

}  // namespace gpushare::json
