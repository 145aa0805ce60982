#include "gpushare/sharing.hpp"

#include <algorithm>
#include <cmath>

#include "sharing/executor.hpp"

namespace gpushare {

int mps_sms(const GpuProfile& profile, int partition_sms, double active_thread_percentage) {
  if (active_thread_percentage >= 100) return partition_sms;
  const int granularity = std::max(1, profile.mps.sm_granularity);
  const auto wanted = static_cast<int>(std::floor(partition_sms * active_thread_percentage / 100 + 1e-9));
  return std::max(granularity, wanted / granularity * granularity);
}

int add_process(Executor& executor, double sms) {
  return std::visit(
      [sms](auto& present) {
        if constexpr (requires { present.add_process(sms); }) {
          return present.add_process(sms);
        } else {
          return present.add_process();
        }
      },
      executor);
}

}  // namespace gpushare
