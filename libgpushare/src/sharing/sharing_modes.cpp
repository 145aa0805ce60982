#include "sharing/sharing_modes.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/text.hpp"

namespace gpushare {
namespace {

Executor equal_share(const ExecutorConstants& constants) {
  return RateExecutor(RateLaw::equal_share, {}, constants.bandwidth_bytes_per_s);
}

Executor contention(const ExecutorConstants& constants) {
  return RateExecutor(RateLaw::contention, {}, constants.bandwidth_bytes_per_s, constants.sms);
}

Executor slices(const ExecutorConstants& constants) {
  const TimeSlicingConstants& times = constants.time_slicing;
  if (times.slice_s == 0 && !constants.leases) return equal_share(constants);
  return TimeSliceExecutor(
      {duration_from_seconds(times.slice_s), duration_from_seconds(times.switch_preempted_s),
       duration_from_seconds(times.switch_idle_s), times.refill_s, constants.bandwidth_bytes_per_s,
       constants.leases},
      0);
}

int mps_clients(const GpuProfile& profile) { return profile.mps.max_clients; }

constexpr std::array<SharingTraits, kSharingModeCount> kModes = {
    SharingTraits{
        .mode = SharingMode::exclusive, .name = "exclusive", .one_process = true, .make = contention},
    SharingTraits{.mode = SharingMode::time_slicing,
                  .name = "time-slicing",
                  .description = "the consolidated services take turns on one GPU",
                  .has_slices = true,
                  .make = slices},
    SharingTraits{.mode = SharingMode::mps,
                  .name = "mps",
                  .description = "they run side by side under MPS, with caps on their SMs if given",
                  .side_by_side = true,
                  .contends = true,
                  .has_limits = true,
                  .one_context = true,
                  .clients = "MPS clients",
                  .max_clients = mps_clients,
                  .make = contention},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kModes.size(); ++i)
    if (kModes[i].mode != static_cast<SharingMode>(i) || kModes[i].make == nullptr) return false;
  return true;
}
static_assert(in_order(), "a row for each mode, in the order of the enumeration");

}  // namespace

std::span<const SharingTraits> all_sharing_traits() { return kModes; }

const SharingTraits& traits_of(SharingMode mode) { return kModes[static_cast<std::size_t>(mode)]; }

double kernel_change_s(const GpuProfile& profile, SharingMode mode, bool several) {
  switch (mode) {
    case SharingMode::time_slicing:
      return several ? -profile.time_slicing.kernel_saving_s : 0;
    case SharingMode::mps:
      return profile.mps.kernel_s;
    case SharingMode::exclusive:
      break;
  }
  return 0;
}

double least_kernel_change_s(const GpuProfile& profile) {
  double least = 0;
  for (const SharingTraits& traits : kModes)
    least = std::min(least, kernel_change_s(profile, traits.mode, true));
  return least;
}

std::string_view to_string(SharingMode mode) { return traits_of(mode).name; }

const std::vector<std::string>& sharing_modes() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    found.reserve(kModes.size());
    for (const SharingTraits& traits : kModes) found.emplace_back(traits.name);
    return found;
  }();
  return names;
}

const std::vector<std::string>& slice_policies() {
  static const std::vector<std::string> names{"round-robin", "fair", "strict"};
  return names;
}

std::string_view to_string(SlicePolicy policy) { return slice_policies()[static_cast<std::size_t>(policy)]; }

const SharingTraits* shared_mode(std::string_view name) {
  const auto* const found = std::find_if(kModes.begin(), kModes.end(), [&](const SharingTraits& traits) {
    return !traits.one_process && traits.name == name;
  });
  return found == kModes.end() ? nullptr : found;
}

std::string shared_mode_choices(std::string_view before) {
  std::vector<std::string> choices;
  for (const SharingTraits& traits : kModes)
    if (!traits.one_process) choices.push_back(text::format("\"{}{}\"", before, traits.name));
  return text::join(choices, " or ");
}

std::string modes_with_limits() {
  std::vector<std::string> names;
  for (const SharingTraits& traits : kModes)
    if (traits.has_limits) names.emplace_back(traits.name);
  return text::join(names, " or ");
}

Executor make_executor(SharingMode mode, const ExecutorConstants& constants) {
  return traits_of(mode).make(constants);
}

Executor make_executor(const GpuProfile& profile, const Partition& partition, const Sharing& sharing,
                       double switching_factor) {
  const auto or_profile = [](double value, double otherwise) { return value < 0 ? otherwise : value; };
  const TimeSlicingConstants& usual = profile.time_slicing;
  ExecutorConstants constants{profile.most_bandwidth_share * partition.bandwidth_bytes_per_s, usual,
                              static_cast<double>(partition.sms)};
  TimeSlicingConstants& times = constants.time_slicing;
  times.slice_s = or_profile(sharing.slice_s, usual.slice_s);
  times.switch_preempted_s =
      switching_factor * or_profile(sharing.switch_preempted_s, usual.switch_preempted_s);
  times.switch_idle_s = switching_factor * or_profile(sharing.switch_idle_s, usual.switch_idle_s);
  times.refill_s = switching_factor * (sharing.switch_preempted_s < 0 ? usual.refill_s : 0);
  if (sharing.policy != SlicePolicy::round_robin)
    constants.leases = Leases::Terms{duration_from_seconds(sharing.lease_s), std::nullopt};
  if (sharing.policy == SlicePolicy::strict) constants.leases->plan = duration_from_seconds(sharing.plan_s);
  return make_executor(sharing.mode, constants);
}

}  // namespace gpushare
