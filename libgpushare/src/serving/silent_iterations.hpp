#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "serving/sequence.hpp"
#include "serving/sequence_blocks.hpp"

namespace gpushare {

/// Iterations of a batch in which no sequence has anything to tell. They change nothing but how far the sequences are:
/// such ones are counted, and the sequences hear of them when somebody looks.
class SilentIterations {
 public:
  /// From the start: all are looked at, with the same outcome.
  void take_one_by_one() { one_by_one_ = true; }

  // While an iteration is planned: anew, then by each sequence that has a token in it, then what came out.
  void plan(std::vector<Sequence>& running) {
    quiet_ = kFarAhead;
    sure_ = 0;
    if (!std::exchange(level_, false)) return;
    for (Sequence& sequence : running) sequence.scheduled = 0;
  }
  void count(const Sequence& sequence, std::uint32_t late) {
    quiet_ = std::min(quiet_, sequence.silent_steps(late));
  }
  [[nodiscard]] std::size_t quiet() const { return quiet_; }  ///< as far as those sequences know
  void are_sure(std::size_t iterations) { sure_ = iterations; }

  /// How many, the one in hand or the next included, are sure to end in silence if nothing arrives.
  [[nodiscard]] std::size_t sure() const { return sure_; }
  /// Whether the next one needs no planning: the batch is that of the one before.
  [[nodiscard]] bool goes_on() { return !std::exchange(look_again_, false) && passes_over(); }
  /// Whether the one in hand, or the next, is one to be counted without touching the sequences.
  [[nodiscard]] bool passes_over() const { return sure_ > 0 && level_ && !one_by_one_; }
  /// The batch may change after the iteration in hand.
  void look_again() { look_again_ = true; }

  /// Some have ended at these times, all of them sure; their gaps are told by `Gaps::count(Duration)` where the last
  /// tokens of sequences differ, and by `Gaps::add(Duration, times)`.
  template <class Gaps>
  void pass(std::span<const Time> ends, const std::vector<Sequence>& running, Gaps& gaps) {
    if (level_) {
      gaps.add(ends.front() - last_end_, running.size());
    } else {
      for (const Sequence& sequence : running) gaps.count(ends.front() - sequence.last_token);
      gaps.flush();
    }
    for (std::size_t i = 1; i < ends.size(); ++i) gaps.add(ends[i] - ends[i - 1], running.size());
    sure_ -= ends.size();
    passed_ += static_cast<std::uint32_t>(ends.size());
    level_ = true;
    last_end_ = ends.back();
  }
  /// The one in hand has ended, and the sequences are told now. Whether it was silent, and the next has the same batch.
  bool end(Time now) {
    level_ = sure_ > 0;
    if (!level_) return false;
    --sure_;
    last_end_ = now;
    return true;
  }
  /// The sequences hear of those that have passed; one more token of each is planned.
  void catch_up(std::vector<Sequence>& running, SequenceBlocks& blocks);
  /// Whoever ran is gone.
  void clear() { *this = SilentIterations(one_by_one_); }

  SilentIterations() = default;

 private:
  static constexpr std::size_t kFarAhead = 4096;  // beyond which nobody asks

  explicit SilentIterations(bool one_by_one) : one_by_one_(one_by_one) {}

  std::size_t quiet_ = 0, sure_ = 0;
  std::uint32_t passed_ = 0;  // that the sequences have not heard of
  Time last_end_{};           // of a silent one
  bool level_ = false;        // that was the time of every sequence's last token
  bool look_again_ = false;
  bool one_by_one_ = false;
};

}  // namespace gpushare
