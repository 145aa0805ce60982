#include "hardware/instance_names.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "core/catalogue.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::instance_names {
namespace {

/// "3g" means the plain profile with three compute slices, "1g+me" the one with media extension.
bool is_short_name(const MigProfile& mig, std::string_view name) {
  return !mig.double_memory &&
         name == text::format("{}g{}", mig.compute_slices, mig.media_extension ? "+me" : "");
}

/// What a word without a digit may mean: mig-parted's names for all of a card.
std::string hint_of_word(std::string_view word) {
  constexpr std::array<std::string_view, 2> kOfAll{"balanced", "disabled"};
  for (const std::string_view name : kOfAll)
    if (word.substr(0, 5) == name.substr(0, 5)) return text::format("; did you mean \"all-{}\"?", name);
  return "; layouts are written 3g.40gb+3g.40gb, 7x1g.10gb, or as mig-parted's all-1g.10gb, all-balanced";
}

}  // namespace

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc() || result.ptr != end || number < 0) return std::nullopt;
  return number;
}

std::string of_slices(const GpuProfile& profile, int slices) {
  for (const MigProfile& mig : profile.mig)
    if (mig.compute_slices == slices && !mig.double_memory && !mig.media_extension) return mig.name;
  return {};
}

std::string plain(std::string_view written) {
  const std::string name = text::lower_case(written);
  constexpr std::array<std::string_view, 3> kPrefixes{"nvidia.com/", "mig-", "mig "};
  std::string_view rest = name;
  for (const std::string_view prefix : kPrefixes)
    if (rest.starts_with(prefix)) rest = text::trimmed(rest.substr(prefix.size()));
  std::string found(rest);
  if (const auto memory = found.find("gb."); memory != found.npos) found[memory + 2] = '+';
  return found;
}

int find(const GpuProfile& profile, std::string_view name, const std::string& item) {
  std::vector<std::string> names;
  std::vector<int> by_short_name;
  const auto id = number_of(name);  // as in nvidia-smi mig -cgi 19,19
  for (std::size_t i = 0; i < profile.mig.size(); ++i) {
    if (profile.mig[i].name == name || (id && profile.mig[i].id == *id)) return static_cast<int>(i);
    if (is_short_name(profile.mig[i], name)) by_short_name.push_back(static_cast<int>(i));
    names.push_back(profile.mig[i].name);
  }
  if (by_short_name.size() == 1) return by_short_name.front();
  const auto slices = name.substr(0, name.find('.'));  // "1g" of a name that another card has
  const auto number = slices.ends_with('g') ? number_of(slices.substr(0, slices.size() - 1)) : std::nullopt;
  const bool is_word = name.find_first_of("0123456789") == name.npos;
  const auto here = number ? of_slices(profile, *number) : std::string();
  const auto hint = !here.empty() ? text::format("; its instance of {} is {}", slices, here)
                    : id          ? std::string()
                    : is_word     ? hint_of_word(name)
                                  : did_you_mean(name, names);
  throw LayoutError(item, text::format("{} has no instance profile {}{}; it has {}", profile.title,
                                       id ? text::format("of id {}", *id) : text::format("\"{}\"", name),
                                       hint, text::join(names, ", ")));
}

}  // namespace gpushare::instance_names
