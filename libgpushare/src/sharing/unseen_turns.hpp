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

  /// Who takes turns, from whom is on the GPU on; false where turns depend on more than that. It is looked at once until
  /// forget() is called, which it must be when a process runs or has other steps.
  [[nodiscard]] bool line_up(std::span<const TurnTaker> processes, std::size_t current);
  void forget() { lined_up_.reset(); }

  // After line_up(). `next` is when the turn or the hand-over in progress ends, or the step of who runs.
  /// When the first step ends if nothing is handed in before it.
  [[nodiscard]] Time first_end(const TurnState& state, Time last, Time next);
  /// Time that went by since `last`.
  struct Passed {
    Time until{};
    Duration running{}, switching{};
  };
  /// Past the turns and hand-overs that are over before `limit`, which is no later than first_end().
  Passed skip(TurnState& state, Time last, Time limit, std::span<TurnTaker> processes);

 private:
  struct Turn {
    std::size_t process = 0;
    double left_s = 0;       ///< when the process was brought up last
    Duration ran{}, cost{};  ///< since then, and of its pre-emption
    [[nodiscard]] double now_left_s() const { return left_s - to_seconds(ran); }
  };
  [[nodiscard]] bool fill_ring(std::span<const TurnTaker> processes, std::size_t current);
  [[nodiscard]] Duration round() const;

  Duration slice_;
  std::optional<bool> lined_up_;
  std::vector<Turn> ring_;
  std::vector<Turn> ahead_;  // scratch of first_end
};

}  // namespace gpushare
