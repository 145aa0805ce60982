#pragma once

#include <string_view>

namespace gpushare::json {

/// Whether servers, load generators or Kubernetes call so what a document calls `key`: "max_tokens" is "output_tokens".
[[nodiscard]] bool also_called(std::string_view word, std::string_view key);

/// Equal but for capitals and what stands between words, so that "--max-num-seqs" is "max_num_seqs".
[[nodiscard]] bool same_key(std::string_view a, std::string_view b);

}  // namespace gpushare::json
