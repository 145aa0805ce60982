#include "gpushare/sharing.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "sharing/executor.hpp"

namespace gpushare {

int mps_sms(const GpuProfile& profile, int partition_sms, double active_thread_percentage) {
  if (active_thread_percentage >= 100) return partition_sms;
  const int granularity = std::max(1, profile.mps.sm_granularity);
  const auto wanted = static_cast<int>(std::floor(partition_sms * active_thread_percentage / 100 + 1e-9));
  return std::max(granularity, wanted / granularity * granularity);
}

int add_process(Executor& executor, double sms, double share) {
  return std::visit(
      [sms, share](auto& present) {
        if constexpr (std::is_same_v<std::decay_t<decltype(present)>, TimeSliceExecutor>) {
          return present.add_process(share);
        } else {
          return present.add_process(sms);
        }
      },
      executor);
}

}  // namespace gpushare
