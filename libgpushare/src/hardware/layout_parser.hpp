#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/profile.hpp"

namespace gpushare {

/// One part of a layout text: "2x1g.10gb", "3g.40gb@4(1c,2c)", "1c.3g.40gb".
struct LayoutItem {
  std::string text;  ///< as written
  int count = 1;
  int profile = 0;  ///< index into GpuProfile::mig
  std::optional<int> start;
  std::vector<int> compute_instances;
  std::optional<int> part;  ///< slices of a compute instance that is written alone
};

/// The parts of a layout text, in the order written, but that compute instances which are written alone ("1c.3g.40gb")
/// share an instance while they fit. Throws LayoutError.
[[nodiscard]] std::vector<LayoutItem> parse_items(const GpuProfile& profile, std::string_view text);

}  // namespace gpushare
