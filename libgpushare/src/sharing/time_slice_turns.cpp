#include <algorithm>
#include <cstdint>

#include "sharing/time_slice_executor.hpp"

// Turns that nobody has to see: when the first step ends after them, and going past them round by round.

namespace gpushare {

namespace {

// A turn that begins with so little left has to be looked at: its step ends in it, or so near to its end that it may.
constexpr double kNear = 1e-9;

}  // namespace

// Who takes turns, from whom is on the GPU on; false where a turn depends on more than one step of each.
bool TimeSliceExecutor::line_up() {
  ring_.clear();
  if (runnable_ < 2 || current().empty()) return false;
  for (std::size_t i = 0, index = current_; i < processes_.size(); ++i) {
    const Process& process = processes_[index];
    if (!process.works.empty()) {
      const ActiveWork& active = process.works.front();
      if (process.works.size() > 1 || active.work.segments > 1) return false;
      ring_.push_back({index, &active, process.ran, process.cost});
    }
    if (++index == processes_.size()) index = 0;
  }
  return true;
}

Duration TimeSliceExecutor::round() const {
  Duration all{};
  for (const Turn& turn : ring_) all += costs_.slice + turn.cost;
  return all;
}

// The end of the first step to end, if nothing is handed in before it.
Time TimeSliceExecutor::first_end() {
  if (!line_up()) return next_turn_;
  Time now = next_turn_;
  std::size_t turn = 0;
  if (state_ == State::running) {
    Turn& first = ring_.front();
    first.ran += now - last_;
    if (left_s(*first.active, first.ran) <= kWorkEpsilon) return now;
    now = now + first.cost;
    turn = 1;
  }
  const double slice_s = to_seconds(costs_.slice);
  double rounds = 1e9;  // in which no step ends
  for (const Turn& each : ring_) rounds = std::min(rounds, left_s(*each.active, each.ran) / slice_s - 1);
  if (const auto whole = static_cast<std::int64_t>(rounds); whole > 0) {
    for (Turn& each : ring_) each.ran += costs_.slice * whole;
    now = now + round() * whole;
  }
  while (true) {
    Turn& next = ring_[turn];
    const Time end = now + costs_.slice;
    if (left_s(*next.active, next.ran) <= slice_s + kNear) {
      const Time finish = end_of(*next.active, next.ran, now);
      if (finish <= end) return finish;
      if (left_s(*next.active, next.ran + costs_.slice) <= kWorkEpsilon) return end;
    }
    next.ran += costs_.slice;
    now = end + next.cost;
    if (++turn == ring_.size()) turn = 0;
  }
}

// Past turns that are over before `limit`, which is not after the first end of a step.
void TimeSliceExecutor::skip_turns(Time limit) {
  const bool whole_slice = state_ == State::switching || give_away_ == slice_start_ + costs_.slice;
  if (log_ != nullptr || leases_ || !whole_slice || !line_up()) return;
  Time at = state_ == State::switching ? switch_end_ : give_away_;
  if (at >= limit) return;
  (state_ == State::switching ? switching_ : busy_) += at - last_;
  std::size_t turn = 0;
  bool running = state_ == State::running;
  if (running) ring_.front().ran += at - last_;
  // Now at the beginning of a hand-over, or of a slice.
  if (const Duration all = round(); (limit - at).ns > all.ns) {
    const std::int64_t rounds = ((limit - at).ns - 1) / all.ns;
    const Duration slices = costs_.slice * rounds;
    for (Turn& each : ring_) each.ran += slices;
    const Duration ran = slices * static_cast<std::int64_t>(ring_.size());
    busy_ += ran;
    switching_ += all * rounds - ran;
    at = at + all * rounds;
  }
  Time end = at;
  while (true) {
    running = !running;
    Turn& next = ring_[turn];
    if (running) {
      slice_start_ = at;
      end = at + costs_.slice;
      if (end >= limit) break;
      next.ran += costs_.slice;
      busy_ += costs_.slice;
    } else {
      end = at + next.cost;
      if (++turn == ring_.size()) turn = 0;
      if (end >= limit) break;
      switching_ += next.cost;
    }
    at = end;
  }
  for (const Turn& each : ring_) processes_[each.process].ran = each.ran;
  last_ = at;
  current_ = ring_[turn].process;
  state_ = running ? State::running : State::switching;
  (running ? give_away_ : switch_end_) = end;
  preempted_ = true;
  next_turn_ = running ? std::min(end, end_of(current().front(), ring_[turn].ran, at)) : end;
}

}  // namespace gpushare
