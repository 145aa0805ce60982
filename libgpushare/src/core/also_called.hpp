#pragma once

#include <string_view>

namespace gpushare::json {

/// Whether servers, load generators or Kubernetes call so what a document calls `key`: "max_tokens" is "output_tokens".
[[nodiscard]] bool also_called(std::string_view word, std::string_view key);

}  // namespace gpushare::json
