#include "serving/continuous_engine.hpp"

// Speculative decoding as sequences see it: how many guesses were right, and tokens that come together.

namespace gpushare {
namespace {

// SplitMix64's finaliser (Steele et al., 2014): jobs are numbered, and their tokens must not be neighbours' too.
std::uint64_t scattered(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31);
}

}  // namespace

std::uint32_t ContinuousEngine::kept_of(const Sequence& sequence, std::uint32_t guessed) const {
  if (guessed == 0 || !luck_) return 0;
  Stream luck = luck_->at(scattered(sequence.job.luck) + sequence.generated);
  const double drawn = luck.uniform();
  std::uint32_t kept = 0;
  for (double all = config_.speculation.acceptance; kept < guessed && drawn < all;
       all *= config_.speculation.acceptance)
    ++kept;
  return kept;
}

void ContinuousEngine::accept(Sequence& sequence, Time now, Outbox& out) {
  const std::uint32_t guessed = sequence.scheduled - 1;
  const std::uint32_t kept = kept_of(sequence, guessed);
  const std::uint32_t tokens = kept + 1;
  const std::uint32_t before = sequence.generated;
  counts_.draft_tokens += guessed;
  counts_.accepted_tokens += kept;
  sequence.scheduled = 0;
  sequence.computed += tokens;
  sequence.generated += tokens;
  sequence.target += tokens;
  const Duration each{(now - sequence.last_token).ns / tokens};  // so that gaps sum to the time that passed
  for (std::uint32_t i = 0; i < tokens; ++i) count_gap(each);
  sequence.last_token = now;
  const std::uint32_t every = sequence.job.notify_every;
  if (every == 0) return;
  for (std::uint32_t at = (before / every + 1) * every; at <= sequence.generated; at += every)
    out.push_back(tell(sequence.job, Signal::progress, at));
}

}  // namespace gpushare
