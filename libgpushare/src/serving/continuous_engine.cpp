#include "serving/continuous_engine.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare {
namespace {

constexpr std::size_t kFarAhead = 4096;  // iterations beyond which nobody asks

}  // namespace

ContinuousEngine::ContinuousEngine(const Engine& config, const LlmModel& model, const WeightFormat& format,
                                   std::int64_t kv_blocks)
    : config_(config),
      model_(&model),
      format_(&format),
      total_blocks_(kv_blocks),
      free_blocks_(kv_blocks),
      watermark_blocks_(static_cast<std::int64_t>(config.watermark * static_cast<double>(kv_blocks))),
      waiting_(config.queue_limit) {}

bool ContinuousEngine::enqueue(const Job& job) {
  const std::int64_t longest = std::int64_t{job.input_tokens} + job.output_tokens;
  if (blocks_for(longest) > total_blocks_ - watermark_blocks_) return false;
  return waiting_.push(job);
}

bool ContinuousEngine::reserve(Sequence& sequence, std::int64_t tokens) {
  const std::int64_t more = blocks_for(tokens - sequence.shared) - sequence.blocks;
  if (more > free_blocks_) return false;
  if (more > 0) {
    free_blocks_ -= more;
    sequence.blocks += more;
  }
  return true;
}

void ContinuousEngine::schedule(Sequence& sequence, std::uint32_t tokens, Load& load) {
  sequence.scheduled = tokens;
  const double context = sequence.computed;
  if (tokens == 1 && sequence.generated > 0 && sequence.computed + 1 == sequence.target) {
    load.decodes += 1;
    load.decode_context += context + 1;
  } else {
    load.prefill_tokens += tokens;
    load.prefill_pairs += tokens * context + tokens * (tokens + 1.0) / 2;
    load.prefill_context += context;
  }
  if (sequence.computed + tokens == sequence.target) load.sampled += 1;
}

void ContinuousEngine::unschedule(Sequence& sequence, Load& load) {
  if (sequence.scheduled == 0) return;
  Load undone;
  schedule(sequence, sequence.scheduled, undone);
  load.prefill_tokens -= undone.prefill_tokens;
  load.prefill_pairs -= undone.prefill_pairs;
  load.prefill_context -= undone.prefill_context;
  load.decodes -= undone.decodes;
  load.decode_context -= undone.decode_context;
  load.sampled -= undone.sampled;
  sequence.scheduled = 0;
}

void ContinuousEngine::preempt_latest(Load& load) {
  Sequence victim = running_.back();
  running_.pop_back();
  unschedule(victim, load);
  free_blocks_ += victim.blocks;
  victim.blocks = 0;
  victim.computed = victim.shared;
  preempted_.push_front(victim);
  ++preemptions_;
}

bool ContinuousEngine::schedule_running(std::int64_t& budget, Load& load) {
  bool preempted = false;
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    const std::int64_t wanted = std::min<std::int64_t>(budget, running_[i].target - running_[i].computed);
    while (i < running_.size() && !reserve(running_[i], running_[i].computed + wanted)) {
      budget += running_.back().scheduled;
      preempt_latest(load);
      preempted = true;
    }
    if (i >= running_.size()) break;
    schedule(running_[i], static_cast<std::uint32_t>(wanted), load);
    budget -= wanted;
  }
  return preempted;
}

void ContinuousEngine::admit_waiting(std::int64_t budget, Load& load, Outbox& out) {
  while (budget > 0 && running_.size() < static_cast<std::size_t>(config_.max_num_seqs)) {
    Sequence sequence;
    if (!preempted_.empty()) {
      sequence = preempted_.front();
    } else if (!waiting_.empty()) {
      sequence.job = waiting_.front();
      sequence.target = std::max(1u, sequence.job.input_tokens);
      // Cached tokens are whole blocks, and the last token is always computed.
      const auto block = static_cast<std::uint32_t>(config_.block_size);
      const auto cached =
          static_cast<std::uint32_t>(config_.prefix_cache_share * sequence.target) / block * block;
      sequence.computed = std::min(cached, sequence.target - 1);
      sequence.shared = sequence.computed / block * block;
    } else {
      return;
    }
    const std::int64_t wanted = std::min<std::int64_t>(budget, sequence.target - sequence.computed);
    const std::int64_t blocks = blocks_for(sequence.computed - sequence.shared + wanted);
    if (free_blocks_ - blocks < (running_.empty() ? 0 : watermark_blocks_) ||
        !reserve(sequence, sequence.computed + wanted))
      return;
    if (!preempted_.empty()) {
      preempted_.pop_front();
    } else {
      waiting_.pop();
      out.push_back(tell(sequence.job, Signal::started));
    }
    schedule(sequence, static_cast<std::uint32_t>(wanted), load);
    budget -= wanted;
    running_.push_back(sequence);
  }
}

std::optional<Step> ContinuousEngine::plan(Time, Outbox& out) {
  if (in_step_) return std::nullopt;
  std::int64_t budget = config_.max_num_batched_tokens;
  load_ = {};
  preempted_now_ = schedule_running(budget, load_);
  if (!preempted_now_) admit_waiting(budget, load_, out);
  if (running_.empty()) return std::nullopt;
  in_step_ = true;
  return step_of(load_);
}

Step ContinuousEngine::step_of(const Load& load) const {
  Step step;
  step.items = static_cast<double>(running_.size());
  step.demand = model_->iteration(*format_, load.prefill_tokens, load.prefill_pairs, load.prefill_context,
                                  load.decodes, load.decode_context, load.sampled);
  step.demand.host_before_s += config_.host_per_step_s + config_.host_per_sequence_s * step.items;
  return step;
}

std::size_t ContinuousEngine::silent_steps() const {
  if (preempted_now_ || load_.prefill_tokens > 0 || load_.decodes < static_cast<double>(running_.size()))
    return 0;
  std::size_t silent = steps_with_blocks();
  for (const Sequence& sequence : running_) {
    std::uint32_t left = sequence.job.output_tokens - sequence.generated;
    if (sequence.job.notify_every > 0)
      left = std::min(left, sequence.job.notify_every - sequence.generated % sequence.job.notify_every);
    silent = std::min<std::size_t>(silent, left - 1);
  }
  return silent;
}

std::size_t ContinuousEngine::steps_with_blocks() const {
  // Every block_size iterations each sequence takes a block; within that cycle, when its last one is full.
  const auto cycle = static_cast<std::size_t>(config_.block_size);
  const auto sequences = static_cast<std::int64_t>(running_.size());
  const auto cycles = static_cast<std::size_t>(free_blocks_ / sequences);
  std::int64_t left = free_blocks_ % sequences;
  if (cycles * cycle >= kFarAhead) return kFarAhead;
  taking_.assign(cycle, 0);
  for (const Sequence& sequence : running_) {
    const std::int64_t room =
        sequence.blocks * config_.block_size - (sequence.computed + 1 - sequence.shared);
    ++taking_[static_cast<std::size_t>(room) % cycle];
  }
  std::size_t more = 0;
  while (more < cycle && taking_[more] <= left) left -= taking_[more++];
  return cycles * cycle + more;
}

Step ContinuousEngine::following_step(std::size_t ahead) const {
  Load load = load_;
  load.decode_context += load.decodes * static_cast<double>(ahead);
  return step_of(load);
}

void ContinuousEngine::skip(std::span<const Time> ends) {
  if (ends.empty()) return;
  const auto steps = static_cast<std::uint32_t>(ends.size());
  for (Sequence& sequence : running_) {
    inter_token_.add(ends.front() - sequence.last_token);
    sequence.last_token = ends.back();
    sequence.computed += steps;
    sequence.generated += steps;
    sequence.target += steps;
    static_cast<void>(reserve(sequence, sequence.computed + 1));  // silent_steps() has seen to it
  }
  for (std::size_t i = 1; i < ends.size(); ++i) inter_token_.add(ends[i] - ends[i - 1], running_.size());
  load_.decode_context += load_.decodes * steps;
}

bool ContinuousEngine::may_admit(const Job& job) const {
  const Job& head = waiting_.front();
  return preempted_.empty() && head.request == job.request && head.stage == job.stage &&
         running_.size() < static_cast<std::size_t>(config_.max_num_seqs);
}

void ContinuousEngine::sample(Sequence& sequence, Time now, Outbox& out) {
  ++sequence.generated;
  ++sequence.target;
  if (sequence.generated == 1) {
    out.push_back(tell(sequence.job, Signal::output));
  } else {
    inter_token_.add(now - sequence.last_token);
  }
  sequence.last_token = now;
  if (sequence.job.notify_every > 0 && sequence.generated % sequence.job.notify_every == 0)
    out.push_back(tell(sequence.job, Signal::progress, sequence.generated));
}

void ContinuousEngine::complete(const Step&, Time now, Outbox& out) {
  in_step_ = false;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = running_[i];
    if (sequence.scheduled > 0) {
      sequence.computed += sequence.scheduled;
      sequence.scheduled = 0;
      if (sequence.computed == sequence.target) sample(sequence, now, out);
    }
    if (sequence.generated >= sequence.job.output_tokens && sequence.generated > 0) {
      free_blocks_ += sequence.blocks;
      out.push_back(tell(sequence.job, Signal::finished));
      continue;
    }
    if (kept != i) running_[kept] = sequence;
    ++kept;
  }
  running_.resize(kept);
}

void ContinuousEngine::fail(Outbox& out) {
  for (const Sequence& sequence : running_) out.push_back(tell(sequence.job, Signal::failed));
  for (const Sequence& sequence : preempted_) out.push_back(tell(sequence.job, Signal::failed));
  while (!waiting_.empty()) out.push_back(tell(waiting_.pop(), Signal::failed));
  running_.clear();
  preempted_.clear();
  free_blocks_ = total_blocks_;
  in_step_ = false;
}

}  // namespace gpushare
