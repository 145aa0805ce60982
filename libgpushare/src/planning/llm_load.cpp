#include "planning/llm_load.hpp"

#include <algorithm>

#include "models/llm.hpp"
#include "placement/served_by.hpp"

namespace gpushare::planning {
namespace {

// What is left of a prompt to compute and to keep, of whose tokens a share is found whatever they are.
PromptWork beyond_share(const PromptWork& prompt, double share) {
  const double squares = prompt.pairs - prompt.tokens / 2;  // pairs = tokens (tokens + 1) / 2
  return {std::max(1.0, prompt.tokens * (1 - share)),
          squares * (1 - share * share) + prompt.tokens / 2 * (1 - share), prompt.by_reply * (1 - share)};
}

// Tokens that an iteration of a sequence in its reply brings at most on average.
double tokens_an_iteration(const Speculation& speculation) {
  double tokens = 1;
  double kept = 1;
  for (int i = 0; i < speculation.tokens; ++i) tokens += kept *= speculation.acceptance;
  return tokens;
}

}  // namespace

double LlmRequestLoad::iterations() const {
  return std::max({sequence_iterations, cache_iterations, token_iterations});
}

double LlmRequestLoad::mean_tokens() const { return std::max(1.0, tokens / iterations()); }

LlmRequestLoad load_of(const WorkSite& site) {
  const ContinuousOptions engine = site.engine();
  const VisitSizes& sizes = site.sizes;
  LlmRequestLoad load;
  load.prompt =
      engine.prefix_caching ? sizes.new_prompt : beyond_share(sizes.prompt, engine.prefix_cache_share);
  load.reply_steps = sizes.reply_tokens - 1;
  load.sequences = load.reply_steps / tokens_an_iteration(engine.speculation);
  const double per_token = load.reply_steps > 0 ? load.sequences / load.reply_steps : 1;
  load.context = (sizes.prompt.by_reply + sizes.reply_by_reply) * per_token;
  load.tokens = load.prompt.tokens + load.reply_steps;
  load.sequence_iterations = load.sequences / engine.max_num_seqs;
  load.token_iterations = load.tokens / engine.max_num_batched_tokens;
  const double room = static_cast<double>(site.memory.kv_blocks) * engine.block_size;
  const double kept = (load.prompt.by_reply + sizes.reply_by_reply) * per_token;
  if (room > 0) load.cache_iterations = kept / room;
  return load;
}

LlmServing serving_on(const LlmModel& model, const WorkSite& site) {
  Process process = process_of(site.service, site.gpu);
  if (site.link.bandwidth_bytes_per_s > 0) process.link = site.link;
  return serving_of(model, process);
}

}  // namespace gpushare::planning
