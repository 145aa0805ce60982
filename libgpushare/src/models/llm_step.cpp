#include "models/llm_step.hpp"

namespace gpushare {
namespace {

Demand pass(const LlmModel& model, const WeightFormat& format, const TensorParallel& parallel,
            const LlmLoad& load, double padding) {
  const bool decodes_only = load.prefill_tokens == 0;
  Demand whole = model.iteration(
      format, load.prefill_tokens + (decodes_only ? 0 : padding), load.prefill_pairs, load.prefill_context,
      load.decodes + (decodes_only ? padding : 0), load.decode_context, load.sampled, load.drafted);
  if (parallel.ranks <= 1) return whole;
  return model.share_of_rank(whole, load.prefill_tokens + load.decodes + load.drafted + padding, parallel);
}

}  // namespace

Demand LlmServing::rank_step(const LlmLoad& load, double padding) const {
  Demand step = pass(*model, *format, parallel, load, padding);
  if (draft != nullptr) add_draft(step, load, padding);
  return step;
}

double LlmServing::context_bytes(const LlmLoad& load) const {
  const double whole = (load.decode_context + load.prefill_context) * format->kv_bytes_per_token;
  return parallel.ranks <= 1 ? whole : whole * (1.0 / parallel.ranks);
}

// The draft reads the prompts as the model does, and guesses one token after the other for all sequences that decode.
void LlmServing::add_draft(Demand& step, const LlmLoad& load, double padding) const {
  LlmLoad first = load;
  first.drafted = 0;
  first.sampled = load.decodes;
  const bool prompts = load.prefill_tokens > 0;
  if (load.drafted > 0 || prompts) step.add(pass(*draft, *draft_format, parallel, first, padding), 1);
  if (load.drafted == 0 || draft_tokens <= 1) return;
  LlmLoad next;  // at the mean of the contexts, which grow by a token a pass
  next.decodes = next.sampled = load.decodes;
  next.decode_context = load.decode_context + load.decodes * draft_tokens / 2.0;
  step.add(pass(*draft, *draft_format, parallel, next, 0), draft_tokens - 1);
}

}  // namespace gpushare
