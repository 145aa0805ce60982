
#include <algorithm>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/mig.hpp"
#include "hardware/instance_names.hpp"
#include "hardware/lattice.hpp"
#include "hardware/layout_parser.hpp"

namespace gpushare {

namespace {

using lattice::row;
using lattice::Slots;

constexpr std::string_view kWhole = "whole";

/// One entry for each instance, without counts; those without a start yet have none.
std::vector<LayoutItem> expand(const std::vector<LayoutItem>& items) {
  std::vector<LayoutItem> instances;
  for (const auto& item : items)
    instances.insert(instances.end(), static_cast<std::size_t>(item.count), item);
  return instances;
}

/// Finds starts for the instances without one: biggest first, each at its lowest legal start, backtracking.
class Placement {
 public:
  Placement(const GpuProfile& profile, std::vector<LayoutItem> items)
      : profile_(profile), items_(std::move(items)) {
    for (const auto& item : items_) {
      if (item.start) used_ |= lattice::span(row(profile_, item.profile), *item.start);
    }
    std::stable_sort(items_.begin(), items_.end(), [&profile](const LayoutItem& a, const LayoutItem& b) {
      return row(profile, a.profile).memory_slices > row(profile, b.profile).memory_slices;
    });
  }

  [[nodiscard]] bool solve() { return place(0); }

  [[nodiscard]] Layout layout() const {
    Layout layout;
    for (const auto& item : items_)
      layout.instances.push_back({item.profile, *item.start, item.compute_instances});
    layout.instances = lattice::sorted(std::move(layout.instances));
    return layout;
  }

 private:
  bool place(std::size_t next) {
    if (next == items_.size()) return true;
    auto& item = items_[next];
    if (item.start) return place(next + 1);
    for (const int start : row(profile_, item.profile).starts) {
      const Slots span = lattice::span(row(profile_, item.profile), start);
      if ((used_ & span) != 0) continue;
      used_ |= span;
      item.start = start;
      if (place(next + 1)) return true;
      item.start.reset();
      used_ &= ~span;
    }
    return false;
  }

  const GpuProfile& profile_;
  std::vector<LayoutItem> items_;
  Slots used_ = 0;
};

void check_fixed(const GpuProfile& profile, const std::vector<LayoutItem>& items) {
  Layout fixed;
  for (const auto& item : items) {
    if (item.start) fixed.instances.push_back({item.profile, *item.start, item.compute_instances});
  }
  check_layout(profile, fixed);
}

std::string join_texts(const std::vector<LayoutItem>& items) {
  std::vector<std::string_view> texts;
  texts.reserve(items.size());
  for (const auto& item : items) texts.push_back(item.text);
  return text::join(texts, "+");
}

/// Refuses what cannot be placed whatever the starts.
void check_sizes(const GpuProfile& profile, const std::vector<LayoutItem>& instances,
                 const std::string& text) {
  int wanted = 0;
  std::vector<int> profiles;
  for (const auto& instance : instances) {
    wanted += row(profile, instance.profile).memory_slices;
    profiles.push_back(instance.profile);
  }
  if (wanted > profile.memory_slots) {
    throw LayoutError({}, text::format("no placement for {}: {} memory slots wanted, {} exist", text, wanted,
                                       profile.memory_slots));
  }
  lattice::check_counts(profile, profiles, {}, text);
}

[[noreturn]] void fail_placement(const GpuProfile& profile, const std::vector<LayoutItem>& instances,
                                 const std::string& text) {
  std::vector<std::string> rules;
  for (const auto& instance : instances) {
    const auto& mig = row(profile, instance.profile);
    auto rule = text::format("{} starts at {}", mig.name, lattice::either(mig.starts));
    if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(std::move(rule));
  }
  throw LayoutError({}, text::format("no placement for {}: no starts keep the instances apart ({})", text,
                                     text::join(rules, "; ")));
}

/// Groups three or more alike as "7x1g.10gb".
void append_group(std::vector<std::string>& parts, const std::string& name, std::size_t count) {
  if (count > 2) {
    parts.push_back(text::format("{}x{}", count, name));
  } else {
    parts.insert(parts.end(), count, name);
  }
}

}  // namespace

std::string why_uncut(const GpuProfile& profile) {
  if (!profile.mig.empty()) return {};
  if (!profile.without_mig) return text::format("MIG is not described in the profile of {}", profile.title);
  const auto said = std::find_if(profile.provenance.begin(), profile.provenance.end(),
                                 [](const ProvenanceEntry& entry) { return entry.pointer == "/mig"; });
  return text::format("{} has no MIG{}", profile.title,
                      said == profile.provenance.end() ? "" : " (" + said->source + ")");
}

Layout parse_layout(const GpuProfile& profile, std::string_view text) {
  const auto inside = text::trimmed(text);
  if (inside.empty()) {
    throw LayoutError({}, "the layout is empty; write \"whole\" or instances such as 3g.40gb@0+3g.40gb@4");
  }
  const auto plain = instance_names::plain(inside);
  if (plain == kWhole || plain == "all-disabled") return {};
  if (profile.mig.empty()) {
    throw LayoutError(std::string(text), why_uncut(profile) + "; its only layout here is \"whole\"");
  }
  const auto items = parse_items(profile, text);
  check_fixed(profile, items);
  const auto instances = expand(items);
  const auto written = join_texts(items);
  check_sizes(profile, instances, written);
  Placement placement(profile, instances);
  if (!placement.solve()) fail_placement(profile, instances, written);
  auto layout = placement.layout();
  check_layout(profile, layout);
  return layout;
}

std::string format_layout(const GpuProfile& profile, const Layout& layout) {
  if (layout.whole()) return std::string(kWhole);
  check_layout(profile, layout);
  std::string text;
  for (const auto& instance : lattice::sorted(layout.instances)) {
    text += (text.empty() ? "" : "+") + lattice::name_of(profile, instance);
  }
  return text;
}

std::string short_name(const GpuProfile& profile, const Layout& layout) {
  if (layout.whole()) return std::string(kWhole);
  check_layout(profile, layout);
  std::vector<std::string> parts;
  for (const int index : lattice::largest_first(profile)) {
    std::vector<std::string> names;
    for (const auto& instance : lattice::sorted(layout.instances)) {
      if (instance.profile == index)
        names.push_back(row(profile, index).name + lattice::compute_text(instance));
    }
    std::stable_sort(names.begin(), names.end());
    for (auto name = names.begin(); name != names.end();) {
      const auto next = std::upper_bound(name, names.end(), *name);
      append_group(parts, *name, static_cast<std::size_t>(next - name));
      name = next;
    }
  }
  return text::join(parts, "+");
}

}  // namespace gpushare
