#pragma once

#include <vector>

#include "gpushare/scenario.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/servers.hpp"

namespace gpushare {

/// Processes that fail at a time, or when a leak has filled their memory, and whom they take along.
class Faults {
 public:
  Faults(Kernel& kernel, Fleet& fleet, Servers& servers, const std::vector<Fault>& faults)
      : kernel_(kernel), fleet_(fleet), servers_(servers), faults_(faults) {}

  /// Sets the timers of those that come by `end_s`; every one is a boundary of merged iterations.
  void start(double end_s, MergedIterations& merged);
  /// Event.
  void on_fault(Time now, std::uint32_t fault);

 private:
  [[nodiscard]] int culprit_of(const Fault& fault) const;
  [[nodiscard]] double time_of(const Fault& fault) const;

  Kernel& kernel_;
  Fleet& fleet_;
  Servers& servers_;
  const std::vector<Fault>& faults_;
};

}  // namespace gpushare
