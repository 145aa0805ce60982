#include "core/json_reader.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/also_called.hpp"
#include "core/number_words.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::json {
namespace {

constexpr std::size_t kLongestQuote = 60;

// What stands in the document, short enough for a message.
std::string found(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return text::format("an array of {}", value.size());
  std::string text = value.dump(-1, ' ', true);  // ASCII, so that it can be cut anywhere
  if (text.size() > kLongestQuote) text = text.substr(0, kLongestQuote) + "...";
  return text;
}

std::string escape(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string describe(const Range& range) {
  const bool below = std::isfinite(range.max);
  if (!std::isfinite(range.min)) return below ? text::format("a number <= {}", range.max) : "a finite number";
  if (range.min_open) {
    return below ? text::format("a number > {} and <= {}", range.min, range.max)
                 : text::format("a number > {}", range.min);
  }
  return below ? text::format("a number between {} and {}", range.min, range.max)
               : text::format("a number >= {}", range.min);
}

std::string describe(std::int64_t min, std::int64_t max) {
  const bool above = min != std::numeric_limits<std::int64_t>::min();
  const bool below = max != std::numeric_limits<std::int64_t>::max();
  if (above && below) return text::format("a whole number between {} and {}", min, max);
  if (above) return text::format("a whole number >= {}", min);
  return below ? text::format("a whole number <= {}", max) : "a whole number";
}

// A number above 0 with a unit: "10Gi", "512MiB", "80GB", "80gb".
std::optional<double> bytes_of(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = nlohmann::json::parse(text.substr(0, digits), nullptr, false);
  std::string written(text::trimmed(text.substr(digits)));
  constexpr std::array<std::string_view, 8> kSmall = {"kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib"};
  if (std::find(kSmall.begin(), kSmall.end(), written) != kSmall.end()) {
    written.back() = 'B';
    if (written != "kB") written.front() = static_cast<char>(written.front() - 'a' + 'A');
  }
  std::string_view unit = written;
  if (!number.is_number() || !(number.get<double>() > 0)) return std::nullopt;
  if (unit.ends_with('B')) unit.remove_suffix(1);
  const bool binary = unit.ends_with('i');
  if (binary) unit.remove_suffix(1);
  constexpr std::string_view kUnits = "KMGT";
  const auto power = unit == "k" && !binary ? 0
                     : unit.size() == 1     ? kUnits.find(unit.front())
                                            : std::string_view::npos;
  if (power == std::string_view::npos) return std::nullopt;
  return number.get<double>() * std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
}

// Nothing for fractions and for what an int64 cannot hold.
std::optional<std::int64_t> whole(const nlohmann::json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  constexpr double kExact = 9007199254740992;  // 2^53
  if (std::floor(number) != number || std::abs(number) > kExact) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

// Members of an object that are told instead of a missing one; of more most are its own.
constexpr std::size_t kFew = 3;

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  const auto near = nearest(name, names);
  return near ? text::format("; did you mean \"{}\"?", *near) : "";
}

std::string one_of(const std::vector<std::string>& names) {
  return text::format("{}\"{}\"", names.size() > 1 ? "one of " : "", text::join(names, "\", \""));
}

// What others call so, else what is near to it.
std::string meant_by(const std::string& word, const std::vector<std::string>& known) {
  const auto meant =
      std::find_if(known.begin(), known.end(), [&](const auto& key) { return also_called(word, key); });
  return meant != known.end() ? text::format("; did you mean \"{}\"?", *meant) : did_you_mean(word, known);
}

}  // namespace

Reader::Reader(const nlohmann::json& value, std::string source, Thrower thrower)
    : value_(&value),
      source_(std::move(source)),
      thrower_(std::make_shared<const Thrower>(std::move(thrower))),
      known_(std::make_shared<std::set<std::string, std::less<>>>()) {}

Reader::Reader(const nlohmann::json& value, std::string pointer, const Reader& parent)
    : value_(&value),
      source_(parent.source_),
      pointer_(std::move(pointer)),
      thrower_(parent.thrower_),
      known_(std::make_shared<std::set<std::string, std::less<>>>()) {}

Reader Reader::child(std::string_view key, const nlohmann::json& value) const {
  return {value, pointer_ + "/" + escape(key), *this};
}

void Reader::ignore(std::string_view key) const {
  if (known_->find(key) == known_->end()) known_->emplace(key);
}

void Reader::require_object() const {
  if (!value_->is_object()) fail_expecting("an object");
}

void Reader::fail_expecting(const std::string& expected) const {
  fail(text::format("expected {}, found {}", expected, found(*value_)));
}

std::string Reader::where() const {
  return source_.empty() || pointer_.empty() ? source_ + pointer_ : source_ + "#" + pointer_;
}

void Reader::fail(const std::string& what) const {
  (*thrower_)(where(), what);
  throw Error(where(), what);
}

Reader Reader::at(std::string_view key) const {
  require_object();
  ignore(key);
  const auto member = value_->find(key);
  if (member != value_->end()) return child(key, *member);
  fail(text::format("the required key \"{}\" is missing{}", key, instead_of(*this, key)));
}

std::string slip_of(const Reader& reader, std::string_view key) {
  const std::vector<std::string> unknown = reader.unknown_keys();
  const auto other =
      std::find_if(unknown.begin(), unknown.end(), [&](const auto& name) { return also_called(name, key); });
  const auto slip = other != unknown.end() ? std::optional(*other) : nearest(key, unknown);
  return slip ? text::format("; is \"{}\" meant to be it?", *slip) : std::string();
}

std::string instead_of(const Reader& reader, std::string_view key) {
  std::string slip = slip_of(reader, key);
  const std::vector<std::string> unknown = reader.unknown_keys();
  if (!slip.empty() || unknown.empty() || unknown.size() > kFew) return slip;
  return text::format("; beside it the object has \"{}\"", text::join(unknown, "\", \""));
}

std::optional<Reader> Reader::find(std::string_view key) const {
  require_object();
  ignore(key);
  const auto member = value_->find(key);
  if (member == value_->end() || member->is_null()) return std::nullopt;
  return child(key, *member);
}

bool Reader::has(std::string_view key) const { return find(key).has_value(); }

Reader Reader::at(std::size_t index) const {
  if (!value_->is_array()) fail_expecting("an array");
  if (index >= value_->size())
    fail(text::format("expected at least {} elements, found {}", index + 1, value_->size()));
  return {(*value_)[index], text::format("{}/{}", pointer_, index), *this};
}

std::size_t Reader::size() const {
  if (!value_->is_array() && !value_->is_object()) fail_expecting("an array or an object");
  return value_->size();
}

std::vector<std::string> Reader::keys() const {
  require_object();
  std::vector<std::string> keys;
  keys.reserve(value_->size());
  for (const auto& [name, value] : value_->items()) keys.push_back(name);
  return keys;
}

double Reader::number(Range range) const {
  if (!value_->is_number()) fail_expecting_number(*this, describe(range));
  const double x = value_->get<double>();
  const bool legal = std::isfinite(x) && x <= range.max && (range.min_open ? x > range.min : x >= range.min);
  if (!legal) fail_expecting(describe(range));
  return x;
}

std::int64_t Reader::integer(std::int64_t min, std::int64_t max) const {
  const auto number = whole(*value_);
  if (!number || *number < min || *number > max) fail_expecting_number(*this, describe(min, max));
  return *number;
}

bool Reader::boolean() const {
  if (value_->is_boolean()) return value_->get<bool>();
  const std::string said = value_->is_string() ? text::lower_case(value_->get_ref<const std::string&>()) : "";
  const bool yes = said == "yes" || said == "on" || said == "true";
  const bool no = said == "no" || said == "off" || said == "false";
  fail(text::format("expected true or false, found {}{}", found(*value_),
                    yes  ? "; write true"
                    : no ? "; write false"
                         : ""));
}

std::string Reader::string() const {
  if (!value_->is_string()) fail_expecting("a string");
  return value_->get<std::string>();
}

std::size_t Reader::choice(std::span<const std::string_view> legal) const {
  const std::vector<std::string> names(legal.begin(), legal.end());
  const std::string listed = one_of(names);
  if (!value_->is_string()) fail_expecting(listed);
  const auto& text = value_->get_ref<const std::string&>();
  const auto match = std::find(names.begin(), names.end(), text);
  if (match == names.end())
    fail(text::format("expected {}, found {}{}", listed, found(*value_), meant_by(text, names)));
  return static_cast<std::size_t>(match - names.begin());
}

std::size_t Reader::choice(std::string_view key, std::span<const std::string_view> legal) const {
  if (const auto member = find(key)) return member->choice(legal);
  fail(text::format("the required key \"{}\" is missing, {}{}", key,
                    one_of(std::vector<std::string>(legal.begin(), legal.end())), instead_of(*this, key)));
}

double Reader::number(std::string_view key, double otherwise, Range range) const {
  const auto member = find(key);
  return member ? member->number(range) : otherwise;
}

std::int64_t Reader::integer(std::string_view key, std::int64_t otherwise, std::int64_t min,
                             std::int64_t max) const {
  const auto member = find(key);
  return member ? member->integer(min, max) : otherwise;
}

bool Reader::boolean(std::string_view key, bool otherwise) const {
  const auto member = find(key);
  return member ? member->boolean() : otherwise;
}

std::string Reader::string(std::string_view key, const std::string& otherwise) const {
  const auto member = find(key);
  return member ? member->string() : otherwise;
}

bool Reader::is_object() const { return value_->is_object(); }
bool Reader::is_array() const { return value_->is_array(); }
bool Reader::is_string() const { return value_->is_string(); }
bool Reader::is_number() const { return value_->is_number(); }

std::vector<std::string> Reader::unknown_keys() const {
  std::vector<std::string> unknown;
  if (!value_->is_object()) return unknown;
  for (const auto& item : value_->items())
    if (known_->count(item.key()) == 0) unknown.push_back(item.key());
  return unknown;
}

void Reader::finish() const {
  const std::vector<std::string> unknown = unknown_keys();
  if (unknown.empty()) return;
  const std::vector<std::string> known(known_->begin(), known_->end());
  const std::string hint = meant_by(unknown.front(), known);
  fail(text::format("unknown key \"{}\"{} Known keys: {}", unknown.front(), hint.empty() ? "." : hint,
                    known.empty() ? "none" : text::join(known, ", ")));
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Damerau's distance with adjacent transpositions (optimal string alignment).
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

void fail_expecting_number(const Reader& reader, const std::string& expected) {
  const std::string where = reader.where();
  const std::string_view key = std::string_view(where).substr(where.rfind('/') + 1);
  const std::string meant = reader.is_string() ? number_meant(reader.string(), key) : "";
  reader.fail(text::format("expected {}, found {}{}", expected, found(reader.raw()), meant));
}

double bytes(const Reader& reader, std::string_view key, double otherwise) {
  const auto member = reader.find(key);
  if (!member) return otherwise;
  if (!member->is_string()) return member->number(kPositive);
  const auto size = bytes_of(member->string());
  if (!size)
    member->fail(text::format(
        "expected bytes, or a text with their unit such as \"10Gi\" (2^30) or \"80GB\" (10^9), found {}",
        found(member->raw())));
  return *size;
}

std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& names) {
  constexpr std::size_t kLongestName = 200;  // beyond it the table would cost more than the hint is worth
  if (name.size() > kLongestName) return std::nullopt;
  std::optional<std::string> best;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string& other : names) {
    if (other.size() > kLongestName) continue;
    const std::size_t d = edit_distance(name, other);
    if (d < least && d < std::max(name.size(), other.size())) {
      least = d;
      best = other;
    }
  }
  return best;
}

}  // namespace gpushare::json
