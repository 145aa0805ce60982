#pragma once

#include "gpushare/engine.hpp"
#include "models/llm_step.hpp"
#include "serving/job.hpp"
#include "serving/sequence.hpp"

namespace gpushare {

/// The next `tokens` of a sequence are part of the iteration.
void schedule(Sequence& sequence, std::uint32_t tokens, LlmLoad& load);
/// Those that were are not.
void unschedule(Sequence& sequence, LlmLoad& load);
/// The iteration as a server with these options runs it.
[[nodiscard]] Step step_of(const LlmLoad& load, const LlmServing& serving, const ContinuousOptions& options);

}  // namespace gpushare
