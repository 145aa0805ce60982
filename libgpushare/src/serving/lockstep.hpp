#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "models/llm_step.hpp"
#include "serving/gap_meter.hpp"
#include "serving/sequence.hpp"
#include "serving/sequence_blocks.hpp"

namespace gpushare {

/// The sequences of a batch that advance together: every iteration brings each of them a token, and none has anything to
/// tell before it comes due. They are counted, and touched when they join, come due, or somebody must look at each of
/// them. The others are apart, and looked at in every iteration.
class Lockstep {
 public:
  /// `late` steps after it came, a token is told.
  Lockstep(int block_size, std::uint32_t late) : late_(late), taking_(static_cast<std::size_t>(block_size)) {}
  /// From the start: nobody joins, and what comes out is the same.
  void take_one_by_one() { one_by_one_ = true; }

  [[nodiscard]] std::size_t size() const { return together_; }
  /// Indices of the others among those that run, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& apart() const { return apart_; }
  /// Whether none that advances with the others stands behind this one.
  [[nodiscard]] bool is_behind(std::uint32_t index) const;

  // Between iterations, or while one is planned.
  /// One more runs, behind the others and apart.
  void add();
  /// The last one runs no more; all are apart.
  void remove_last();
  /// The next iteration is planned anew; it brings nobody anything yet.
  void plan() {
    sure_ = 0;
    advances_ = false;
  }
  /// Whoever has something to tell in this iteration is apart from now on.
  void part_due(Sequences& running);
  void part_all(Sequences& running);
  /// Blocks that they need for this iteration.
  [[nodiscard]] std::int64_t blocks_wanted() const { return taking_[tick_ % taking_.size()]; }
  /// The iteration brings each of them a token, for which there are blocks.
  void schedule(LlmLoad& load, SequenceBlocks& blocks);
  /// Takes the blocks of iterations that have passed, and of the one in hand if there is one.
  void take_blocks(SequenceBlocks& blocks, bool in_step);

  // Iterations in which all advance together.
  /// Counts how many, the planned one included, are sure to end in silence if nothing arrives.
  void look_ahead(const SequenceBlocks& blocks);
  [[nodiscard]] std::size_t sure() const { return sure_; }
  /// Of those, until the batch may change.
  [[nodiscard]] std::size_t silent() const { return look_again_ ? 0 : sure_; }
  /// The batch may change after the iteration in hand.
  void look_again() { look_again_ = true; }
  /// Whether the next one needs no planning: the batch is that of the one before.
  [[nodiscard]] bool goes_on() { return !std::exchange(look_again_, false) && sure_ > 0; }
  /// Sure ones have ended at these times.
  void pass(std::span<const Time> ends, GapMeter& gaps);

  /// An iteration has ended. `leaves` is asked of each sequence that is apart, in order; those that stay join the others
  /// where they can.
  template <class Leaves>
  void end(Time now, Sequences& running, const SequenceBlocks& blocks, GapMeter& gaps, Leaves&& leaves) {
    if (advances_ || together_ == 0) pass_one(now, gaps);
    taken_ = tick_;
    sure_ = 0;
    std::size_t kept = 0;
    gone_.clear();
    for (const std::uint32_t index : apart_) {
      Sequence& sequence = *running[index];
      if (leaves(sequence)) {
        gone_.push_back(index);
        continue;
      }
      sequence.scheduled = 0;
      if (!joins(sequence, index, blocks)) apart_[kept++] = index - static_cast<std::uint32_t>(gone_.size());
    }
    apart_.resize(kept);
    if (!gone_.empty()) erase_gone(running);
  }
  /// Nobody runs any more.
  void clear();

 private:
  using Tick = std::uint64_t;  // iterations that had ended
  static constexpr Tick kApart = ~Tick{0};

  void pass_one(Time now, GapMeter& gaps);
  [[nodiscard]] bool joins(Sequence& sequence, std::uint32_t index, const SequenceBlocks& blocks);
  void part(Sequence& sequence, std::uint32_t index);
  void erase_gone(Sequences& running);

  std::uint32_t late_;
  bool one_by_one_ = false, look_again_ = false;
  bool advances_ = false;             // in the iteration in hand, which may be one of prompts alone
  Tick tick_ = 0;                     // of the iteration in hand
  Tick taken_ = 0;                    // those before have their blocks
  Tick next_due_ = kApart;            // of those together; it may have parted
  std::vector<Tick> due_;             // by index: when it has something to tell; kApart: is apart
  std::vector<std::uint32_t> apart_;  // indices, ascending
  std::size_t together_ = 0;
  std::int64_t contexts_ = 0;         // tokens of those together, less `tick_` for each
  std::vector<std::int64_t> taking_;  // of them, that take a block: by tick, modulo the size of a block
  std::int64_t takers_ = 0;           // the sum
  std::size_t sure_ = 0;
  Time last_end_{};  // when those together had their last tokens; where there are none, of an iteration
  std::vector<std::uint32_t> gone_;  // scratch of end()
};

}  // namespace gpushare
