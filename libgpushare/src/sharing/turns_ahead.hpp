#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "sharing/turn_taker.hpp"
#include "sharing/unseen_turns.hpp"

namespace gpushare {

/// How a time-sliced partition will stand when the next step ends, if nothing happens before: what was found when turns were
/// gone through to see when that is.
struct TurnsAhead {
  bool known = false;
  TurnState turn{};
  Time last{}, next_turn{};
  Duration busy{}, switching{};
  std::vector<Duration> ran{};  ///< of each process

  /// The partition as it stands takes the place of what is here, and the other way round.
  void exchange(TurnState& its_turn, Time& its_last, Time& its_next_turn, Duration& its_busy,
                Duration& its_switching, std::span<TurnTaker> processes) {
    std::swap(turn, its_turn);
    std::swap(last, its_last);
    std::swap(next_turn, its_next_turn);
    std::swap(busy, its_busy);
    std::swap(switching, its_switching);
    for (std::size_t i = 0; i < ran.size(); ++i) std::swap(ran[i], processes[i].ran);
  }
};

}  // namespace gpushare
