#pragma once

#include <string>
#include <string_view>

namespace gpushare {

/// "; write 600" for a text that stands where a number of that key should: "600", "131,072", "32k", and "10m", "50ms" or
/// "120/min" where the key says that it counts seconds or is a rate. Empty: no number is meant.
[[nodiscard]] std::string number_meant(std::string_view written, std::string_view key);

}  // namespace gpushare
