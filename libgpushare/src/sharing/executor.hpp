#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "gpushare/mig.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/sharing.hpp"
#include "sharing/rate_executor.hpp"
#include "sharing/time_slice_executor.hpp"

namespace gpushare {

/// What runs on a partition now, and at what rate. All executors share one protocol: submit and collect at an instant,
/// then settle once, then wait for next_event().
using Executor = std::variant<RateExecutor, TimeSliceExecutor>;

/// What executors are made from.
struct ExecutorConstants {
  double bandwidth_bytes_per_s = 0;  ///< that all together can draw: what kernels reach of the peak
  TimeSlicingConstants time_slicing{};
  double sms = 0;                         ///< that all together can fill; 0: that is not counted
  std::optional<Leases::Terms> leases{};  ///< of time slices; nullopt: round robin
};
/// Without processes yet.
[[nodiscard]] Executor make_executor(SharingMode mode, const ExecutorConstants& constants);
/// With the profile's constants where `sharing` has none; `switching_factor` multiplies the costs of a hand-over.
[[nodiscard]] Executor make_executor(const GpuProfile& profile, const Partition& partition,
                                     const Sharing& sharing, double switching_factor = 1);
/// The number of a new process that may use so many SMs and, where there are leases, has that share of the time.
[[nodiscard]] int add_process(Executor& executor, double sms, double share = 1);

}  // namespace gpushare
