#pragma once

#include <cstdint>

namespace gpushare {

/// Memory that a process takes, by part, in bytes; `total` is what admission adds up.
struct MemoryNeed {
  double weights = 0, cache = 0, activations = 0, context = 0;
  double total = 0;
  std::int64_t kv_blocks = 0;                        ///< continuous batching: blocks that the cache holds
  int max_num_seqs = 0, max_num_batched_tokens = 0;  ///< continuous batching: as the card has them
  int slots = 0;  ///< autoregressive slots: the batch profile that is loaded
};

}  // namespace gpushare
