#include "serving/block_pool.hpp"

#include <algorithm>

namespace gpushare {

void BlockPool::take(std::int64_t blocks) {
  if (blocks > empty_) evict(blocks - empty_);
  empty_ -= blocks;
}

void BlockPool::evict(std::int64_t blocks) {
  while (blocks > 0) {
    const Entry entry = oldest_;
    Node& node = entries_[entry];
    const std::int64_t gone = std::min(blocks, node.blocks);
    node.blocks -= gone;
    unused_ -= gone;
    empty_ += gone;
    blocks -= gone;
    evictions_ += static_cast<std::uint64_t>(gone);
    if (node.blocks > 0) continue;
    unlink(entry);
    by_key_.erase(node.key);
    spare_.push_back(entry);
  }
}

std::optional<BlockPool::Entry> BlockPool::find(std::uint64_t key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  return found->second;
}

void BlockPool::hold(Entry entry) {
  Node& node = entries_[entry];
  if (node.users++ > 0) return;
  unlink(entry);
  unused_ -= node.blocks;
}

void BlockPool::release(Entry entry) {
  Node& node = entries_[entry];
  if (--node.users > 0) return;
  link(entry);
  unused_ += node.blocks;
}

BlockPool::Entry BlockPool::keep(std::uint64_t key, std::int64_t blocks, bool held) {
  if (const auto found = find(key)) {
    if (!held) hold(*found);
    entries_[*found].blocks += blocks;
    return *found;
  }
  Entry entry = static_cast<Entry>(entries_.size());
  if (spare_.empty()) {
    entries_.emplace_back();
  } else {
    entry = spare_.back();
    spare_.pop_back();
  }
  entries_[entry] = {key, blocks, 1, kNone, kNone};
  by_key_.emplace(key, entry);
  return entry;
}

void BlockPool::clear() {
  entries_.clear();
  spare_.clear();
  by_key_.clear();
  oldest_ = newest_ = kNone;
  unused_ = 0;
  empty_ = total_;
}

void BlockPool::link(Entry entry) {
  Node& node = entries_[entry];
  node.older = newest_;
  node.newer = kNone;
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = entry;
  newest_ = entry;
}

void BlockPool::unlink(Entry entry) {
  const Node& node = entries_[entry];
  (node.older == kNone ? oldest_ : entries_[node.older].newer) = node.newer;
  (node.newer == kNone ? newest_ : entries_[node.newer].older) = node.older;
}

}  // namespace gpushare
