#include <algorithm>
#include <utility>

#include "serving/continuous_engine.hpp"

// The prefix cache as sequences see it: found at admission, kept while the prompt is computed, given back at the end.

namespace gpushare {

ContinuousEngine::Match ContinuousEngine::match(const Job& job, std::uint32_t target) const {
  Match found;
  if (!pool_.caching() || !job.prefix) return found;
  const PromptPrefix& prefix = *job.prefix;
  const std::int64_t most =
      (std::int64_t{target} - 1) / options_.block_size;  // the last token is always computed
  for (;; ++found.stretch) {
    const bool rest = found.stretch == prefix.stretches.size();
    const std::int64_t end = rest ? target : std::min(target, prefix.stretches[found.stretch].end_tokens);
    const std::int64_t length = end / options_.block_size - found.position;
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

std::int64_t ContinuousEngine::cached_tokens(const Job& job) const {
  return match(job, std::max(1u, job.input_tokens)).blocks * options_.block_size;
}

void ContinuousEngine::use(Sequence& sequence, Match&& found) {
  for (const BlockPool::Entry entry : found.entries) pool_.hold(entry);
  sequence.held = std::move(found.entries);
  sequence.stretch = found.stretch;
  sequence.position = found.position;
  sequence.partly = found.partly;
}

// Moves the sequence's blocks of one stretch into the cache; where another has put them there meanwhile, they are given
// back (vLLM keeps both copies until the sequences end).
void ContinuousEngine::keep(Sequence& sequence, std::uint64_t key, std::int64_t blocks) {
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
  sequence.shared += static_cast<std::uint32_t>(own * options_.block_size);
}

void ContinuousEngine::publish(Sequence& sequence) {
  if (!pool_.caching() || !sequence.job.prefix) return;
  const auto& stretches = sequence.job.prefix->stretches;
  const std::int64_t computed = sequence.computed + sequence.scheduled;
  while (sequence.stretch < stretches.size()) {
    const std::int64_t end = std::int64_t{stretches[sequence.stretch].end_tokens} / options_.block_size;
    if (end * options_.block_size > computed) return;
    if (end > sequence.position) {
      keep(sequence, stretches[sequence.stretch].key, end - sequence.position);
      sequence.position = end;
    }
    sequence.partly = 0;
    ++sequence.stretch;
  }
}

void ContinuousEngine::free_blocks(Sequence& sequence) {
  if (pool_.caching() && sequence.job.prefix) {
    const bool whole = sequence.stretch == sequence.job.prefix->stretches.size();
    const std::int64_t rest = std::int64_t{sequence.computed} / options_.block_size - sequence.position;
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
