#include "sharing/unseen_turns.hpp"

#include <algorithm>
#include <cstdint>

namespace gpushare {
namespace {

using Kind = TurnState::Kind;

}  // namespace

void UnseenTurns::join(std::size_t process) {
  ring_.insert(std::lower_bound(ring_.begin(), ring_.end(), process), static_cast<std::uint32_t>(process));
}

void UnseenTurns::leave(std::size_t process) {
  ring_.erase(std::lower_bound(ring_.begin(), ring_.end(), process));
}

bool UnseenTurns::survey(std::span<const TurnTaker> processes, std::size_t current) {
  const auto first = std::find(ring_.begin(), ring_.end(), current);
  if (ring_.size() < 2 || first == ring_.end() || slice_.ns < 1) return false;
  first_ = static_cast<std::size_t>(first - ring_.begin());
  round_ = slice_ * static_cast<std::int64_t>(ring_.size());
  least_ns_ = kNever.ns;
  for (const std::uint32_t index : ring_) {
    const TurnTaker& process = processes[index];
    if (process.sure_ns == TurnTaker::kUnsure) return false;
    least_ns_ = std::min(least_ns_, process.sure_ns - process.ran.ns);
    round_ += process.cost;
  }
  return true;
}

Time UnseenTurns::end_in_turn(Time now, const TurnTaker& process, Duration longer) const {
  const double left_s = process.works.front().left_s - to_seconds(process.ran + longer);
  const Time finish = now + duration_from_seconds(left_s), end = now + slice_;
  if (finish <= end) return finish;
  return left_s - to_seconds(slice_) <= kWorkEpsilon ? end : kNever;
}

Time UnseenTurns::first_end(const TurnState& state, Time last, Time next,
                            std::span<const TurnTaker> processes) const {
  const bool running = state.kind == Kind::running;
  const TurnTaker& first = processes[ring_[first_]];
  const Duration in_progress = running ? next - last : Duration{};
  const std::int64_t first_ns = first.sure_ns - first.ran.ns - in_progress.ns;
  if (running && first_ns <= 0 &&
      first.works.front().left_s - to_seconds(first.ran + in_progress) <= kWorkEpsilon)
    return next;
  // In so many rounds no step ends.
  const std::int64_t rounds = std::max<std::int64_t>(0, std::min(least_ns_, first_ns) / slice_.ns);
  Duration slices = slice_ * rounds;
  Time now = next + (running ? first.cost : Duration{}) + round_ * rounds;
  const std::size_t last_in_round = running ? first_ : (first_ == 0 ? ring_.size() : first_) - 1;
  for (std::size_t place = after(last_in_round);; place = after(place)) {
    const TurnTaker& process = processes[ring_[place]];
    const Duration longer = place == first_ && running ? slices + in_progress : slices;
    if (process.sure_ns - process.ran.ns - longer.ns <= slice_.ns)
      if (const Time end = end_in_turn(now, process, longer); end != kNever) return end;
    now = now + slice_ + process.cost;
    if (place == last_in_round) slices += slice_;
  }
}

UnseenTurns::Passed UnseenTurns::skip(TurnState& state, Time last, Time limit,
                                      std::span<TurnTaker> processes) const {
  bool running = state.kind == Kind::running;
  Time at = running ? state.give_away : state.switch_end;
  if (at >= limit) return {last, {}, {}};
  Passed passed;
  (running ? passed.running : passed.switching) = at - last;
  if (running) processes[ring_[first_]].ran += at - last;
  if ((limit - at).ns > round_.ns) {
    const std::int64_t rounds = ((limit - at).ns - 1) / round_.ns;
    const Duration slices = slice_ * rounds, all = round_ * rounds;
    for (const std::uint32_t index : ring_) processes[index].ran += slices;
    const Duration ran = slices * static_cast<std::int64_t>(ring_.size());
    passed.running += ran;
    passed.switching += all - ran;
    at = at + all;
  }
  std::size_t place = first_;
  while (true) {  // a slice or a hand-over has just ended
    running = !running;
    TurnTaker& process = processes[ring_[place]];
    const Time end = at + (running ? slice_ : process.cost);
    if (running) state.slice_start = at;
    if (!running) place = after(place);
    if (end >= limit) {
      (running ? state.give_away : state.switch_end) = end;
      break;
    }
    if (running) process.ran += slice_;
    (running ? passed.running : passed.switching) += end - at;
    at = end;
  }
  state.kind = running ? Kind::running : Kind::switching;
  state.process = ring_[place];
  state.preempted = true;
  passed.until = at;
  return passed;
}

}  // namespace gpushare
