#include "serving/speculative_decoding.hpp"

namespace gpushare {
namespace {

// SplitMix64's finaliser (Steele et al., 2014): jobs are numbered, and their tokens must not be neighbours' too.
std::uint64_t scattered(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31);
}

}  // namespace

std::uint32_t SpeculativeDecoding::verify(const Sequence& sequence, std::uint32_t guessed) {
  if (!luck_) return 0;
  Stream luck = luck_->at(scattered(sequence.job.luck) + sequence.generated);
  const double drawn = luck.uniform();
  std::uint32_t kept = 0;
  for (double all = options_.acceptance; kept < guessed && drawn < all; all *= options_.acceptance) ++kept;
  guessed_ += guessed;
  kept_ += kept;
  return kept;
}

}  // namespace gpushare
