#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sharing/turn_taker.hpp"

namespace gpushare {

/// Who has a time-sliced partition, since when, and until when.
struct TurnState {
  enum class Kind : std::uint8_t { idle, running, switching };
  Kind kind = Kind::idle;
  std::size_t process = 0;  ///< whose context is on the GPU, or being brought there
  Time slice_start{};
  Time switch_end{};
  Time give_away = kNever;  ///< when the running process loses the GPU
  bool preempted = false;   ///< then, and not by itself
};

/// Turns between two ends of steps, slice after slice: when the first of them ends, and going past the others by sums.
///
/// The processes have one step each that gives nothing away by itself, run at full clock, and hand over in a circle.
class UnseenTurns {
 public:
  explicit UnseenTurns(Duration slice) : slice_(slice) {}

  // Processes that have work, by number.
  void join(std::size_t process);
  void leave(std::size_t process);

  /// Who takes turns, from whom is on the GPU on; false where turns depend on more than that. It is looked at once until
  /// forget() is called, which it must be when a process runs or has other steps.
  [[nodiscard]] bool line_up(std::span<const TurnTaker> processes, std::size_t current) {
    if (!lined_up_) lined_up_ = survey(processes, current);
    return *lined_up_;
  }
  void forget() { lined_up_.reset(); }

  // After line_up(). `next` is when the turn or the hand-over in progress ends, or the step of who runs.
  /// When the first step ends if nothing is handed in before it.
  [[nodiscard]] Time first_end(const TurnState& state, Time last, Time next,
                               std::span<const TurnTaker> processes) const;
  /// Time that went by since `last`.
  struct Passed {
    Time until{};
    Duration running{}, switching{};
  };
  /// Past the turns and hand-overs that are over before `limit`, which is no later than first_end().
  [[nodiscard]] Passed skip(TurnState& state, Time last, Time limit, std::span<TurnTaker> processes) const;

 private:
  [[nodiscard]] bool survey(std::span<const TurnTaker> processes, std::size_t current);
  [[nodiscard]] std::size_t after(std::size_t place) const {
    return place + 1 == ring_.size() ? 0 : place + 1;
  }
  /// Of a turn that begins now, when the process has run so much longer: the end of its step if that is no later than
  /// the turn's; otherwise kNever.
  [[nodiscard]] Time end_in_turn(Time now, const TurnTaker& process, Duration longer) const;

  Duration slice_;
  std::vector<std::uint32_t> ring_;  // ascending
  std::optional<bool> lined_up_;
  // Then:
  std::size_t first_ = 0;      // in the ring: who is on the GPU
  Duration round_{};           // a slice of each, and its pre-emption
  std::int64_t least_ns_ = 0;  // that each is sure to run yet
};

}  // namespace gpushare
