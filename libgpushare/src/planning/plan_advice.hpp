#pragma once

#include <map>
#include <string>
#include <vector>

#include "planning/plan_space.hpp"

/// Rules of thumb for sharing a GPU, beside what the simulation says.
namespace gpushare::planning {

/// What a service does to a GPU of its own.
struct ServiceHabits {
  std::string service;
  double busy = 0;          ///< share of the time that its GPU is busy
  double peak = 0;          ///< the same at the peak of its traffic
  double peak_to_mean = 1;  ///< of its traffic
};

/// How a plan shares its GPUs.
struct SharingHabits {
  bool shares = false;
  std::string how;        ///< most often: "mps", "time-slicing", "mig"
  bool isolated = false;  ///< isolation in hardware is asked for
};

/// By figures of services on GPUs of their own ("NAME.busy").
[[nodiscard]] std::vector<ServiceHabits> habits_of(const Workload& workload,
                                                   const std::map<std::string, double>& dedicated);
[[nodiscard]] SharingHabits sharing_of(const Packed& packed, const Ways& ways, const Objectives& objectives);
/// What the rules say, and whether the plan says the same.
[[nodiscard]] std::string advise(const std::vector<ServiceHabits>& services, const SharingHabits& plan);

}  // namespace gpushare::planning
