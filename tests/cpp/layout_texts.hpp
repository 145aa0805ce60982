#pragma once

#include <string>

#include "gpushare/errors.hpp"
#include "gpushare/mig.hpp"
#include "gpushare/profile.hpp"

namespace gpushare::test {

/// What LayoutError says, or "no error".
inline std::string refusal(const GpuProfile& profile, const std::string& text) {
  try {
    (void)parse_layout(profile, text);
  } catch (const LayoutError& error) {
    return error.what();
  }
  return "no error";
}

inline std::string parsed(const GpuProfile& profile, const std::string& text) {
  return format_layout(profile, parse_layout(profile, text));
}

}  // namespace gpushare::test
