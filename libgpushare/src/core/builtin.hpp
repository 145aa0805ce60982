#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpushare {

/// The JSON text of a data file compiled into the library: builtin("profiles", "a100"). Nothing when there is no such file.
/// Folders are "profiles", "models", "engines" and "scenarios".
[[nodiscard]] std::optional<std::string_view> builtin(std::string_view folder, std::string_view name);

/// The names that builtin() knows in a folder, ascending; empty when there is no such folder.
[[nodiscard]] std::vector<std::string> builtin_names(std::string_view folder);

}  // namespace gpushare
