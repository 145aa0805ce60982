#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "gpushare/engine.hpp"
#include "gpushare/random.hpp"
#include "serving/sequence.hpp"

namespace gpushare {

/// Guessed tokens: how many a sequence's next step verifies, and how many turn out right.
class SpeculativeDecoding {
 public:
  explicit SpeculativeDecoding(const Speculation& options) : options_(options) {}
  /// Where the luck of guesses comes from; a sequence's depends on its job and place alone.
  void draw_from(const Stream& luck) { luck_ = luck; }

  [[nodiscard]] bool present() const { return options_.tokens > 0; }
  /// Guesses that a sequence's next step verifies: as many as its reply has tokens beyond the one that comes anyway.
  [[nodiscard]] std::uint32_t guesses(const Sequence& sequence) const {
    if (options_.tokens == 0 || !sequence.decodes() || sequence.complete()) return 0;
    return std::min(static_cast<std::uint32_t>(options_.tokens),
                    sequence.job.output_tokens - sequence.generated - 1);
  }
  /// How many of them turn out right.
  [[nodiscard]] std::uint32_t verify(const Sequence& sequence, std::uint32_t guessed);

  [[nodiscard]] std::uint64_t guessed() const { return guessed_; }  ///< tokens, so far
  [[nodiscard]] std::uint64_t kept() const { return kept_; }        ///< of those
  void reset_statistics() { guessed_ = kept_ = 0; }

 private:
  Speculation options_;
  std::optional<Stream> luck_;
  std::uint64_t guessed_ = 0, kept_ = 0;
};

}  // namespace gpushare
