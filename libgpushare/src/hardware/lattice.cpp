#include "hardware/lattice.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace gpushare::lattice {

Slots span(const MigProfile& profile, int start) {
  return static_cast<Slots>(((std::uint64_t{1} << profile.memory_slices) - 1) << start);
}

bool refused_before_r510(const MigProfile& a, const MigProfile& b) {
  const auto is = [](const MigProfile& p, int compute) {
    return p.compute_slices == compute && p.memory_slices == 4;
  };
  return (is(a, 4) && is(b, 3)) || (is(a, 3) && is(b, 4));
}

bool may_add(const GpuProfile& profile, const std::vector<Instance>& placed, int candidate,
             const LayoutOptions& options) {
  const auto& mig = row(profile, candidate);
  int count = 0;
  for (const auto& instance : placed) {
    const auto& other = row(profile, instance.profile);
    if (instance.profile == candidate) ++count;
    if (options.before_r510 && refused_before_r510(mig, other)) return false;
  }
  return count < mig.max_count;
}

std::vector<int> compute_instance_sizes(int compute_slices) {
  std::vector<int> sizes;
  for (const int size : {1, 2, 3, 4}) {
    // No 3c in 4g, nor 5c and 6c in 7g: the listings of go-nvml's A100 mock and nvidia-smi.
    if (size <= compute_slices && !(size == 3 && compute_slices == 4)) sizes.push_back(size);
  }
  if (compute_slices > 4) sizes.push_back(compute_slices);
  return sizes;
}

std::vector<int> largest_first(const GpuProfile& profile) {
  std::vector<int> order(profile.mig.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&profile](int i) {
    const auto& mig = row(profile, i);
    return std::tuple(-mig.compute_slices, -mig.memory_slices, mig.media_extension);
  };
  std::stable_sort(order.begin(), order.end(), [&key](int a, int b) { return key(a) < key(b); });
  return order;
}

std::string either(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text += i + 1 == numbers.size() ? " or " : ", ";
    text += std::to_string(numbers[i]);
  }
  return text;
}

std::string compute_text(const Instance& instance) {
  std::string text;
  for (const int size : instance.compute_instances)
    text += text::format("{}{}c", text.empty() ? "(" : ",", size);
  return text.empty() ? text : text + ")";
}

std::string name_of(const GpuProfile& profile, const Instance& instance) {
  return text::format("{}@{}{}", row(profile, instance.profile).name, instance.start, compute_text(instance));
}

std::vector<Instance> sorted(std::vector<Instance> instances) {
  std::stable_sort(instances.begin(), instances.end(),
                   [](const Instance& a, const Instance& b) { return a.start < b.start; });
  return instances;
}

}  // namespace gpushare::lattice
