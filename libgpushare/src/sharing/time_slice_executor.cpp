#include "sharing/time_slice_executor.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace gpushare {
namespace {

// How many turns are looked at before the one reached becomes an event, though no step ends in it.
constexpr int kTurnsAhead = 64;

// Steps of a process came or went, and some are left.
void steps_changed(TurnTaker& process, const TimeSliceExecutor::Costs& costs) {
  process.set_rates(costs.bandwidth_bytes_per_s);
  const Work& work = process.works.front().work;
  const double bound = work.gpu_s > 0 ? work.memory_s / work.gpu_s : 0;
  process.cost = costs.switch_preempted + duration_from_seconds(costs.refill_s * bound);
}

// When a turn that began at `start` is over while another process waits.
Time slice_end(Time now, Time start, Duration length, const TurnTaker& process) {
  const std::int64_t slice = std::max<std::int64_t>(length.ns, 1);
  const std::int64_t held = (now - start).ns;
  if (held < slice) return start + length;
  if (process.works.size() == 1 && process.works.front().work.one_launch) return now;
  return start + Duration{(held / slice + 1) * slice};
}

}  // namespace

TimeSliceExecutor::TimeSliceExecutor(Costs costs, std::size_t processes)
    : costs_(costs), processes_(processes), unseen_(costs.slice) {
  if (costs_.leases) leases_.emplace(*costs_.leases);
  for (std::size_t process = 0; leases_ && process < processes; ++process) leases_->join(process, 1);
}

int TimeSliceExecutor::add_process(double share) {
  // Whoever was on the GPU last has left its context there: a newcomer has to be brought in, and takes another number.
  const auto vacant = std::find_if(free_.begin(), free_.end(), [this](int process) {
    return static_cast<std::size_t>(process) != turn_.process;
  });
  const int process = vacant == free_.end() ? static_cast<int>(processes_.size()) : *vacant;
  if (vacant == free_.end()) {
    processes_.emplace_back();
  } else {
    free_.erase(vacant);
  }
  if (leases_) leases_->join(static_cast<std::size_t>(process), share);
  return process;
}

void TimeSliceExecutor::remove_process(int process) {
  assert(processes_[static_cast<std::size_t>(process)].works.empty());
  free_.push_back(process);
}

void TimeSliceExecutor::advance(Time now) {
  if (std::exchange(ahead_.known, false) && now >= next_event_)  // nothing has happened since
    ahead_.exchange(turn_, last_, next_turn_, busy_, switching_, processes_);
  const Time limit = std::min(now, next_event_);
  const bool whole_slice =
      turn_.kind == Kind::switching || turn_.give_away == turn_.slice_start + costs_.slice;
  if (next_turn_ < limit && whole_slice && clock_ == 1 && log_ == nullptr &&
      unseen_.line_up(processes_, turn_.process)) {
    const UnseenTurns::Passed passed = unseen_.skip(turn_, last_, limit, processes_);
    busy_ += passed.running;
    switching_ += passed.switching;
    last_ = passed.until;
    next_turn_ = turn_.kind == Kind::switching ? turn_.switch_end : turn_.give_away;  // or next_event_ before
  }
  while (next_turn_ < limit) {
    const Time at = next_turn_;
    elapse(at);
    end_turn(at);
    take_turn(at);
  }
  elapse(now);
  unseen_.forget();
}

void TimeSliceExecutor::pass_turns(Time now) {
  advance(now);
  while (passes_turns_ && next_turn_ <= now && next_event_ > now) {
    end_turn(now);
    take_turn(now);
  }
}

void TimeSliceExecutor::elapse(Time now) {
  const Duration passed = now - last_;
  last_ = now;
  if (passed.ns <= 0) return;
  switch (turn_.kind) {
    case Kind::running:
      busy_ += passed;
      processes_[turn_.process].ran += passed;
      if (leases_) leases_->charge(turn_.process, passed);
      break;
    case Kind::switching:
      switching_ += passed;
      break;
    case Kind::idle:
      // Whoever has had its share of a strict plan waits by design.
      if (runnable_ > 0 && (!leases_ || leases_->next(turn_.process)))
        account_.idle_with_work_s += to_seconds(passed);
      break;
  }
  if (leases_) leases_->reach(now);
}

void TimeSliceExecutor::submit(Time now, const Work& work) {
  advance(now);
  TurnTaker& process = processes_[static_cast<std::size_t>(work.process)];
  account_.energy_j += process.bring_up(clock_) * draw_share_;
  if (process.works.empty()) {
    ++runnable_;
    unseen_.join(static_cast<std::size_t>(work.process));
    if (leases_) leases_->wake(static_cast<std::size_t>(work.process));
  }
  process.works.push_back({work, work.gpu_s, 1});
  steps_changed(process, costs_);
  account_.submitted_s += work.gpu_s;
}

void TimeSliceExecutor::collect(Time now, std::vector<StepId>& finished) {
  advance(now);
  TurnTaker& process = processes_[turn_.process];
  if (turn_.kind != Kind::running || !process.any_ended(clock_)) return end_turn(now);
  account_.energy_j += process.bring_up(clock_) * draw_share_;
  std::erase_if(process.works, [&](const ActiveWork& active) {
    if (!process.has_ended(active, clock_)) return false;
    finished.push_back(active.work.step);
    account_.finished_s += active.work.gpu_s;
    return true;
  });
  if (!process.works.empty()) return steps_changed(process, costs_);
  --runnable_;
  unseen_.leave(turn_.process);
  if (leases_) leases_->rest(turn_.process);
  enter(Kind::idle, now);
}

// The process on the GPU has been brought in, or may have to give it away.
void TimeSliceExecutor::end_turn(Time now) {
  if (turn_.kind == Kind::switching) {
    if (now >= turn_.switch_end) run(now);
    return;
  }
  if (turn_.kind != Kind::running || now < turn_.give_away || !(leases_ || runnable_ > 1)) return;
  const auto next = next_runnable(now, false);
  if (!next) {
    enter(Kind::idle, now);
  } else if (*next != turn_.process) {
    hand_over(now, *next, turn_.preempted ? processes_[turn_.process].cost : costs_.switch_idle);
  }
}

void TimeSliceExecutor::abort(Time now, int index, std::vector<StepId>& dropped) {
  advance(now);
  TurnTaker& process = processes_[static_cast<std::size_t>(index)];
  if (process.works.empty()) return;
  account_.energy_j += process.bring_up(clock_) * draw_share_;
  for (const ActiveWork& active : process.works) {
    dropped.push_back(active.work.step);
    account_.finished_s += active.work.gpu_s;
  }
  process.works.clear();
  --runnable_;
  unseen_.leave(static_cast<std::size_t>(index));
  if (leases_) leases_->rest(static_cast<std::size_t>(index));
  if (static_cast<std::size_t>(index) == turn_.process && turn_.kind != Kind::idle) enter(Kind::idle, now);
}

void TimeSliceExecutor::settle(Time now) {
  if (last_ < now) advance(now);
  ahead_.known = false;
  take_turn(now);
  const bool seen = turn_.kind == Kind::idle || turns_shown_ || leases_ || log_ != nullptr;
  unseen_.forget();
  const bool lined_up = !seen && unseen_.line_up(processes_, turn_.process);
  passes_turns_ = !seen && !lined_up &&
                  std::all_of(processes_.begin(), processes_.end(),
                              [](const auto& one) { return one.works.size() <= 1; });
  next_event_ = lined_up        ? unseen_.first_end(turn_, last_, next_turn_, processes_)
                : passes_turns_ ? next_end()
                                : next_turn_;
}

Time TimeSliceExecutor::earliest_end(int index) const {
  const TurnTaker& process = processes_[static_cast<std::size_t>(index)];
  double least = to_seconds(kForever);
  for (const ActiveWork& active : process.works) least = std::min(least, process.left_s(active, clock_));
  return last_ + duration_from_seconds(least);
}

void TimeSliceExecutor::take_turn(Time now) {
  if (turn_.kind == Kind::idle && runnable_ > 0) {
    const auto next = next_runnable(now, true);
    if (next && *next != turn_.process) {
      hand_over(
          now, *next,
          processes_[turn_.process].works.empty() ? costs_.switch_idle : processes_[turn_.process].cost);
    } else if (next) {
      run(now);
    }
  }
  if (turn_.kind == Kind::idle) {
    next_turn_ = leases_ && runnable_ > 0 ? leases_->next_plan() : kNever;
    return;
  }
  if (turn_.kind == Kind::switching) {
    next_turn_ = turn_.switch_end;
    return;
  }
  turn_.preempted = true;
  turn_.give_away = kNever;
  if (leases_) {
    turn_.give_away = leases_->end(now, turn_.slice_start, turn_.process);
  } else if (runnable_ > 1) {
    const Time slice = slice_end(now, turn_.slice_start, costs_.slice, processes_[turn_.process]);
    const Time segment = processes_[turn_.process].segment_end(now, clock_);
    turn_.preempted = slice < segment;
    turn_.give_away = std::min(slice, segment);
  }
  next_turn_ = std::min(turn_.give_away, processes_[turn_.process].first_end(now, clock_));
}

// Goes through the turns to come, and back.
Time TimeSliceExecutor::next_end() {
  if (runnable_ == 1 && !leases_ &&  // nobody takes turns with it
      !processes_[turn_.process].works.empty())
    return turn_.kind == Kind::running ? next_turn_
                                       : processes_[turn_.process].first_end(turn_.switch_end, clock_);
  ahead_ = {false, turn_, last_, next_turn_, busy_, switching_, std::move(ahead_.ran)};
  ahead_.ran.clear();
  for (const TurnTaker& process : processes_) ahead_.ran.push_back(process.ran);
  bool found = false;
  Time at = next_turn_;
  for (int turns = 0; turns < kTurnsAhead; ++turns) {
    const Time before = std::exchange(at, next_turn_);
    if (at == kNever) break;
    elapse(at);
    if (turn_.kind == Kind::running && processes_[turn_.process].any_ended(clock_)) {
      found = before < at;  // turns of one instant are taken when it comes
      break;
    }
    end_turn(at);
    take_turn(at);
  }
  ahead_.exchange(turn_, last_, next_turn_, busy_, switching_, processes_);
  ahead_.known = found;
  return at;
}

std::optional<std::size_t> TimeSliceExecutor::next_runnable(Time now, bool may_stay) const {
  const bool goes_on = may_stay && !processes_[turn_.process].works.empty();
  if (goes_on && (!leases_ || leases_->end(now, turn_.slice_start, turn_.process) > now))
    return turn_.process;
  if (leases_) return leases_->next(turn_.process);
  std::size_t next = turn_.process;
  do {
    next = next + 1 == processes_.size() ? 0 : next + 1;
  } while (processes_[next].works.empty());
  return next;
}

double TimeSliceExecutor::draw_w(bool over_turns) const {
  if (!over_turns) return turn_.kind == Kind::running ? processes_[turn_.process].draw_w() : 0;
  if (runnable_ == 0) return 0;
  double sum = 0;
  for (const TurnTaker& process : processes_)
    if (!process.works.empty()) sum += process.draw_w();
  const double mean = sum / static_cast<double>(runnable_);
  return runnable_ == 1
             ? mean
             : mean * to_seconds(costs_.slice) / to_seconds(costs_.slice + costs_.switch_preempted);
}

void TimeSliceExecutor::set_clock(Time now, double clock, double draw_share) {
  if (clock == clock_) return;
  advance(now);
  for (TurnTaker& process : processes_) account_.energy_j += process.bring_up(clock_) * draw_share_;
  clock_ = clock;
  draw_share_ = draw_share;
  if (next_turn_ > now && turn_.kind != Kind::idle)
    settle(now);  // what is due at this instant is collected first
}

void TimeSliceExecutor::enter(Kind kind, Time now) {
  if (log_ != nullptr) {
    if (turn_.kind != Kind::idle && now > since_)
      log_->holds.push_back({static_cast<int>(turn_.process), turn_.kind == Kind::switching, since_, now});
    since_ = now;
  }
  turn_.kind = kind;
}

void TimeSliceExecutor::hand_over(Time now, std::size_t next, Duration cost) {
  enter(Kind::switching, now);
  turn_.process = next;
  turn_.switch_end = now + cost;
  if (cost.ns == 0) run(now);
}

void TimeSliceExecutor::run(Time now) {
  if (processes_[turn_.process].works.empty()) {  // aborted while it was being brought in
    enter(Kind::idle, now);
    return;
  }
  if (!leases_ || turn_.kind == Kind::switching)
    turn_.slice_start = now;  // a lease goes on from one step to the next
  enter(Kind::running, now);
  turn_.give_away = kNever;
}

void TimeSliceExecutor::absorb(Time start, Time end, double gpu_s, double power_w) {
  if (end > start) {
    busy_ += end - start;
    account_.energy_j += power_w * to_seconds(end - start);
  }
  account_.submitted_s += gpu_s;
  account_.finished_s += gpu_s;
  last_ = end;
}

ExecutorAccount TimeSliceExecutor::account(Time now) {
  advance(now);
  ExecutorAccount account = account_;
  account.busy_s = to_seconds(busy_);
  account.switching_s = to_seconds(switching_);
  for (const TurnTaker& process : processes_)
    account.energy_j += process.draw_w() * draw_share_ * to_seconds(process.ran);
  return account;
}

}  // namespace gpushare
