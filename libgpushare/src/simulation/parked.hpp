#pragma once

#include <deque>
#include <vector>

#include "simulation/fleet.hpp"
#include "simulation/kernel.hpp"
#include "simulation/stage_waits.hpp"

namespace gpushare {

/// Visits that wait until their service has a replica that takes them.
class Parked {
 public:
  Parked(Kernel& kernel, Fleet& fleet) : kernel_(kernel), fleet_(fleet), waiting_(fleet.services.size()) {}

  void add(Time now, int service, const StageVisit& visit);
  /// False when the visit does not wait here.
  bool cancel(Time now, int service, const StageVisit& visit);
  /// All of them are told: `moved` sends them again, `failed` ends them.
  void release(Time now, int service, Signal told);
  [[nodiscard]] bool any(int service) const { return !waiting_[static_cast<std::size_t>(service)].empty(); }

 private:
  Kernel& kernel_;
  Fleet& fleet_;
  std::vector<std::deque<StageVisit>> waiting_;  // by service
};

}  // namespace gpushare
