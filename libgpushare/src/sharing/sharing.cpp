#include "gpushare/sharing.hpp"

#include <algorithm>
#include <cmath>

#include "sharing/executor.hpp"

namespace gpushare {
std::string_view to_string(SharingMode mode) {
  switch (mode) {
    case SharingMode::exclusive:
      return "exclusive";
    case SharingMode::time_slicing:
      return "time-slicing";
    case SharingMode::mps:
      return "mps";
  }
  return "";
}

int mps_sms(const GpuProfile& profile, int partition_sms, double active_thread_percentage) {
  if (active_thread_percentage >= 100) return partition_sms;
  const int granularity = std::max(1, profile.mps.sm_granularity);
  const auto wanted = static_cast<int>(std::floor(partition_sms * active_thread_percentage / 100 + 1e-9));
  return std::max(granularity, wanted / granularity * granularity);
}

Executor make_executor(const GpuProfile& profile, const Partition& partition, const Sharing& sharing,
                       double switching_factor) {
  const auto or_profile = [](double value, double otherwise) { return value < 0 ? otherwise : value; };
  if (sharing.mode == SharingMode::mps)
    return RateExecutor(RateLaw::contention, {}, partition.bandwidth_bytes_per_s);
  const double slice_s = or_profile(sharing.slice_s, profile.time_slicing.slice_s);
  if (sharing.mode == SharingMode::exclusive || slice_s == 0)
    return RateExecutor(RateLaw::equal_share, {}, partition.bandwidth_bytes_per_s);
  const TimeSlicingConstants& constants = profile.time_slicing;
  const double preempted_s = or_profile(sharing.switch_preempted_s, constants.switch_preempted_s);
  const double idle_s = or_profile(sharing.switch_idle_s, constants.switch_idle_s);
  const double refill_s = sharing.switch_preempted_s < 0 ? constants.refill_s : 0;
  return TimeSliceExecutor(
      {duration_from_seconds(slice_s), duration_from_seconds(switching_factor * preempted_s),
       duration_from_seconds(switching_factor * idle_s), switching_factor * refill_s},
      0);
}

int add_process(Executor& executor, double sms) {
  if (auto* rates = std::get_if<RateExecutor>(&executor)) return rates->add_process(sms);
  return std::get<TimeSliceExecutor>(executor).add_process();
}

}  // namespace gpushare
