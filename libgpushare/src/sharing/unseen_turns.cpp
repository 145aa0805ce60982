#include "sharing/unseen_turns.hpp"

#include <algorithm>
#include <cstdint>

namespace gpushare {
namespace {

// A turn that begins with so little more than a slice left is looked at: its step may end in it.
constexpr double kNear = 1e-9;

using Kind = TurnState::Kind;

}  // namespace

bool UnseenTurns::line_up(std::span<const TurnTaker> processes, std::size_t current) {
  if (!lined_up_) lined_up_ = fill_ring(processes, current);
  return *lined_up_;
}

bool UnseenTurns::fill_ring(std::span<const TurnTaker> processes, std::size_t current) {
  ring_.clear();
  if (processes[current].works.empty()) return false;
  for (std::size_t i = 0, index = current; i < processes.size(); ++i) {
    const TurnTaker& process = processes[index];
    if (!process.works.empty()) {
      const ActiveWork& active = process.works.front();
      if (process.works.size() > 1 || active.work.segments > 1) return false;
      ring_.push_back({index, active.left_s, process.ran, process.cost});
    }
    if (++index == processes.size()) index = 0;
  }
  return ring_.size() > 1;
}

Duration UnseenTurns::round() const {
  Duration all{};
  for (const Turn& turn : ring_) all += slice_ + turn.cost;
  return all;
}

Time UnseenTurns::first_end(const TurnState& state, Time last, Time next) {
  ahead_ = ring_;
  Time now = next;
  std::size_t turn = 0;
  if (state.kind == Kind::running) {
    Turn& first = ahead_.front();
    first.ran += now - last;
    if (first.now_left_s() <= kWorkEpsilon) return now;
    now = now + first.cost;
    turn = 1;
  }
  const double slice_s = to_seconds(slice_);
  double rounds = 1e9;  // in which no step ends
  for (const Turn& each : ahead_) rounds = std::min(rounds, each.now_left_s() / slice_s - 1);
  if (const auto whole = static_cast<std::int64_t>(rounds); whole > 0) {
    for (Turn& each : ahead_) each.ran += slice_ * whole;
    now = now + round() * whole;
  }
  while (true) {
    Turn& each = ahead_[turn];
    const Time end = now + slice_;
    if (const double left = each.now_left_s(); left <= slice_s + kNear) {
      if (const Time finish = now + duration_from_seconds(left); finish <= end) return finish;
      if (left - slice_s <= kWorkEpsilon) return end;
    }
    each.ran += slice_;
    now = end + each.cost;
    if (++turn == ahead_.size()) turn = 0;
  }
}

UnseenTurns::Passed UnseenTurns::skip(TurnState& state, Time last, Time limit,
                                      std::span<TurnTaker> processes) {
  bool running = state.kind == Kind::running;
  Time at = running ? state.give_away : state.switch_end;
  if (at >= limit) return {last, {}, {}};
  Passed passed;
  (running ? passed.running : passed.switching) = at - last;
  if (running) ring_.front().ran += at - last;
  if (const Duration all = round(); (limit - at).ns > all.ns) {
    const std::int64_t rounds = ((limit - at).ns - 1) / all.ns;
    const Duration slices = slice_ * rounds;
    for (Turn& each : ring_) each.ran += slices;
    const Duration ran = slices * static_cast<std::int64_t>(ring_.size());
    passed.running += ran;
    passed.switching += all * rounds - ran;
    at = at + all * rounds;
  }
  std::size_t turn = 0;
  while (true) {  // a slice or a hand-over has just ended
    running = !running;
    Turn& each = ring_[turn];
    const Time end = at + (running ? slice_ : each.cost);
    if (running) state.slice_start = at;
    if (!running && ++turn == ring_.size()) turn = 0;
    if (end >= limit) {
      (running ? state.give_away : state.switch_end) = end;
      break;
    }
    if (running) each.ran += slice_;
    (running ? passed.running : passed.switching) += end - at;
    at = end;
  }
  for (const Turn& each : ring_) processes[each.process].ran = each.ran;
  state.kind = running ? Kind::running : Kind::switching;
  state.process = ring_[turn].process;
  state.preempted = true;
  passed.until = at;
  return passed;
}

}  // namespace gpushare
