
#include <algorithm>
#include <bit>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "hardware/lattice.hpp"

namespace gpushare {

namespace {

using lattice::either;
using lattice::row;
using lattice::Slots;

/// "memory slots 0-3" or "memory slot 4".
std::string slots_text(Slots slots) {
  const int first = std::countr_zero(slots);
  const int last = static_cast<int>(std::bit_width(slots)) - 1;
  return first == last ? text::format("memory slot {}", first)
                       : text::format("memory slots {}-{}", first, last);
}

void check_profile_index(const GpuProfile& profile, const Instance& instance) {
  if (instance.profile < 0 || instance.profile >= static_cast<int>(profile.mig.size())) {
    throw LayoutError({}, text::format("{} has no instance profile number {}; it has {}", profile.title,
                                       instance.profile, profile.mig.size()));
  }
}

void check_start(const GpuProfile& profile, const Instance& instance) {
  const auto& mig = row(profile, instance.profile);
  if (std::find(mig.starts.begin(), mig.starts.end(), instance.start) != mig.starts.end()) return;
  throw LayoutError(text::format("{}@{}", mig.name, instance.start),
                    text::format("{} may start at {}", mig.name, either(mig.starts)));
}

void check_compute_instances(const GpuProfile& profile, const Instance& instance) {
  const auto& mig = row(profile, instance.profile);
  const auto legal = lattice::compute_instance_sizes(mig.compute_slices);
  const auto where = lattice::name_of(profile, instance);
  int sum = 0;
  for (const int size : instance.compute_instances) {
    if (std::find(legal.begin(), legal.end(), size) == legal.end()) {
      throw LayoutError(where, text::format("a compute instance of {} may have {} compute slices, found {}",
                                            mig.name, either(legal), size));
    }
    sum += size;
  }
  if (sum > mig.compute_slices) {
    throw LayoutError(where, text::format("{} compute slices wanted, {} exist", sum, mig.compute_slices));
  }
}

void check_overlaps(const GpuProfile& profile, const std::vector<Instance>& instances) {
  for (std::size_t i = 0; i < instances.size(); ++i) {
    for (std::size_t j = i + 1; j < instances.size(); ++j) {
      const auto& a = row(profile, instances[i].profile);
      const auto& b = row(profile, instances[j].profile);
      const Slots common = lattice::span(a, instances[i].start) & lattice::span(b, instances[j].start);
      if (common == 0) continue;
      throw LayoutError({}, text::format("{}@{} and {}@{} both need {}", a.name, instances[i].start, b.name,
                                         instances[j].start, slots_text(common)));
    }
  }
}

/// Throws when these two profiles may not stand on one GPU, wherever they start.
void check_pair(const GpuProfile& profile, int first, int second, const LayoutOptions& options,
                const std::string& where) {
  const auto& a = row(profile, first);
  const auto& b = row(profile, second);
  if (a.media_extension && b.media_extension) {
    throw LayoutError(where, text::format("{} and {}: one GPU has one media extension", a.name, b.name));
  }
  if (options.before_r510 && lattice::refused_before_r510(a, b)) {
    throw LayoutError(
        where, text::format("{} and {}: drivers before R510 refuse them side by side", a.name, b.name));
  }
}

}  // namespace

void lattice::check_counts(const GpuProfile& profile, const std::vector<int>& wanted,
                           const LayoutOptions& options, const std::string& where) {
  std::vector<int> counts(profile.mig.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) check_pair(profile, wanted[j], wanted[i], options, where);
    ++counts[static_cast<std::size_t>(wanted[i])];
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto& mig = profile.mig[i];
    if (counts[i] > mig.max_count) {
      throw LayoutError(where, text::format("{} instances of {} wanted, at most {} fit on one GPU", counts[i],
                                            mig.name, mig.max_count));
    }
  }
}

void check_layout(const GpuProfile& profile, const Layout& layout, LayoutOptions options) {
  std::vector<int> wanted;
  for (const auto& instance : layout.instances) {
    check_profile_index(profile, instance);
    check_start(profile, instance);
    check_compute_instances(profile, instance);
    wanted.push_back(instance.profile);
  }
  check_overlaps(profile, layout.instances);
  lattice::check_counts(profile, wanted, options, {});
}

}  // namespace gpushare
