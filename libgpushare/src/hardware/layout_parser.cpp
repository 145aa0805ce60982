#include "hardware/layout_parser.hpp"

#include <algorithm>
#include <numeric>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "hardware/instance_names.hpp"

namespace gpushare {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text::trimmed(text.substr(0, end)));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "me", "gfx@3", "me.all": what follows the + of a name that split() tore apart.
bool is_extension(std::string_view part) {
  const auto word = instance_names::plain(part.substr(0, part.find_first_of(" \t@(*:")));
  return word == "me" || word == "me.all" || word == "gfx";
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
    if (is_extension(part) && !items.empty()) {
      items.back() += text::format("+{}", part);
    } else {
      items.emplace_back(part);
    }
  }
  return items;
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
    const auto size = instance_names::number_of(part);
    if (!size) throw fail();
    sizes.push_back(*size);
  }
  rest = text::trimmed(rest.substr(0, open));
  return sizes;
}

/// Takes "@4" off the end of `rest`.
std::optional<int> take_start(std::string_view& rest, const std::string& item) {
  const auto at = rest.find('@');
  if (at == rest.npos) return std::nullopt;
  const auto text = text::trimmed(rest.substr(at + 1));
  const auto start = instance_names::number_of(text);
  if (!start) throw LayoutError(item, text::format("expected a memory slot after @, found \"{}\"", text));
  rest = text::trimmed(rest.substr(0, at));
  return start;
}

bool is_times(char c) { return c == 'x' || c == 'X' || c == '*'; }

std::optional<int> checked_count(std::optional<int> count, const std::string& item) {
  if (count && *count == 0) throw LayoutError(item, "expected a count of at least 1, found 0");
  return count;
}

/// Takes "7x" or "7*" off the front of `rest`.
std::optional<int> take_count_before(std::string_view& rest, const std::string& item) {
  const auto digits = rest.find_first_not_of("0123456789");
  if (digits == 0 || digits == rest.npos) return std::nullopt;
  const auto after = text::trimmed(rest.substr(digits));
  if (after.empty() || !is_times(after.front())) return std::nullopt;
  const auto count = instance_names::number_of(rest.substr(0, digits));
  if (!count) throw LayoutError(item, text::format("expected a count, found {}", rest.substr(0, digits)));
  rest = text::trimmed(after.substr(1));
  return checked_count(count, item);
}

/// Takes "*7" or "x7" off the end of `rest`.
std::optional<int> take_count_after(std::string_view& rest, const std::string& item) {
  const auto times = rest.find_last_not_of("0123456789 \t");
  if (times == rest.npos || times == 0 || !is_times(rest[times])) return std::nullopt;
  const auto count = instance_names::number_of(text::trimmed(rest.substr(times + 1)));
  if (count) rest = text::trimmed(rest.substr(0, times));
  return checked_count(count, item);
}

/// Takes ":4" off the end of `rest`.
std::optional<int> take_number(std::string_view& rest) {
  const auto colon = rest.rfind(':');
  if (colon == rest.npos) return std::nullopt;
  const auto number = instance_names::number_of(text::trimmed(rest.substr(colon + 1)));
  if (number) rest = text::trimmed(rest.substr(0, colon));
  return number;
}

/// Takes "1c." off the front of `name`.
std::optional<int> take_compute_size(std::string_view& name) {
  const auto letter = name.find("c.");
  if (letter == name.npos) return std::nullopt;
  const auto size = instance_names::number_of(name.substr(0, letter));
  if (size) name.remove_prefix(letter + 2);
  return size;
}

/// What a number after a colon says: nvidia-smi writes the slot that an instance starts at there, mig-parted a count.
void settle_number(LayoutItem& item, const MigProfile& mig, int number) {
  const bool starts = std::find(mig.starts.begin(), mig.starts.end(), number) != mig.starts.end();
  const bool counts = number >= 1 && number <= mig.max_count;
  if (starts && counts) {
    throw LayoutError(
        item.text, text::format("write {}@{} for the instance that starts at memory slot {}, or {}x{} for {}",
                                mig.name, number, number, number, mig.name,
                                number == 1 ? "one of them" : text::format("{} of them", number)));
  }
  if (starts) {
    item.start = number;
  } else {
    item.count = number;
  }
}

void check_item(const LayoutItem& item, const MigProfile& mig) {
  if (item.start && item.count > 1) {
    throw LayoutError(item.text, text::format("{} instances cannot all start at {}; leave the start out",
                                              item.count, *item.start));
  }
  const int most = mig.max_count * (item.part ? mig.compute_slices / *item.part : 1);
  if (item.count < 1 || item.count > most) {
    throw LayoutError(item.text, text::format("{} instances of {} wanted, at most {} fit on one GPU",
                                              item.count, mig.name, most));
  }
}

void check_part(const LayoutItem& item, const MigProfile& mig) {
  if (!item.part) return;
  if (!item.compute_instances.empty())
    throw LayoutError(item.text, text::format("write {}({}c,...) for more than one compute instance",
                                              mig.name, *item.part));
  if (*item.part < 1 || *item.part > mig.compute_slices)
    throw LayoutError(item.text, text::format("a compute instance of {} slices is not in {}, which has {}",
                                              *item.part, mig.name, mig.compute_slices));
}

LayoutItem parse_item(const GpuProfile& profile, std::string text) {
  LayoutItem item;
  item.text = std::move(text);
  std::string_view rest = item.text;
  item.compute_instances = take_compute_instances(rest, item.text);
  item.start = take_start(rest, item.text);
  auto count = take_count_before(rest, item.text);
  const auto number = take_number(rest);
  if (const auto after = take_count_after(rest, item.text)) {
    if (count || number) throw LayoutError(item.text, "expected one count, found two");
    count = after;
  }
  if (rest.empty())
    throw LayoutError(item.text, "expected an instance such as 3g.40gb@0 on both sides of every + and comma");
  item.count = count.value_or(1);
  const std::string plain = instance_names::plain(rest);
  std::string_view name = plain;
  item.part = take_compute_size(name);
  item.profile = instance_names::find(profile, name, item.text);
  const auto& mig = profile.mig[static_cast<std::size_t>(item.profile)];
  check_part(item, mig);
  if (number) {
    if (count || item.start) throw LayoutError(item.text, "expected one number beside the name, found two");
    settle_number(item, mig, *number);
  }
  check_item(item, mig);
  return item;
}

/// Puts compute instances that are written alone into instances, each into the last of its kind while it fits.
std::vector<LayoutItem> join_parts(const GpuProfile& profile, const std::vector<LayoutItem>& items) {
  std::vector<LayoutItem> joined;
  const auto room = [&](const LayoutItem& other, const LayoutItem& item) {
    const int used = std::accumulate(other.compute_instances.begin(), other.compute_instances.end(), 0);
    return other.part && other.profile == item.profile && (!item.start || item.start == other.start) &&
           used + *item.part <= profile.mig[static_cast<std::size_t>(item.profile)].compute_slices;
  };
  for (const LayoutItem& item : items) {
    if (!item.part) {
      joined.push_back(item);
      continue;
    }
    for (int i = 0; i < item.count; ++i) {
      auto other = std::find_if(joined.rbegin(), joined.rend(),
                                [&](const LayoutItem& each) { return room(each, item); });
      if (other == joined.rend()) {
        joined.push_back(item);
        joined.back().count = 1;
        other = joined.rbegin();
      }
      other->compute_instances.push_back(*item.part);
    }
  }
  return joined;
}

/// mig-parted's names for all of a card: "all-1g.10gb" for as many as fit, "all-balanced".
std::optional<std::string> whole_card(const GpuProfile& profile, std::string_view text) {
  constexpr std::string_view kAll = "all-";
  const auto plain = instance_names::plain(text);
  if (!plain.starts_with(kAll)) return std::nullopt;
  const auto rest = plain.substr(kAll.size());
  if (rest == "enabled")
    throw LayoutError(std::string(text),
                      "MIG without instances runs nothing; say which instances, or \"whole\" for MIG off");
  if (rest == "balanced") {
    const auto three = instance_names::of_slices(profile, 3);
    return text::format("2x{}+{}{}{}", instance_names::of_slices(profile, 1),
                        instance_names::of_slices(profile, 2), three.empty() ? "" : "+", three);
  }
  const auto name = instance_names::plain(rest);
  const auto& mig =
      profile.mig[static_cast<std::size_t>(instance_names::find(profile, name, std::string(text)))];
  return text::format("{}x{}", mig.max_count, mig.name);
}

}  // namespace

std::vector<LayoutItem> parse_items(const GpuProfile& profile, std::string_view text) {
  const auto card = whole_card(profile, text);
  std::vector<LayoutItem> items;
  for (auto& part : split_items(card ? *card : text)) items.push_back(parse_item(profile, std::move(part)));
  return join_parts(profile, items);
}

}  // namespace gpushare
