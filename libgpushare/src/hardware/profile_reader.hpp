#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "gpushare/profile.hpp"

namespace gpushare {

/// Reads and checks a profile document; `source` (a file name, may be empty) precedes pointers in messages.
[[nodiscard]] GpuProfile read_profile(const nlohmann::json& document, const std::string& source);

/// Checks what a schema cannot say: that the parts of a profile agree with each other. Throws ProfileError.
void check_profile(const GpuProfile& profile, const std::string& source);

}  // namespace gpushare
