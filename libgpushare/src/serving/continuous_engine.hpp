#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/random.hpp"
#include "gpushare/statistics.hpp"
#include "models/llm_step.hpp"
#include "serving/engine_site.hpp"
#include "serving/engine_statistics.hpp"
#include "serving/frontend.hpp"
#include "serving/gap_meter.hpp"
#include "serving/iteration.hpp"
#include "serving/sequence.hpp"
#include "serving/sequence_blocks.hpp"
#include "serving/silent_iterations.hpp"
#include "serving/speculative_decoding.hpp"
#include "serving/waiting_line.hpp"

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
  void limit_blocks(std::int64_t kv_blocks) { blocks_.limit(kv_blocks); }
  /// Before the first job: where the luck of guesses comes from; a sequence's depends on its job and place alone.
  void draw_from(const Stream& luck) { speculation_.draw_from(luck); }

  /// False when the queue is full or the sequence could never fit the KV cache.
  [[nodiscard]] bool enqueue(const Job& job);
  [[nodiscard]] std::optional<Step> plan(Time now, Outbox& out);
  [[nodiscard]] Time wake() const { return frontend_.wake(); }  ///< also while a step runs
  void complete(const Step& step, Time now, Outbox& out);
  void fail(Outbox& out);
  /// The client of a request has gone: true when its job is out; false when its sequence leaves, gives its blocks back
  /// and has `failed` at the end of the step in hand.
  [[nodiscard]] bool cancel(Time now, std::uint32_t request, std::uint8_t stage);

  // continuous_runs.cpp: iterations that follow each other without anything to tell, for those who advance several.
  /// Iterations, the planned one included, that are sure to end without a signal, an admission or a preemption, if
  /// nothing arrives: decodes only, none of them the last of its sequence or at the end of a sentence.
  [[nodiscard]] const SilentIterations& silence() const { return silence_; }
  [[nodiscard]] SilentIterations& silence() { return silence_; }
  /// The step that comes `ahead` iterations after the planned one, if all before it are silent.
  [[nodiscard]] Step following_step(std::size_t ahead) const;
  /// Goes past silent iterations that ended at these times; the one in hand then is the next.
  void skip(std::span<const Time> ends);
  /// Whether a job that has just arrived could be admitted by the next plan: a queue that is blocked stays so while
  /// iterations are silent, unless the job goes to its head.
  [[nodiscard]] bool may_admit(const Job& job) const;

  /// Tokens at the start of the job's prompt that are in the cache now.
  [[nodiscard]] std::int64_t cached_tokens(const Job& job);

  /// Between successive tokens of a sequence.
  [[nodiscard]] const Histogram& inter_token() const { return gaps_.histogram(); }
  struct Counts {
    std::uint64_t preemptions = 0;
    std::uint64_t over_context = 0, over_cache = 0, queue_full = 0;  ///< turned away, and why
    std::uint64_t prompt_tokens = 0,
                  hit_tokens = 0;  ///< looked up in the cache at first admission, and found
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
    silence_.catch_up(running_, blocks_);
    gaps_.reset_statistics();
    counts_ = {};
    blocks_.reset_statistics();
    speculation_.reset_statistics();
  }

 private:
  enum class Turn : std::uint8_t { all, prefills, decodes };

  void schedule_running(Turn turn, Time now, std::int64_t& budget, Outbox& out);
  void preempt(std::size_t index, Time now, Outbox& out);
  /// Puts together the next iteration; whether its launches may begin while the one before runs.
  [[nodiscard]] bool compose(Time now, Outbox& out);
  /// Jobs that were queued by `latest`.
  void admit_waiting(Time latest, std::int64_t& budget, Outbox& out);
  [[nodiscard]] bool admit(Sequence& sequence, std::int64_t& budget);
  /// Sends the tokens that were not sent yet, `generated` of them known by now.
  void tell_tokens(Sequence& sequence, std::uint32_t known, Time now, Outbox& out);

  ContinuousOptions options_;
  std::uint32_t late_;  // steps after which a token is told
  LlmServing serving_;
  SequenceBlocks blocks_;
  Frontend frontend_;
  WaitingLine waiting_;
  std::vector<Sequence> running_;  // in order of admission
  SpeculativeDecoding speculation_;
  bool in_step_ = false;
  bool any_gone_ = false;       // of the running sequences' clients
  LlmLoad load_;                // of the step in hand
  Time planned_{};              // when it began
  double launched_s_ = 0;       // how long after that the host had launched it
  bool preempted_now_ = false;  // while it was planned
  bool held_back_ = false;      // then: a job that came too late for it
  SilentIterations silence_;
  GapMeter gaps_;
  Counts counts_;  // but for what blocks_ and speculation_ count
};

[[nodiscard]] ContinuousEngine make_engine(const ContinuousOptions& options, const EngineSite& site);

}  // namespace gpushare
