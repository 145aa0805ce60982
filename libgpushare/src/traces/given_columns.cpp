#include "traces/given_columns.hpp"

#include <algorithm>
#include <vector>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "traces/trace_builder.hpp"
#include "traces/trace_scan.hpp"

namespace gpushare {
namespace {

struct Key {
  std::string_view word;
  TraceRole role;
};
constexpr auto kKeys = std::to_array<Key>({{"arrival", TraceRole::arrival},
                                           {"input", TraceRole::input},
                                           {"output", TraceRole::output},
                                           {"session", TraceRole::session}});
constexpr std::string_view kExample =
    "write which column holds what, as in arrival=ts,input=prompt,output=reply; a number stands for as many "
    "tokens in "
    "all requests (input=1000), #2 for the second column; known: arrival, input, output, session";

const Key* key_of(std::string_view part) {
  const std::string_view word = trimmed(part.substr(0, part.find('=')));
  const auto found =
      std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& key) { return same_name(key.word, word); });
  return found == kKeys.end() || part.find('=') == std::string_view::npos ? nullptr : &*found;
}

/// The parts between commas; one that does not begin with a role belongs to the name before it.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string_view part = text.substr(at, end - at);
    if (parts.empty() || key_of(part) != nullptr)
      parts.emplace_back(part);
    else
      parts.back().append(",").append(part);
    at = end + 1;
  }
  return parts;
}

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw TraceError(source, "columns: " + what + "; " + std::string(kExample));
}

GivenColumn read_given(const Key& key, std::string_view value, const std::string& source) {
  GivenColumn given;
  if (value.empty()) fail(source, text::format("{} has no name", key.word));
  const auto number = scan_integer(value);
  const auto position = value.front() == '#' ? scan_integer(value.substr(1)) : std::nullopt;
  const bool tokens = key.role == TraceRole::input || key.role == TraceRole::output;
  if (number && tokens) {
    if (*number < 1 || *number > kMaxTokens)
      fail(source, text::format("{}: expected 1 to {} tokens, found {}", key.word, kMaxTokens, *number));
    given.constant = static_cast<std::int32_t>(*number);
  } else if (position && *position > 0) {
    given.position = static_cast<std::size_t>(*position);
  } else {
    given.name = std::string(value);
  }
  return given;
}

}  // namespace

GivenColumns::GivenColumns(const std::string& columns, const std::string& source) {
  if (trimmed(columns).empty()) return;
  for (const std::string& part : parts_of(columns)) {
    const Key* key = key_of(part);
    if (key == nullptr) fail(source, "found " + shown(part));
    GivenColumn& given = given_[static_cast<std::size_t>(key->role)];
    if (given.is_given()) fail(source, text::format("{} is given twice", key->word));
    given = read_given(*key, trimmed(std::string_view(part).substr(part.find('=') + 1)), source);
  }
}

TraceColumn GivenColumns::meaning(std::string_view name) const {
  for (const Key& key : kKeys) {
    const GivenColumn& given = (*this)[key.role];
    if (given.name.empty() || !loosely_same(given.name, name)) continue;
    TraceColumn column{key.role};
    if (key.role == TraceRole::arrival) read_unit(name, column);
    return column;
  }
  const TraceColumn known = trace_column(name);
  return (*this)[known.role].is_given() ? TraceColumn{} : known;
}

bool GivenColumns::has_names() const {
  return std::any_of(given_.begin(), given_.end(),
                     [](const GivenColumn& given) { return !given.name.empty(); });
}

bool GivenColumns::has_positions() const {
  return std::any_of(given_.begin(), given_.end(),
                     [](const GivenColumn& given) { return given.position > 0; });
}

std::string_view role_key(TraceRole role) {
  for (const Key& key : kKeys)
    if (key.role == role) return key.word;
  return {};
}

}  // namespace gpushare
