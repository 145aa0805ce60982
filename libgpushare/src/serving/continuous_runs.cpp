#include <algorithm>

#include "serving/continuous_engine.hpp"

// Iterations without a signal, an admission or a preemption: how many lie ahead, what they cost, and going past them.

namespace gpushare {

std::size_t ContinuousEngine::silent_steps() const {
  if (speculation_.present() || frontend_.present() || preempted_now_ || held_back_ ||
      load_.prefill_tokens > 0 || load_.decodes < static_cast<double>(running_.size()))
    return 0;
  std::size_t silent = blocks_.steps_with_blocks(running_);
  for (const Sequence& sequence : running_) {
    if (!sequence.is_told(late_) || sequence.complete()) return 0;
    std::uint32_t left = sequence.job.output_tokens - sequence.generated;
    if (sequence.job.notify_every > 0)
      left = std::min(left, sequence.job.notify_every - sequence.told % sequence.job.notify_every);
    silent = std::min<std::size_t>(silent, left - 1);
  }
  return silent;
}

Step ContinuousEngine::following_step(std::size_t ahead) const {
  LlmLoad load = load_;
  load.decode_context += load.decodes * static_cast<double>(ahead);
  return step_of(load, serving_, options_);
}

void ContinuousEngine::skip(std::span<const Time> ends) {
  if (ends.empty()) return;
  const auto steps = static_cast<std::uint32_t>(ends.size());
  for (Sequence& sequence : running_) {
    gaps_.count(ends.front() - sequence.last_token);
    sequence.last_token = ends.back();
    sequence.take_tokens(steps);
    static_cast<void>(blocks_.reserve(sequence, sequence.computed + 1));  // silent_steps() has seen to it
  }
  gaps_.flush();
  for (std::size_t i = 1; i < ends.size(); ++i) gaps_.add(ends[i] - ends[i - 1], running_.size());
  load_.decode_context += load_.decodes * steps;
  planned_ = ends.back();
}

bool ContinuousEngine::may_admit(const Job& job) const {
  return waiting_.leads(job) && running_.size() < static_cast<std::size_t>(options_.max_num_seqs);
}

}  // namespace gpushare
