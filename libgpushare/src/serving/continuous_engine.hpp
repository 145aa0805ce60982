#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/random.hpp"
#include "gpushare/statistics.hpp"
#include "models/llm_step.hpp"
#include "serving/block_pool.hpp"
#include "serving/engine_site.hpp"
#include "serving/engine_statistics.hpp"
#include "serving/frontend.hpp"

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
  void limit_blocks(std::int64_t kv_blocks);
  /// Before the first job: where the luck of guesses comes from; a sequence's depends on its job and place alone.
  void draw_from(const Stream& luck) { luck_ = luck; }

  /// False when the queue is full or the sequence could never fit the KV cache.
  [[nodiscard]] bool enqueue(const Job& job);
  [[nodiscard]] std::optional<Step> plan(Time now, Outbox& out);
  [[nodiscard]] Time wake() const { return frontend_.wake(); }  ///< also while a step runs
  void complete(const Step& step, Time now, Outbox& out);
  void fail(Outbox& out);

  // continuous_runs.cpp: iterations that follow each other without anything to tell, for those who advance several.
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

  /// Tokens at the start of the job's prompt that are in the cache now.
  [[nodiscard]] std::int64_t cached_tokens(const Job& job) const;

  /// Between successive tokens of a sequence.
  [[nodiscard]] const Histogram& inter_token() const { return inter_token_; }
  struct Counts {
    std::uint64_t preemptions = 0;
    std::uint64_t prompt_tokens = 0,
                  hit_tokens = 0;  ///< looked up in the cache at first admission, and found
    std::uint64_t evicted_blocks = 0;
    std::uint64_t draft_tokens = 0, accepted_tokens = 0;  ///< guessed, and kept
  };
  [[nodiscard]] Counts counts() const;
  void report(EngineStatistics& statistics) const;
  void reset_statistics() {
    inter_token_ = {};
    counts_ = {};
    pool_.reset_statistics();
  }

 private:
  struct Sequence {
    Job job;
    std::uint32_t target = 0;    // tokens whose KV must be there before the next is sampled
    std::uint32_t computed = 0;  // tokens whose KV is there
    std::uint32_t shared = 0;    // of which in blocks of the prefix cache, which all sequences share
    std::uint32_t generated = 0;
    std::uint32_t told = 0;       // of those, known outside
    std::uint32_t scheduled = 0;  // tokens of the step in hand
    std::int64_t blocks = 0;
    Time last_token{};
    std::vector<BlockPool::Entry> held;  // entries of the prefix cache that it uses, from the start
    std::size_t stretch = 0;             // of its prefix, the next to be kept in the cache
    std::int64_t position = 0;           // where that starts, blocks
    std::int64_t partly = 0;             // blocks of it that were found

    [[nodiscard]] bool decodes() const { return generated > 0 && computed + 1 == target; }
    [[nodiscard]] bool complete() const { return generated >= std::max(1u, job.output_tokens); }
    [[nodiscard]] bool complete_outside() const { return told >= std::max(1u, job.output_tokens); }
    /// Whether its first token is known outside, and so are all but the last `late`.
    [[nodiscard]] bool is_told(std::uint32_t late) const { return told > 0 && told + late == generated; }
    /// Whether the step in hand brings it one token, tells one that came `late` steps ago, and nothing else.
    [[nodiscard]] bool in_mid_reply(std::uint32_t late) const {
      return scheduled == 1 && decodes() && is_told(late) && job.notify_every == 0 &&
             generated + 1 < job.output_tokens;
    }
    void take_tokens(std::uint32_t count) {
      computed += count;
      generated += count;
      told += count;
      target += count;
    }
    [[nodiscard]] bool before(const Sequence& other) const {
      return job.priority != other.job.priority ? job.priority < other.job.priority
                                                : job.queued < other.job.queued;
    }
  };
  /// What of a sequence is in the cache.
  struct Match {
    std::vector<BlockPool::Entry> entries;
    std::size_t stretch = 0;
    std::int64_t position = 0, partly = 0;
    std::int64_t blocks = 0;  // found, from the start
    std::int64_t unused = 0;  // blocks of those entries that count as free now
  };
  enum class Turn : std::uint8_t { all, prefills, decodes };

  /// Steps after which a token is told.
  [[nodiscard]] std::uint32_t late() const { return options_.async_output ? 1 : 0; }
  [[nodiscard]] std::int64_t blocks_for(std::int64_t tokens) const {
    return (tokens + options_.block_size - 1) / options_.block_size;
  }
  [[nodiscard]] std::int64_t longest(const Job& job) const {
    return std::int64_t{std::max(1u, job.input_tokens)} + job.output_tokens;
  }
  [[nodiscard]] Step step_of(const LlmLoad& load) const;
  [[nodiscard]] bool has_blocks(const Sequence& sequence, std::int64_t tokens) const {
    return tokens - sequence.shared <= sequence.blocks * options_.block_size;
  }
  [[nodiscard]] bool reserve(Sequence& sequence, std::int64_t tokens);
  /// Tokens that a sequence may compute in this iteration; 0: it has to wait.
  [[nodiscard]] std::int64_t wanted_of(const Sequence& sequence, std::int64_t budget) const;
  void schedule(Sequence& sequence, std::uint32_t tokens, LlmLoad& load);
  void unschedule(Sequence& sequence, LlmLoad& load);
  void schedule_running(Turn turn, Time now, std::int64_t& budget, Outbox& out);
  [[nodiscard]] std::size_t victim() const;
  void preempt(std::size_t index, Time now, Outbox& out);
  /// Takes out who has ended and would need a block for a token that nobody wants.
  void drop_ended(Time now, Outbox& out);
  /// Jobs that were queued by `latest`.
  void admit_waiting(Time latest, std::int64_t& budget, Outbox& out);
  [[nodiscard]] bool preempted_first() const;
  [[nodiscard]] Sequence fresh(const Job& job) const;
  [[nodiscard]] bool admit(Sequence& sequence, std::int64_t& budget);
  [[nodiscard]] bool partial_prefill_allowed() const;
  void count_gap(Duration gap) {
    if (gap == gap_) {
      ++gaps_;
    } else {
      add_gap(gap);
    }
  }
  void add_gap(Duration gap);
  void add_gaps();
  /// Computes what was scheduled.
  void advance(Sequence& sequence);
  /// Sends the tokens that were not sent yet, `generated` of them known by now.
  void tell_tokens(Sequence& sequence, std::uint32_t known, Time now, Outbox& out);
  /// Sends what is due, and queues the jobs that have been taken in.
  void attend_frontend(Time now, Outbox& out);

  // continuous_speculation.cpp
  /// Guesses that a sequence's next step verifies: as many as its reply has tokens beyond the one that comes anyway.
  [[nodiscard]] std::uint32_t guesses(const Sequence& sequence) const {
    if (options_.speculation.tokens == 0 || !sequence.decodes() || sequence.complete()) return 0;
    return std::min(static_cast<std::uint32_t>(options_.speculation.tokens),
                    sequence.job.output_tokens - sequence.generated - 1);
  }
  /// How many of them turn out right.
  [[nodiscard]] std::uint32_t verify(const Sequence& sequence, std::uint32_t guessed);

  /// Iterations after the planned one for whose tokens there are blocks.
  [[nodiscard]] std::size_t steps_with_blocks() const;

  // continuous_cache.cpp
  [[nodiscard]] Match match(const Job& job, std::uint32_t target) const;
  void use(Sequence& sequence, Match&& match);
  void publish(Sequence& sequence);
  void keep(Sequence& sequence, std::uint64_t key, std::int64_t blocks);
  void free_blocks(Sequence& sequence);

  ContinuousOptions options_;
  std::int64_t queue_limit_;
  LlmServing serving_;
  BlockPool pool_;
  std::int64_t watermark_blocks_;
  Frontend frontend_;
  JobQueue waiting_;
  std::deque<Sequence> preempted_;  // served before waiting_, latest preemption first
  std::vector<Sequence> running_;   // in order of admission
  bool in_step_ = false;
  LlmLoad load_;                              // of the step in hand
  Time planned_{};                            // when it began
  bool preempted_now_ = false;                // while it was planned
  bool held_back_ = false;                    // then: a job that came too late for it
  mutable std::vector<std::int64_t> taking_;  // scratch of steps_with_blocks
  Histogram inter_token_;
  Duration gap_{};  // `gaps_` of which are not in inter_token_ yet
  std::uint64_t gaps_ = 0;
  Counts counts_;
  std::optional<Stream> luck_;  // of guesses
};

[[nodiscard]] ContinuousEngine make_engine(const ContinuousOptions& options, const EngineSite& site);

}  // namespace gpushare
