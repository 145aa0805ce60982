#pragma once

#include "gpushare/model.hpp"

namespace gpushare {

/// What one iteration of a server computes.
struct LlmLoad {
  double prefill_tokens = 0, prefill_pairs = 0, prefill_context = 0;
  double decodes = 0, decode_context = 0;
  double drafted = 0;  ///< tokens guessed for the decodes, all together
  double sampled = 0;
  double sequences = 0;  ///< that it computes anything for
};

/// An LLM as a server runs it: in which weights, over how many GPUs, with which draft.
struct LlmServing {
  const LlmModel* model = nullptr;
  const WeightFormat* format = nullptr;
  TensorParallel parallel{};
  const LlmModel* draft = nullptr;  ///< null: none, or guesses that cost nothing
  const WeightFormat* draft_format = nullptr;
  int draft_tokens = 0;  ///< guessed for each sequence

  /// What each rank does in an iteration of this load, whose batch is padded by `padding` tokens.
  [[nodiscard]] Demand rank_step(const LlmLoad& load, double padding) const;
  /// The bytes of its last group, where no draft follows: what alone changes when decodes go on.
  [[nodiscard]] double context_bytes(const LlmLoad& load) const;

 private:
  void add_draft(Demand& step, const LlmLoad& load, double padding) const;
};

}  // namespace gpushare
