#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "serving/block_pool.hpp"
#include "serving/job.hpp"

namespace gpushare {

/// A job that a server with continuous batching computes: its prompt, then its reply token by token.
struct Sequence {
  Job job;
  std::uint32_t target = 0;    ///< tokens whose KV must be there before the next is sampled
  std::uint32_t computed = 0;  ///< tokens whose KV is there
  std::uint32_t shared = 0;    ///< of which in blocks of the prefix cache, which all sequences share
  std::uint32_t generated = 0;
  std::uint32_t told = 0;       ///< of those, known outside
  std::uint32_t scheduled = 0;  ///< tokens of the step in hand
  bool gone = false;            ///< its client: it leaves at the end of the step in hand
  std::int64_t blocks = 0;
  Time last_token{};
  // While it advances with others (Lockstep), what is above is as it was when it joined them:
  std::uint64_t joined = 0;            ///< iterations that had ended then
  std::uint64_t takes_block = 0;       ///< and will have when it takes its first block
  std::vector<BlockPool::Entry> held;  ///< entries of the prefix cache that it uses, from the start
  std::size_t stretch = 0;             ///< of its prefix, the next to be kept in the cache
  std::int64_t position = 0;           ///< where that starts, blocks
  std::int64_t partly = 0;             ///< blocks of it that were found

  [[nodiscard]] bool decodes() const { return generated > 0 && computed + 1 == target; }
  [[nodiscard]] bool complete() const { return generated >= std::max(1u, job.output_tokens); }
  [[nodiscard]] bool complete_outside() const { return told >= std::max(1u, job.output_tokens); }
  /// Whether its first token is known outside, and so are all but the last `late`.
  [[nodiscard]] bool is_told(std::uint32_t late) const { return told > 0 && told + late == generated; }
  /// Whether the step in hand brings it one token, tells one that came `late` steps ago, and nothing else.
  [[nodiscard]] bool in_mid_reply(std::uint32_t late) const {
    return scheduled == 1 && decodes() && is_told(late) && job.notify_every == 0 &&
           generated + 1 < job.output_tokens;
  }
  /// Iterations in which it has nothing to tell, if each brings it a token; the one in hand included.
  [[nodiscard]] std::size_t silent_steps(std::uint32_t late) const {
    if (!is_told(late) || complete()) return 0;
    std::uint32_t left = job.output_tokens - generated;
    if (job.notify_every > 0) left = std::min(left, job.notify_every - told % job.notify_every);
    return left - 1;
  }
  void take_tokens(std::uint32_t count) {
    computed += count;
    generated += count;
    told += count;
    target += count;
  }
  [[nodiscard]] bool before(const Sequence& other) const {
    return job.priority != other.job.priority ? job.priority < other.job.priority
                                              : job.queued < other.job.queued;
  }
};

/// Those that run, in order of admission; by pointer, so that one that leaves moves no other.
using Sequences = std::vector<std::unique_ptr<Sequence>>;

}  // namespace gpushare
