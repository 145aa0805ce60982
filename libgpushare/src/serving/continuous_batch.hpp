#pragma once

#include <cstdint>
#include <vector>

#include "gpushare/engine.hpp"
#include "models/llm_step.hpp"
#include "serving/iteration.hpp"
#include "serving/lockstep.hpp"
#include "serving/sequence.hpp"
#include "serving/sequence_blocks.hpp"
#include "serving/speculative_decoding.hpp"
#include "serving/waiting_line.hpp"

namespace gpushare {

struct BatchCounts {
  std::uint64_t preemptions = 0;
  std::uint64_t prompt_tokens = 0, hit_tokens = 0;  ///< looked up in the cache at first admission, and found
};

/// The sequences of a server with continuous batching, those that wait for admission, and who of them computes what in the
/// next iteration.
class ContinuousBatch {
 public:
  ContinuousBatch(const ContinuousOptions& its_options, std::int64_t kv_blocks, std::int64_t queue_limit);

  /// Puts together the next iteration; the one before was planned at `planned`. Whether its launches may begin while that
  /// one runs. Who gave way when it was about to leave is in `ended`.
  [[nodiscard]] bool plan(Time planned, Outbox& out);
  /// Those whose clients have gone leave, at the end of an iteration.
  void drop_gone(Outbox& out);
  /// Steps after which a token is told.
  [[nodiscard]] std::uint32_t late() const { return options.async_output ? 1 : 0; }
  void reset_statistics(bool in_step);

  ContinuousOptions options;
  SequenceBlocks blocks;
  WaitingLine waiting;
  SpeculativeDecoding speculation;
  Sequences running;
  Lockstep lockstep;            ///< of those
  LlmLoad load;                 ///< of the iteration in hand
  std::vector<Sequence> ended;  ///< whose last tokens have to be told
  BatchCounts counts;

 private:
  enum class Turn : std::uint8_t { all, prefills, decodes };

  void schedule_running(Turn turn, std::int64_t& budget);
  [[nodiscard]] static bool is_due(const Sequence& sequence, Turn turn);
  [[nodiscard]] bool all_fit(Turn turn, std::int64_t budget) const;
  void preempt(std::size_t index);
  /// Of those that take part once more, who would need another block for that.
  void preempt_ended();
  /// Jobs that were queued by `latest`.
  void admit_waiting(Time latest, std::int64_t& budget, Outbox& out);
  [[nodiscard]] bool admit(Sequence& sequence, std::int64_t& budget);
  [[nodiscard]] std::ptrdiff_t partial_prefills() const;

  bool preempted_now_ = false;  // while the iteration was planned
  bool held_back_ = false;      // then: a job that came too late for it
};

}  // namespace gpushare
