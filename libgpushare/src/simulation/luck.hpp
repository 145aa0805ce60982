#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "gpushare/random.hpp"

namespace gpushare {

/// Where one replication's random streams come from: the same names give the same luck under every placement.
struct Luck {
  std::uint64_t seed = 1;
  std::uint32_t replication = 0;

  [[nodiscard]] Stream stream(const std::string& name) const { return {seed, replication, name}; }
  /// exp(spread * N(0, 1)) of a calibrated constant; 1 without spread.
  [[nodiscard]] double factor(const std::string& name, double spread) const {
    return spread > 0 ? std::exp(spread * stream("calibration/" + name).normal()) : 1;
  }
};

}  // namespace gpushare
