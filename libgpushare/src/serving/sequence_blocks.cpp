#include "serving/sequence_blocks.hpp"

#include <algorithm>
#include <utility>

namespace gpushare {
SequenceBlocks::SequenceBlocks(const ContinuousOptions& options, std::int64_t kv_blocks)
    : block_size_(options.block_size),
      watermark_share_(options.watermark),
      cached_share_(options.prefix_cache_share),
      pool_(kv_blocks, options.prefix_caching),
      watermark_(static_cast<std::int64_t>(watermark_share_ * static_cast<double>(kv_blocks))) {}

void SequenceBlocks::limit(std::int64_t kv_blocks) {
  if (kv_blocks >= pool_.total()) return;
  pool_ = BlockPool(kv_blocks, pool_.caching());
  watermark_ = static_cast<std::int64_t>(watermark_share_ * static_cast<double>(kv_blocks));
}

Sequence SequenceBlocks::fresh(const Job& job) const {
  Sequence sequence;
  sequence.job = job;
  sequence.target = std::max(1u, job.input_tokens);
  if (pool_.caching()) return sequence;
  // Cached tokens are whole blocks, and the last token is always computed.
  const auto block = static_cast<std::uint32_t>(block_size_);
  const auto cached = static_cast<std::uint32_t>(cached_share_ * sequence.target) / block * block;
  sequence.computed = std::min(cached, sequence.target - 1);
  sequence.shared = sequence.computed / block * block;
  return sequence;
}

SequenceBlocks::Match SequenceBlocks::match(const Job& job, std::uint32_t target) const {
  Match found;
  if (!pool_.caching() || !job.prefix) return found;
  const PromptPrefix& prefix = *job.prefix;
  const std::int64_t most = (std::int64_t{target} - 1) / block_size_;  // the last token is always computed
  for (;; ++found.stretch) {
    const bool rest = found.stretch == prefix.stretches.size();
    const std::int64_t end = rest ? target : std::min(target, prefix.stretches[found.stretch].end_tokens);
    const std::int64_t length = end / block_size_ - found.position;
    if (length > 0) {
      const auto entry = pool_.find(rest ? prefix.rest_key : prefix.stretches[found.stretch].key);
      if (!entry) break;
      found.partly = std::min({pool_.blocks_of(*entry), length, most - found.position});
      if (found.partly == 0) break;
      found.entries.push_back(*entry);
      found.blocks += found.partly;
      if (!pool_.in_use(*entry)) found.unused += pool_.blocks_of(*entry);
      if (found.partly < length) break;
    }
    if (rest) break;
    found.position += std::max<std::int64_t>(0, length);
    found.partly = 0;
  }
  return found;
}

void SequenceBlocks::use(Sequence& sequence, Match&& found) {
  for (const BlockPool::Entry entry : found.entries) pool_.hold(entry);
  sequence.held = std::move(found.entries);
  sequence.stretch = found.stretch;
  sequence.position = found.position;
  sequence.partly = found.partly;
}

bool SequenceBlocks::reserve(Sequence& sequence, std::int64_t tokens) {
  const std::int64_t more = lacks(sequence, tokens);
  if (more == 0) return true;
  if (more > pool_.free()) return false;
  pool_.take(more);
  sequence.blocks += more;
  return true;
}

// Moves the sequence's blocks of one stretch into the cache; where another has put them there meanwhile, they are given
// back (vLLM keeps both copies until the sequences end).
void SequenceBlocks::keep(Sequence& sequence, std::uint64_t key, std::int64_t blocks) {
  const auto entry = pool_.find(key);
  const std::int64_t there = entry ? pool_.blocks_of(*entry) : 0;
  const std::int64_t own = blocks - sequence.partly;
  const bool held = sequence.partly > 0;
  if (own <= 0) return;
  const std::int64_t more = std::clamp<std::int64_t>(blocks - there, 0, own);
  const BlockPool::Entry kept = pool_.keep(key, more, held);
  if (!held) sequence.held.push_back(kept);
  pool_.give_back(own - more);
  sequence.blocks -= own;
  sequence.shared += static_cast<std::uint32_t>(own * block_size_);
}

void SequenceBlocks::publish(Sequence& sequence) {
  if (!pool_.caching() || !sequence.job.prefix) return;
  const auto& stretches = sequence.job.prefix->stretches;
  const std::int64_t computed = sequence.computed + sequence.scheduled;
  while (sequence.stretch < stretches.size()) {
    const std::int64_t end = std::int64_t{stretches[sequence.stretch].end_tokens} / block_size_;
    if (end * block_size_ > computed) return;
    if (end > sequence.position) {
      keep(sequence, stretches[sequence.stretch].key, end - sequence.position);
      sequence.position = end;
    }
    sequence.partly = 0;
    ++sequence.stretch;
  }
}

void SequenceBlocks::release(Sequence& sequence) {
  if (pool_.caching() && sequence.job.prefix) {
    const bool whole = sequence.stretch == sequence.job.prefix->stretches.size();
    const std::int64_t rest = std::int64_t{sequence.computed} / block_size_ - sequence.position;
    if (whole && rest > 0) keep(sequence, sequence.job.prefix->rest_key, rest);
    // Those at the end give way first.
    for (auto entry = sequence.held.rbegin(); entry != sequence.held.rend(); ++entry) pool_.release(*entry);
    sequence.held.clear();
    sequence.stretch = 0;
    sequence.position = sequence.partly = 0;
    sequence.shared = 0;
  }
  pool_.give_back(sequence.blocks);
  sequence.blocks = 0;
  sequence.computed = sequence.shared;
}

}  // namespace gpushare
