#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace gpushare {

/// What a prompt has in common with others: stretches from its start, each of which is the same wherever its key is.
struct PromptPrefix {
  struct Stretch {
    std::uint64_t key = 0;
    std::uint32_t end_tokens = 0;  ///< ascending; of the prompt, from its start
  };
  std::vector<Stretch> stretches;
  std::uint64_t rest_key = 0;  ///< of what follows: the rest of the prompt and the reply
};

/// The KV blocks of one server. With caching, blocks whose content is known stay after their sequence is gone, and
/// give way when blocks run short: least recently used first, and of one sequence those at its end first.
///
/// A stretch is one entry of the cache and is evicted block by block from its end. Free blocks with nothing in them are
/// taken before cached ones; vLLM queues both in one line, which differs by the last, partly filled block of a sequence.
class BlockPool {
 public:
  BlockPool(std::int64_t blocks, bool caching) : total_(blocks), empty_(blocks), caching_(caching) {}

  [[nodiscard]] bool caching() const { return caching_; }
  [[nodiscard]] std::int64_t total() const { return total_; }
  /// Blocks that can be taken: empty ones, and cached ones that nobody uses.
  [[nodiscard]] std::int64_t free() const { return empty_ + unused_; }
  /// Those with nothing in them.
  [[nodiscard]] std::int64_t empty() const { return empty_; }
  /// Takes `blocks` <= free() out of the pool.
  void take(std::int64_t blocks);
  void give_back(std::int64_t blocks) { empty_ += blocks; }

  using Entry = std::uint32_t;
  [[nodiscard]] std::optional<Entry> find(std::uint64_t key) const;
  [[nodiscard]] std::int64_t blocks_of(Entry entry) const { return entries_[entry].blocks; }
  [[nodiscard]] bool in_use(Entry entry) const { return entries_[entry].users > 0; }
  /// Someone more, or someone less, uses an entry.
  void hold(Entry entry);
  void release(Entry entry);
  /// Keeps `blocks` more taken blocks under `key`, behind those that are there; the caller holds the entry afterwards
  /// if it did not before.
  Entry keep(std::uint64_t key, std::int64_t blocks, bool held);
  void clear();

  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }
  void reset_statistics() { evictions_ = 0; }

 private:
  static constexpr Entry kNone = ~Entry{0};
  struct Node {
    std::uint64_t key = 0;
    std::int64_t blocks = 0;
    std::int32_t users = 0;
    Entry older = kNone, newer = kNone;  // among those that nobody uses
  };
  void link(Entry entry);
  void unlink(Entry entry);
  void evict(std::int64_t blocks);

  std::int64_t total_;
  std::int64_t empty_;
  std::int64_t unused_ = 0;  // in entries that nobody uses
  bool caching_;
  std::vector<Node> entries_;
  std::vector<Entry> spare_;
  std::unordered_map<std::uint64_t, Entry> by_key_;
  Entry oldest_ = kNone, newest_ = kNone;
  std::uint64_t evictions_ = 0;
};

}  // namespace gpushare
