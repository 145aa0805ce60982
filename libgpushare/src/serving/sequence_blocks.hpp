#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "gpushare/engine.hpp"
#include "serving/block_pool.hpp"
#include "serving/sequence.hpp"

namespace gpushare {

/// The paged KV of one server as its sequences see it: blocks for their tokens, and the prefix cache, in which what is
/// known of a prompt is found at admission, kept while the prompt is computed, and given back at the end.
class SequenceBlocks {
 public:
  SequenceBlocks(const ContinuousOptions& options, std::int64_t kv_blocks);
  /// Before the first sequence: no more than this.
  void limit(std::int64_t kv_blocks);

  /// Whether a sequence of `tokens` fits when it is alone.
  [[nodiscard]] bool could_hold(std::int64_t tokens) const {
    return blocks_for(tokens) <= pool_.total() - watermark_;
  }
  /// Of the longest one that does.
  [[nodiscard]] std::int64_t most_tokens() const { return (pool_.total() - watermark_) * block_size_; }
  /// A sequence that has not begun, with the share of its prompt that is there whatever it says.
  [[nodiscard]] Sequence fresh(const Job& job) const;

  /// What of a sequence is in the cache.
  struct Match {
    std::vector<BlockPool::Entry> entries;
    std::size_t stretch = 0;
    std::int64_t position = 0, partly = 0;
    std::int64_t blocks = 0;  ///< found, from the start
    std::int64_t unused = 0;  ///< blocks of those entries that count as free now
  };
  [[nodiscard]] bool caching() const { return pool_.caching(); }
  [[nodiscard]] Match match(const Job& job, std::uint32_t target) const;
  [[nodiscard]] std::int64_t tokens_of(const Match& found) const { return found.blocks * block_size_; }
  /// Whether there are blocks for `tokens` besides those found, and as many more as admission leaves free if `spare`.
  [[nodiscard]] bool has_room(const Match& found, std::int64_t tokens, bool spare) const {
    return pool_.free() - found.unused - blocks_for(tokens) >= (spare ? watermark_ : 0);
  }
  void use(Sequence& sequence, Match&& found);

  [[nodiscard]] bool has(const Sequence& sequence, std::int64_t tokens) const {
    return room(sequence, tokens) >= 0;
  }
  /// Tokens beyond so many that its blocks have room for; negative: that they lack.
  [[nodiscard]] std::int64_t room(const Sequence& sequence, std::int64_t tokens) const {
    return sequence.blocks * block_size_ - (tokens - sequence.shared);
  }
  /// Blocks that it lacks for `tokens`.
  [[nodiscard]] std::int64_t lacks(const Sequence& sequence, std::int64_t tokens) const {
    return std::max<std::int64_t>(0, blocks_for(tokens - sequence.shared) - sequence.blocks);
  }
  /// Blocks that can be taken, and those of them for which nothing kept gives way.
  [[nodiscard]] std::int64_t free() const { return pool_.free(); }
  [[nodiscard]] std::int64_t empty() const { return pool_.empty(); }
  /// For sequences that advance together: no more than are free.
  void take(std::int64_t blocks) { pool_.take(blocks); }
  /// Takes what the sequence lacks for `tokens`; false, and nothing is taken, if there is not enough.
  [[nodiscard]] bool reserve(Sequence& sequence, std::int64_t tokens);
  /// Puts what the step in hand computes, and what was computed before, into the cache.
  void publish(Sequence& sequence);
  /// The sequence ends or is preempted: what it computed is gone but for what the cache keeps.
  void release(Sequence& sequence);
  /// All sequences and all that was kept are gone.
  void clear() { pool_.clear(); }

  [[nodiscard]] std::uint64_t evictions() const { return pool_.evictions(); }
  void reset_statistics() { pool_.reset_statistics(); }

 private:
  [[nodiscard]] std::int64_t blocks_for(std::int64_t tokens) const {
    return (tokens + block_size_ - 1) / block_size_;
  }
  void keep(Sequence& sequence, std::uint64_t key, std::int64_t blocks);

  int block_size_;          // tokens
  double watermark_share_;  // of the blocks
  double cached_share_;     // of every prompt
  BlockPool pool_;
  std::int64_t watermark_ = 0;  // blocks that admission leaves free
};

}  // namespace gpushare
