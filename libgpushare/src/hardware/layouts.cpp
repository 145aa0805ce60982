#include <algorithm>
#include <set>

#include "gpushare/mig.hpp"
#include "hardware/lattice.hpp"

namespace gpushare {

namespace {

using lattice::Slots;

/// Walks the slots from 0 upwards, at each trying every profile that may start there, the largest first, and
/// then leaving the slot free: each set of placements is met once.
class Enumeration {
 public:
  Enumeration(const GpuProfile& profile, LayoutOptions options, bool maximal_only)
      : profile_(profile), options_(options), maximal_only_(maximal_only) {
    for (const int i : lattice::largest_first(profile)) {
      const auto& mig = row(i);
      if (!mig.media_extension && (options.double_memory || !mig.double_memory)) candidates_.push_back(i);
    }
  }

  std::vector<Layout> run() && {
    visit(0, 0);
    return std::move(found_);
  }

 private:
  [[nodiscard]] const MigProfile& row(int i) const { return profile_.mig[static_cast<std::size_t>(i)]; }

  [[nodiscard]] bool fits(int candidate, int start, Slots used) const {
    const auto& starts = row(candidate).starts;
    return std::binary_search(starts.begin(), starts.end(), start) &&
           (lattice::span(row(candidate), start) & used) == 0 &&
           lattice::may_add(profile_, current_.instances, candidate, options_);
  }

  [[nodiscard]] bool is_maximal(Slots used) const {
    for (const int candidate : candidates_) {
      for (const int start : row(candidate).starts) {
        if (fits(candidate, start, used)) return false;
      }
    }
    return true;
  }

  void visit(int slot, Slots used) {
    if (slot == profile_.memory_slots) {
      if (!maximal_only_ || is_maximal(used)) found_.push_back(current_);
      return;
    }
    for (const int candidate : candidates_) {
      if (!fits(candidate, slot, used)) continue;
      current_.instances.push_back({candidate, slot, {}});
      visit(slot + row(candidate).memory_slices, used | lattice::span(row(candidate), slot));
      current_.instances.pop_back();
    }
    visit(slot + 1, used);
  }

  const GpuProfile& profile_;
  LayoutOptions options_;
  bool maximal_only_;
  std::vector<int> candidates_;
  Layout current_;
  std::vector<Layout> found_;
};

}  // namespace

std::vector<Layout> maximal_layouts(const GpuProfile& profile, LayoutOptions options) {
  return Enumeration(profile, options, true).run();
}

std::vector<Layout> maximal_multisets(const GpuProfile& profile, LayoutOptions options) {
  std::set<std::vector<int>> seen;
  auto layouts = maximal_layouts(profile, options);
  std::erase_if(layouts, [&seen](const Layout& layout) {
    std::vector<int> profiles;
    for (const auto& instance : layout.instances) profiles.push_back(instance.profile);
    std::sort(profiles.begin(), profiles.end());
    return !seen.insert(std::move(profiles)).second;
  });
  return layouts;
}

std::vector<Layout> all_states(const GpuProfile& profile, LayoutOptions options) {
  return Enumeration(profile, options, false).run();
}

}  // namespace gpushare
