#include "hardware/layout_parser.hpp"

#include <charconv>

#include "core/catalogue.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(trim(text.substr(0, end)));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "me", "me@3": the second half of a "+me" name that split() tore off.
bool is_media_suffix(std::string_view part) {
  return part.starts_with("me") && (part.size() == 2 || part.find_first_of(" \t@(", 2) == 2);
}

// Commas between instances, as nvidia-smi takes them, become plus signs; those between compute instances stay.
std::string with_plus(std::string_view text) {
  std::string written(text);
  int depth = 0;
  for (char& c : written) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) c = '+';
  }
  return written;
}

std::vector<std::string> split_items(std::string_view text) {
  std::vector<std::string> items;
  const std::string written = with_plus(text);
  for (const auto part : split(written, '+')) {
    if (is_media_suffix(part) && !items.empty()) {
      items.back() += text::format("+{}", part);
    } else {
      items.emplace_back(part);
    }
  }
  return items;
}

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc() || result.ptr != end || number < 0) return std::nullopt;
  return number;
}

/// "3g" means the plain profile with three compute slices, "1g+me" the one with media extension.
bool is_short_name(const MigProfile& mig, std::string_view name) {
  return !mig.double_memory &&
         name == text::format("{}g{}", mig.compute_slices, mig.media_extension ? "+me" : "");
}

int find_profile(const GpuProfile& profile, std::string_view name, const std::string& item) {
  std::vector<std::string> names;
  std::vector<int> by_short_name;
  const auto id = number_of(name);  // as in nvidia-smi mig -cgi 19,19
  for (std::size_t i = 0; i < profile.mig.size(); ++i) {
    if (profile.mig[i].name == name || (id && profile.mig[i].id == *id)) return static_cast<int>(i);
    if (is_short_name(profile.mig[i], name)) by_short_name.push_back(static_cast<int>(i));
    names.push_back(profile.mig[i].name);
  }
  if (by_short_name.size() == 1) return by_short_name.front();
  throw LayoutError(item, text::format("{} has no instance profile \"{}\"{}; it has {}", profile.title, name,
                                       did_you_mean(name, names), text::join(names, ", ")));
}

/// Takes "(1c,2c)" off the end of `rest`.
std::vector<int> take_compute_instances(std::string_view& rest, const std::string& item) {
  const auto open = rest.find('(');
  if (open == rest.npos) return {};
  const auto fail = [&item]() -> LayoutError {
    return {item, "compute instances are written at the end, in brackets, as in 3g.40gb@0(1c,2c)"};
  };
  if (rest.back() != ')') throw fail();
  std::vector<int> sizes;
  for (auto part : split(rest.substr(open + 1, rest.size() - open - 2), ',')) {
    if (!part.ends_with('c')) throw fail();
    part.remove_suffix(1);
    const auto size = number_of(part);
    if (!size) throw fail();
    sizes.push_back(*size);
  }
  rest = trim(rest.substr(0, open));
  return sizes;
}

/// Takes "@4" off the end of `rest`.
std::optional<int> take_start(std::string_view& rest, const std::string& item) {
  const auto at = rest.find('@');
  if (at == rest.npos) return std::nullopt;
  const auto text = trim(rest.substr(at + 1));
  const auto start = number_of(text);
  if (!start) throw LayoutError(item, text::format("expected a memory slot after @, found \"{}\"", text));
  rest = trim(rest.substr(0, at));
  return start;
}

/// Takes "7x" off the front of `rest`.
int take_count(std::string_view& rest, const std::string& item) {
  const auto digits = rest.find_first_not_of("0123456789");
  if (digits == 0 || digits == rest.npos) return 1;
  const auto after = trim(rest.substr(digits));
  if (!after.starts_with('x')) return 1;
  const auto count = number_of(rest.substr(0, digits));
  if (!count || *count == 0)
    throw LayoutError(
        item, text::format("expected a count of at least 1 before x, found {}", rest.substr(0, digits)));
  rest = trim(after.substr(1));
  return *count;
}

LayoutItem parse_item(const GpuProfile& profile, std::string text) {
  LayoutItem item;
  std::string_view rest = text;
  item.compute_instances = take_compute_instances(rest, text);
  item.start = take_start(rest, text);
  item.count = take_count(rest, text);
  if (rest.empty())
    throw LayoutError(text, "expected an instance such as 3g.40gb@0 on both sides of every +");
  item.profile = find_profile(profile, rest, text);
  const auto& mig = profile.mig[static_cast<std::size_t>(item.profile)];
  if (item.start && item.count > 1) {
    throw LayoutError(text, text::format("{} instances cannot all start at {}; leave the start out",
                                         item.count, *item.start));
  }
  if (item.count > mig.max_count) {
    throw LayoutError(text, text::format("{} instances of {} wanted, at most {} fit on one GPU", item.count,
                                         mig.name, mig.max_count));
  }
  item.text = std::move(text);
  return item;
}

}  // namespace

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<LayoutItem> parse_items(const GpuProfile& profile, std::string_view text) {
  std::vector<LayoutItem> items;
  for (auto& part : split_items(text)) items.push_back(parse_item(profile, std::move(part)));
  return items;
}

}  // namespace gpushare
