#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpushare/mig.hpp"

namespace gpushare::lattice {

/// The instance profile of that number.
[[nodiscard]] inline const MigProfile& row(const GpuProfile& profile, int index) {
  return profile.mig[static_cast<std::size_t>(index)];
}

/// Memory slots as bits, slot 0 lowest.
using Slots = std::uint32_t;

/// The slots that an instance of this profile covers from `start`.
[[nodiscard]] Slots span(const MigProfile& profile, int start);

/// Whether `candidate` may join these as far as counts and, for drivers before R510, 4g beside 3g go.
[[nodiscard]] bool may_add(const GpuProfile& profile, const std::vector<Instance>& placed, int candidate,
                           const LayoutOptions& options);

/// Whether drivers before R510 refuse these two side by side: 4 compute and 4 memory slices beside 3 and 4.
[[nodiscard]] bool refused_before_r510(const MigProfile& a, const MigProfile& b);

/// Legal sizes of a compute instance in a GPU instance with that many compute slices, ascending.
[[nodiscard]] std::vector<int> compute_instance_sizes(int compute_slices);

/// Indices of the profiles: most compute slices first, then most memory, then without media extension.
[[nodiscard]] std::vector<int> largest_first(const GpuProfile& profile);

/// Throws LayoutError when the counts of these profiles (indices, repeated) cannot stand on one GPU.
/// `where` precedes the message.
void check_counts(const GpuProfile& profile, const std::vector<int>& wanted, const LayoutOptions& options,
                  const std::string& where);

/// "0", "0 or 4", "0, 2 or 4".
[[nodiscard]] std::string either(const std::vector<int>& numbers);

/// "3g.40gb@4(1c,2c)".
[[nodiscard]] std::string name_of(const GpuProfile& profile, const Instance& instance);
/// "(1c,2c)", or nothing when the instance is not cut further.
[[nodiscard]] std::string compute_text(const Instance& instance);

/// Ordered by start; a layout is a set.
[[nodiscard]] std::vector<Instance> sorted(std::vector<Instance> instances);

}  // namespace gpushare::lattice
