#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "gpushare/scenario.hpp"
#include "gpushare/statistics.hpp"
#include "serving/job.hpp"

namespace gpushare {

/// Continuous batching with paged KV, after vLLM V1's scheduler: running sequences first (decodes and unfinished
/// prefills in order of admission), then waiting ones first come first served while the token budget, the sequence
/// limit and the blocks last. Out of blocks, the latest admitted is preempted and computed again later.
class ContinuousEngine {
 public:
  ContinuousEngine(const Engine& config, const LlmModel& model, const WeightFormat& format,
                   std::int64_t kv_blocks);

  /// False when the queue is full or the sequence could never fit the KV cache.
  [[nodiscard]] bool enqueue(const Job& job);
  [[nodiscard]] std::optional<Step> plan(Time now, Outbox& out);
  [[nodiscard]] Time wake() const { return kNever; }
  void complete(const Step& step, Time now, Outbox& out);
  void fail(Outbox& out);
  [[nodiscard]] bool idle() const { return !in_step_; }

  // Iterations that follow each other without anything to tell, for those who advance several at once:
  /// How many iterations, the planned one included, are sure to end without a signal, an admission or a preemption,
  /// if nothing arrives: decodes only, none of them the last of its sequence or at the end of a sentence.
  [[nodiscard]] std::size_t silent_steps() const;
  /// The step that comes `ahead` iterations after the planned one, if all before it are silent.
  [[nodiscard]] Step following_step(std::size_t ahead) const;
  /// Goes past silent iterations that ended at these times; the one in hand then is the next.
  void skip(std::span<const Time> ends);
  /// Whether a job that has just arrived could be admitted by the next plan: a queue that is blocked stays so while
  /// iterations are silent, unless the job goes to its head.
  [[nodiscard]] bool may_admit(const Job& job) const;

  /// Between successive tokens of a sequence.
  [[nodiscard]] const Histogram& inter_token() const { return inter_token_; }
  [[nodiscard]] std::uint64_t preemptions() const { return preemptions_; }
  void reset_statistics() {
    inter_token_ = {};
    preemptions_ = 0;
  }

 private:
  struct Sequence {
    Job job;
    std::uint32_t target = 0;    // tokens whose KV must be there before the next is sampled
    std::uint32_t computed = 0;  // tokens whose KV is there
    std::uint32_t shared = 0;    // of which in blocks of the prefix cache, which all sequences share
    std::uint32_t generated = 0;
    std::uint32_t scheduled = 0;  // tokens of the step in hand
    std::int64_t blocks = 0;
    Time last_token{};
  };
  /// What the step being planned will compute.
  struct Load {
    double prefill_tokens = 0, prefill_pairs = 0, prefill_context = 0;
    double decodes = 0, decode_context = 0, sampled = 0;
  };

  [[nodiscard]] std::int64_t blocks_for(std::int64_t tokens) const {
    return (tokens + config_.block_size - 1) / config_.block_size;
  }
  [[nodiscard]] Step step_of(const Load& load) const;
  /// Iterations after the planned one for whose tokens there are blocks.
  [[nodiscard]] std::size_t steps_with_blocks() const;
  [[nodiscard]] bool reserve(Sequence& sequence, std::int64_t tokens);
  void schedule(Sequence& sequence, std::uint32_t tokens, Load& load);
  bool schedule_running(std::int64_t& budget, Load& load);
  void admit_waiting(std::int64_t budget, Load& load, Outbox& out);
  void preempt_latest(Load& load);
  void unschedule(Sequence& sequence, Load& load);
  void sample(Sequence& sequence, Time now, Outbox& out);

  Engine config_;
  const LlmModel* model_;
  const WeightFormat* format_;
  std::int64_t total_blocks_;
  std::int64_t free_blocks_;
  std::int64_t watermark_blocks_;
  JobQueue waiting_;
  std::deque<Sequence> preempted_;  // served before waiting_, latest preemption first
  std::vector<Sequence> running_;   // in order of admission
  bool in_step_ = false;
  Load load_;                                 // of the step in hand
  bool preempted_now_ = false;                // while it was planned
  mutable std::vector<std::int64_t> taking_;  // scratch of steps_with_blocks
  Histogram inter_token_;
  std::uint64_t preemptions_ = 0;
};

}  // namespace gpushare
