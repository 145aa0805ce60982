#pragma once

#include <algorithm>

#include "gpushare/control.hpp"

namespace gpushare::control {

/// How long a replica takes to start, s: its image unless the node has it, its weights at the slower of disk and PCIe (0: not
/// known), its engine and its warm-up, drawn from `luck`.
[[nodiscard]] inline double cold_start_s(const ColdStart& start, bool has_image, double weights_bytes,
                                         double pcie_bytes_per_s, Stream luck) {
  const double image_s = has_image ? 0 : start.image_bytes / start.image_bytes_per_s;
  const double rate = pcie_bytes_per_s > 0 ? std::min(pcie_bytes_per_s, start.weights_bytes_per_s)
                                           : start.weights_bytes_per_s;
  const double engine_s = start.engine_s.sample(luck);
  return image_s + weights_bytes / rate + engine_s + start.warm_up_s.sample(luck);
}

}  // namespace gpushare::control
