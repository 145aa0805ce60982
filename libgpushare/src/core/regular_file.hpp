#pragma once

#include <string>

namespace gpushare {

/// What a path names, in words, where reading it to its end may take for ever: "folder", "device", or a "named pipe", whose
/// writer may never come. Empty for anything else: files, and pipes that are open already (/dev/stdin, /dev/fd/63).
[[nodiscard]] std::string no_file(const std::string& path);

}  // namespace gpushare
