#include "core/regular_file.hpp"

#include <filesystem>
#include <system_error>

namespace gpushare {

std::string no_file(const std::string& path) {
  using Type = std::filesystem::file_type;
  std::error_code ignored;
  switch (std::filesystem::status(path, ignored).type()) {
    case Type::directory:
      return "folder";
    case Type::character:
    case Type::block:
    case Type::socket:
      return path == "/dev/null" ? "" : "device";  // the one that ends at once
    case Type::fifo:
      return path.starts_with("/dev/") || path.starts_with("/proc/") ? "" : "named pipe";
    default:
      return "";
  }
}

}  // namespace gpushare
