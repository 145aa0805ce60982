#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/profile.hpp"

namespace gpushare {

/// One part of a layout text: "2x1g.10gb", "3g.40gb@4(1c,2c)".
struct LayoutItem {
  std::string text;  ///< as written
  int count = 1;
  int profile = 0;  ///< index into GpuProfile::mig
  std::optional<int> start;
  std::vector<int> compute_instances;
};

/// The text without the space around it.
[[nodiscard]] std::string_view trim(std::string_view text);

/// The parts of a layout text, in the order written. Throws LayoutError.
[[nodiscard]] std::vector<LayoutItem> parse_items(const GpuProfile& profile, std::string_view text);

}  // namespace gpushare
