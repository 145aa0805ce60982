#pragma once

#include <cstdint>

#include "gpushare/control.hpp"
#include "simulation/fleet.hpp"

namespace gpushare {

/// What a service's load was since the last look.
class LoadSensor {
 public:
  /// `instant`: what is in the system now.
  [[nodiscard]] double read(Time now, const ServiceState& service, LoadMetric metric, bool instant = false);

 private:
  Time looked_{};
  double in_system_s_ = 0, busy_s_ = 0;  // integrals then
  std::uint64_t jobs_ = 0;
};

}  // namespace gpushare
