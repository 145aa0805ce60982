#include <utility>

#include "serving/continuous_engine.hpp"

// Iterations without a signal, an admission or a preemption: how many lie ahead, what they cost, and going past them.

namespace gpushare {

std::size_t ContinuousEngine::count_silent() const {
  if (quiet_ == 0 || speculation_.present() || frontend_.present() || preempted_now_ || held_back_ ||
      load_.prefill_tokens > 0 || load_.decodes < static_cast<double>(running_.size()))
    return 0;
  return blocks_.steps_with_blocks(running_, quiet_);
}

Step ContinuousEngine::plan_silent(Time now) {
  in_step_ = true;
  load_.decode_context += load_.decodes;
  const Step step = step_of(load_, serving_, options_);
  planned_ = now;
  launched_s_ = step.demand.launch_s;
  return step;
}

void ContinuousEngine::catch_up() {
  const std::uint32_t steps = std::exchange(passed_over_, 0);
  if (steps == 0) return;
  for (Sequence& sequence : running_) {
    sequence.last_token = last_end_;
    sequence.take_tokens(steps);
    static_cast<void>(blocks_.reserve(sequence, sequence.computed + 1));  // count_silent() has seen to it
  }
}

Step ContinuousEngine::following_step(std::size_t ahead) const {
  LlmLoad load = load_;
  load.decode_context += load.decodes * static_cast<double>(ahead);
  return step_of(load, serving_, options_);
}

void ContinuousEngine::skip(std::span<const Time> ends) {
  if (ends.empty()) return;
  if (level_) {
    gaps_.add(ends.front() - last_end_, running_.size());
  } else {
    for (const Sequence& sequence : running_) gaps_.count(ends.front() - sequence.last_token);
    gaps_.flush();
  }
  for (std::size_t i = 1; i < ends.size(); ++i) gaps_.add(ends[i] - ends[i - 1], running_.size());
  silent_ -= ends.size();
  passed_over_ += static_cast<std::uint32_t>(ends.size());
  level_ = true;
  last_end_ = planned_ = ends.back();
  load_.decode_context += load_.decodes * static_cast<double>(ends.size());
}

bool ContinuousEngine::may_admit(const Job& job) const {
  return waiting_.leads(job) && running_.size() < static_cast<std::size_t>(options_.max_num_seqs);
}

}  // namespace gpushare
