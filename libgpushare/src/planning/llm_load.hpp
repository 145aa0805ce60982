#pragma once

#include "models/llm_step.hpp"
#include "planning/work_site.hpp"

namespace gpushare::planning {

/// What a mean request asks of the iterations of an LLM's server, and how few of them can do it.
struct LlmRequestLoad {
  PromptWork prompt;       ///< to compute
  double reply_steps = 0;  ///< tokens beyond the first
  double sequences = 0;    ///< iterations of the reply, each for one sequence
  double context = 0;      ///< tokens that they read
  double tokens = 0;       ///< to compute, prompt and reply
  double sequence_iterations =
      0;  ///< its share of iterations at least, because they run so many sequences at most,
  double cache_iterations = 0;  ///< because the cache holds no more of them,
  double token_iterations = 0;  ///< and because an iteration has so many tokens at most

  [[nodiscard]] double iterations() const;
  /// Tokens of an iteration on average, at most.
  [[nodiscard]] double mean_tokens() const;
};
[[nodiscard]] LlmRequestLoad load_of(const WorkSite& site);

/// The service's LLM on that GPU, with the link of the site.
[[nodiscard]] LlmServing serving_on(const LlmModel& model, const WorkSite& site);

}  // namespace gpushare::planning
