#include <utility>

#include "serving/continuous_engine.hpp"

// Iterations without a signal, an admission or a preemption: how many lie ahead, what they cost, and going past them.

namespace gpushare {

void SilentIterations::catch_up(std::vector<Sequence>& running, SequenceBlocks& blocks) {
  const std::uint32_t steps = std::exchange(passed_, 0);
  if (steps == 0) return;
  for (Sequence& sequence : running) {
    sequence.last_token = last_end_;
    sequence.take_tokens(steps);
    static_cast<void>(blocks.reserve(sequence, sequence.computed + 1));  // steps_with_blocks() has seen to it
  }
}

Step ContinuousEngine::following_step(std::size_t ahead) const {
  LlmLoad load = load_;
  load.decode_context += load.decodes * static_cast<double>(ahead);
  return step_of(load, serving_, options_);
}

void ContinuousEngine::skip(std::span<const Time> ends) {
  if (ends.empty()) return;
  silence_.pass(ends, running_, gaps_);
  planned_ = ends.back();
  load_.decode_context += load_.decodes * static_cast<double>(ends.size());
}

bool ContinuousEngine::may_admit(const Job& job) const {
  return waiting_.leads(job) && running_.size() < static_cast<std::size_t>(options_.max_num_seqs);
}

}  // namespace gpushare
