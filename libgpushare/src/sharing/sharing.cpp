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

Interference predict_interference(const MpsConstants::Law& law, double mean_kernel_s) {
  if (mean_kernel_s <= 0) return {};
  return {law.s_coefficient * std::pow(mean_kernel_s, law.s_exponent),
          law.d_coefficient * std::pow(mean_kernel_s, law.d_exponent)};
}

Executor make_executor(const GpuProfile& profile, const Partition& partition, const Sharing& sharing,
                       std::vector<double> sms) {
  const auto or_profile = [](double value, double otherwise) { return value < 0 ? otherwise : value; };
  if (sharing.mode == SharingMode::mps)
    return RateExecutor(RateLaw::interference, std::move(sms), partition.bandwidth_bytes_per_s);
  const double slice_s = or_profile(sharing.slice_s, profile.time_slicing.slice_s);
  if (sharing.mode == SharingMode::exclusive || slice_s == 0)
    return RateExecutor(RateLaw::equal_share, std::move(sms), partition.bandwidth_bytes_per_s);
  const TimeSliceExecutor::Costs costs{
      duration_from_seconds(slice_s),
      duration_from_seconds(or_profile(sharing.switch_preempted_s, profile.time_slicing.switch_preempted_s)),
      duration_from_seconds(or_profile(sharing.switch_idle_s, profile.time_slicing.switch_idle_s))};
  return TimeSliceExecutor(costs, sms.size());
}

}  // namespace gpushare
