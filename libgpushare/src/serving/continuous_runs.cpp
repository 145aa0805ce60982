#include <algorithm>

#include "serving/continuous_engine.hpp"

// Iterations without a signal, an admission or a preemption: how many lie ahead, what they cost, and going past them.

namespace gpushare {
namespace {

constexpr std::size_t kFarAhead = 4096;  // iterations beyond which nobody asks

}  // namespace

std::size_t ContinuousEngine::silent_steps() const {
  if (options_.speculation.tokens > 0 || frontend_.present() || preempted_now_ || held_back_ ||
      load_.prefill_tokens > 0 || load_.decodes < static_cast<double>(running_.size()))
    return 0;
  std::size_t silent = steps_with_blocks();
  for (const Sequence& sequence : running_) {
    if (!sequence.is_told(late()) || sequence.complete()) return 0;
    std::uint32_t left = sequence.job.output_tokens - sequence.generated;
    if (sequence.job.notify_every > 0)
      left = std::min(left, sequence.job.notify_every - sequence.told % sequence.job.notify_every);
    silent = std::min<std::size_t>(silent, left - 1);
  }
  return silent;
}

std::size_t ContinuousEngine::steps_with_blocks() const {
  // Every block_size iterations each sequence takes a block; within that cycle, when its last one is full.
  const auto cycle = static_cast<std::size_t>(options_.block_size);
  const auto sequences = static_cast<std::int64_t>(running_.size());
  const auto cycles = static_cast<std::size_t>(pool_.free() / sequences);
  std::int64_t left = pool_.free() % sequences;
  if (cycles * cycle >= kFarAhead) return kFarAhead;
  taking_.assign(cycle, 0);
  for (const Sequence& sequence : running_) {
    const std::int64_t room =
        sequence.blocks * options_.block_size - (sequence.computed + 1 - sequence.shared);
    ++taking_[static_cast<std::size_t>(room) % cycle];
  }
  std::size_t more = 0;
  while (more < cycle && taking_[more] <= left) left -= taking_[more++];
  return cycles * cycle + more;
}

Step ContinuousEngine::following_step(std::size_t ahead) const {
  LlmLoad load = load_;
  load.decode_context += load.decodes * static_cast<double>(ahead);
  return step_of(load);
}

void ContinuousEngine::skip(std::span<const Time> ends) {
  if (ends.empty()) return;
  const auto steps = static_cast<std::uint32_t>(ends.size());
  for (Sequence& sequence : running_) {
    count_gap(ends.front() - sequence.last_token);
    sequence.last_token = ends.back();
    sequence.take_tokens(steps);
    static_cast<void>(reserve(sequence, sequence.computed + 1));  // silent_steps() has seen to it
  }
  add_gaps();
  for (std::size_t i = 1; i < ends.size(); ++i) inter_token_.add(ends[i] - ends[i - 1], running_.size());
  load_.decode_context += load_.decodes * steps;
  planned_ = ends.back();
}

bool ContinuousEngine::may_admit(const Job& job) const {
  const Job& head = waiting_.front();
  return (preempted_.empty() || options_.priority_scheduling) && head.request == job.request &&
         head.stage == job.stage && running_.size() < static_cast<std::size_t>(options_.max_num_seqs);
}

}  // namespace gpushare
