#pragma once

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

/// Without processes yet; `switching_factor` multiplies the costs of a hand-over.
[[nodiscard]] Executor make_executor(const GpuProfile& profile, const Partition& partition,
                                     const Sharing& sharing, double switching_factor = 1);
/// The number of a new process that may use so many SMs.
[[nodiscard]] int add_process(Executor& executor, double sms);

}  // namespace gpushare
