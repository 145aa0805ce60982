#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/random.hpp"
#include "gpushare/statistics.hpp"
#include "models/llm_step.hpp"
#include "serving/continuous_batch.hpp"
#include "serving/engine_site.hpp"
#include "serving/engine_statistics.hpp"
#include "serving/frontend.hpp"
#include "serving/gap_meter.hpp"
#include "serving/iteration.hpp"

namespace gpushare {

/// Continuous batching with paged KV, after vLLM V1's scheduler: running sequences first (decodes and unfinished
/// prefills in order of admission), then waiting ones first come first served while the token budget, the sequence
/// limit and the blocks last. Out of blocks, the latest admitted is preempted and computed again later. Its
/// options make it the scheduler of other servers and versions.
class ContinuousEngine {
 public:
  ContinuousEngine(const ContinuousOptions& options, const LlmServing& serving, std::int64_t kv_blocks,
                   std::int64_t queue_limit = -1);
  /// Before the first job: the cache holds no more than this, because another rank has room for no more.
  void limit_blocks(std::int64_t kv_blocks) { batch_.blocks.limit(kv_blocks); }
  /// Before the first job: where the luck of guesses comes from; a sequence's depends on its job and place alone.
  void draw_from(const Stream& luck) { batch_.speculation.draw_from(luck); }

  /// False when the queue is full or the sequence could never fit the KV cache.
  [[nodiscard]] bool enqueue(const Job& job);
  /// Null when there is nothing to do; valid until the next call.
  [[nodiscard]] const Step* plan(Time now, Outbox& out);
  [[nodiscard]] const Step& planned() const { return step_; }
  [[nodiscard]] Time wake() const { return frontend_.wake(); }  ///< also while a step runs
  void complete(const Step& step, Time now, Outbox& out);
  void fail(Outbox& out);
  /// The client of a request has gone: true when its job is out; false when its sequence leaves, gives its blocks back
  /// and has `failed` at the end of the step in hand.
  [[nodiscard]] bool cancel(Time now, std::uint32_t request, std::uint8_t stage);

  /// From the start: sequences never advance together, and what comes out is the same.
  void take_one_by_one() { batch_.lockstep.take_one_by_one(); }

  // Iterations that follow each other without anything to tell, for those who advance several.
  /// How many, the planned one included, are sure to end without a signal, an admission or a preemption if nothing
  /// arrives.
  [[nodiscard]] std::size_t silent_steps() const { return batch_.lockstep.silent(); }
  /// Of the step that comes `ahead` iterations after the planned one, if all before it are silent, what differs: the
  /// bytes of the last group.
  [[nodiscard]] double following_bytes(std::size_t ahead) const;
  /// Goes past silent iterations that ended at these times; the one in hand then is the next.
  void skip(std::span<const Time> ends);
  /// Whether a job that has just arrived could be admitted by the next plan: a queue that is blocked stays so while
  /// iterations are silent, unless the job goes to its head.
  [[nodiscard]] bool may_admit(const Job& job) const;

  /// Tokens at the start of the job's prompt that are in the cache now.
  [[nodiscard]] std::int64_t cached_tokens(const Job& job);

  /// Between successive tokens of a sequence.
  [[nodiscard]] const Histogram& inter_token() const { return gaps_.histogram(); }
  struct Counts : BatchCounts {
    std::uint64_t over_context = 0, over_cache = 0, queue_full = 0;  ///< turned away, and why
    std::uint64_t evicted_blocks = 0;
    std::uint64_t draft_tokens = 0, accepted_tokens = 0;  ///< guessed, and kept
  };
  [[nodiscard]] Counts counts();
  /// Tokens of prompt and reply of the longest request that it takes.
  [[nodiscard]] std::int64_t longest_sequence() const;
  /// The latencies that it reports, ascending.
  static constexpr std::array<std::string_view, 1> kLatencies{"itl"};
  void report(EngineStatistics& statistics);
  void reset_statistics() {
    batch_.reset_statistics(in_step_);
    gaps_.reset_statistics();
    counts_ = {};
  }

 private:
  /// What an iteration that ends does to a sequence; true when that was its last one.
  [[nodiscard]] bool leaves(Sequence& sequence, Time now, Outbox& out);
  /// Sends the tokens that were not sent yet, `generated` of them known by now.
  void tell_tokens(Sequence& sequence, std::uint32_t known, Time now, Outbox& out);

  LlmServing serving_;
  Frontend frontend_;
  ContinuousBatch batch_;
  bool in_step_ = false;
  bool any_gone_ = false;  // of the running sequences' clients
  Step step_;              // in hand, as it was planned
  Time planned_{};         // when it began
  double launched_s_ = 0;  // how long after that the host had launched it
  GapMeter gaps_;
  Counts counts_;  // but for what the batch counts
};

[[nodiscard]] ContinuousEngine make_engine(const ContinuousOptions& options, const EngineSite& site);

}  // namespace gpushare
