#pragma once

#include <algorithm>

#include "gpushare/sharing.hpp"

namespace gpushare {

/// The sums of Interference's formula over the steps that press on one.
struct Neighbours {
  double pressure = 0;
  double filling = 0;          ///< pressure times occupancy
  double filling_squared = 0;  ///< of each, squared

  void add(double d, double occupancy, double sign = 1) {
    pressure += sign * d;
    filling += sign * d * occupancy;
    filling_squared += sign * d * occupancy * d * occupancy;
  }
  [[nodiscard]] double pressure_on(const Interference& step) const {
    if (pressure <= 0) return 0;
    const double both = std::max(0.0, filling * filling - filling_squared);
    return pressure + (1 - step.occupancy) * both / pressure;
  }
};

}  // namespace gpushare
