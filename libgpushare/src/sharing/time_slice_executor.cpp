#include "sharing/time_slice_executor.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "sharing/contention.hpp"

namespace gpushare {

TimeSliceExecutor::TimeSliceExecutor(Costs costs, std::size_t processes)
    : costs_(costs), processes_(processes) {
  if (costs_.leases) leases_.emplace(*costs_.leases);
  for (std::size_t process = 0; leases_ && process < processes; ++process) leases_->join(process, 1);
}

int TimeSliceExecutor::add_process(double share) {
  // Whoever was on the GPU last has left its context there: a newcomer has to be brought in, and takes another number.
  const auto vacant = std::find_if(free_.begin(), free_.end(), [this](int process) {
    return static_cast<std::size_t>(process) != current_;
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
  const Time limit = std::min(now, next_event_);
  if (next_turn_ < limit) skip_turns(limit);
  while (next_turn_ < limit) {
    const Time at = next_turn_;
    elapse(at);
    end_turn(at);
    settle(at);
  }
  elapse(now);
}

void TimeSliceExecutor::elapse(Time now) {
  const Duration passed = now - last_;
  last_ = now;
  if (passed.ns <= 0) return;
  switch (state_) {
    case State::running:
      busy_ += passed;
      processes_[current_].ran += passed;
      if (leases_) leases_->charge(current_, passed);
      break;
    case State::switching:
      switching_ += passed;
      break;
    case State::idle:
      // Whoever has had its share of a strict plan waits by design.
      if (runnable_ > 0 && (!leases_ || leases_->next(current_)))
        account_.idle_with_work_s += to_seconds(passed);
      break;
  }
  if (leases_) leases_->reach(now);
}

void TimeSliceExecutor::bring_up(Process& process) {
  const Duration ran = std::exchange(process.ran, {});
  if (ran.ns == 0) return;
  account_.energy_j += draw_w(process) * draw_share_ * to_seconds(ran);
  for (ActiveWork& active : process.works) active.left_s = left_s(active, ran);
}

void TimeSliceExecutor::submit(Time now, const Work& work) {
  advance(now);
  Process& process = processes_[static_cast<std::size_t>(work.process)];
  bring_up(process);
  if (process.works.empty()) {
    ++runnable_;
    if (leases_) leases_->wake(static_cast<std::size_t>(work.process));
  }
  process.works.push_back({work, work.gpu_s, 1});
  set_rates(process);
  account_.submitted_s += work.gpu_s;
}

void TimeSliceExecutor::collect(Time now, std::vector<StepId>& finished) {
  advance(now);
  if (state_ != State::running) return end_turn(now);
  Process& process = processes_[current_];
  const auto has_ended = [&](const ActiveWork& active) {
    return left_s(active, process.ran) <= kWorkEpsilon;
  };
  if (std::none_of(process.works.begin(), process.works.end(), has_ended)) return end_turn(now);
  bring_up(process);
  std::erase_if(process.works, [&](const ActiveWork& active) {
    if (!has_ended(active)) return false;
    finished.push_back(active.work.step);
    account_.finished_s += active.work.gpu_s;
    return true;
  });
  set_rates(process);
  if (!process.works.empty()) return;
  --runnable_;
  if (leases_) leases_->rest(current_);
  enter(State::idle, now);
}

// The process on the GPU has been brought in, or may have to give it away.
void TimeSliceExecutor::end_turn(Time now) {
  if (state_ == State::switching) {
    if (now >= switch_end_) run(now);
    return;
  }
  if (state_ != State::running || now < give_away_ || !(leases_ || others_wait())) return;
  const auto next = next_runnable(now, false);
  if (!next) {
    enter(State::idle, now);
  } else if (*next != current_) {
    hand_over(now, *next, preempted_ ? processes_[current_].cost : costs_.switch_idle);
  }
}

void TimeSliceExecutor::abort(Time now, int index, std::vector<StepId>& dropped) {
  advance(now);
  Process& process = processes_[static_cast<std::size_t>(index)];
  if (process.works.empty()) return;
  bring_up(process);
  for (const ActiveWork& active : process.works) {
    dropped.push_back(active.work.step);
    account_.finished_s += active.work.gpu_s;
  }
  process.works.clear();
  --runnable_;
  if (leases_) leases_->rest(static_cast<std::size_t>(index));
  if (static_cast<std::size_t>(index) == current_ && state_ != State::idle) enter(State::idle, now);
}

void TimeSliceExecutor::settle(Time now) {
  if (last_ < now) advance(now);
  if (state_ == State::idle && runnable_ > 0) {
    const auto next = next_runnable(now, true);
    if (next && *next != current_) {
      hand_over(now, *next, current().empty() ? costs_.switch_idle : processes_[current_].cost);
    } else if (next) {
      run(now);
    }
  }
  schedule(now);
}

void TimeSliceExecutor::schedule(Time now) {
  if (state_ == State::idle) {
    next_event_ = next_turn_ = leases_ && runnable_ > 0 ? leases_->next_plan() : kNever;
    return;
  }
  if (state_ == State::switching) {
    next_turn_ = switch_end_;
  } else {
    give_away_ = turn_end(now);
    next_turn_ = give_away_;
    for (const ActiveWork& active : current())
      next_turn_ = std::min(next_turn_, end_of(active, processes_[current_].ran, now));
  }
  next_event_ = turns_shown_ || leases_ ? next_turn_ : first_end();
}

Time TimeSliceExecutor::turn_end(Time now) {
  preempted_ = true;
  if (leases_) return leases_->end(now, slice_start_, current_);
  if (!others_wait()) return kNever;
  const Time slice = slice_end(now);
  const Time segment =
      current().size() == 1 ? segment_end(now, current().front(), processes_[current_].ran) : kNever;
  preempted_ = slice < segment;
  return std::min(slice, segment);
}

// Where the step gives the GPU away by itself while another process waits.
Time TimeSliceExecutor::segment_end(Time now, const ActiveWork& active, Duration ran) const {
  if (active.work.segments <= 1) return kNever;
  const double length = active.work.gpu_s / active.work.segments;
  // Parts still to do, counting the one in progress; a remainder of rounding belongs to the part that just ended.
  const double left = left_s(active, ran);
  const double parts_left = std::ceil((left - kWorkEpsilon) / length);
  if (parts_left <= 1) return kNever;
  return now + duration_from_seconds((left - (parts_left - 1) * length) / active.speed(clock_));
}

void TimeSliceExecutor::set_rates(Process& process) {
  std::vector<ActiveWork>& works = process.works;
  if (works.empty()) return;
  process.cost = preemption_cost(works.front().work);
  if (works.size() == 1) {
    works.front().rate = 1;
    return;
  }
  constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  const std::vector<double> sms(processes_.size(), 1.0);
  const std::vector<int> steps_of(processes_.size(), static_cast<int>(works.size()));
  set_contended_rates(
      works,
      {costs_.bandwidth_bytes_per_s > 0 ? costs_.bandwidth_bytes_per_s : kNoLimit, 0, sms, steps_of, {}});
}

std::optional<std::size_t> TimeSliceExecutor::next_runnable(Time now, bool may_stay) const {
  const bool goes_on = may_stay && !current().empty();
  if (goes_on && (!leases_ || leases_->end(now, slice_start_, current_) > now)) return current_;
  if (leases_) return leases_->next(current_);
  std::size_t next = current_;
  do {
    next = next + 1 == processes_.size() ? 0 : next + 1;
  } while (processes_[next].works.empty());
  return next;
}

Time TimeSliceExecutor::slice_end(Time now) const {
  const std::int64_t slice = std::max<std::int64_t>(costs_.slice.ns, 1);
  const std::int64_t held = (now - slice_start_).ns;
  if (held < slice) return slice_start_ + costs_.slice;
  if (current().size() == 1 && current().front().work.one_launch) return now;
  return slice_start_ + Duration{(held / slice + 1) * slice};
}

Duration TimeSliceExecutor::preemption_cost(const Work& work) const {
  const double bound = work.gpu_s > 0 ? work.memory_s / work.gpu_s : 0;
  return costs_.switch_preempted + duration_from_seconds(costs_.refill_s * bound);
}

double TimeSliceExecutor::draw_w() const {
  return state_ == State::running ? draw_w(processes_[current_]) : 0;
}

double TimeSliceExecutor::draw_w(const Process& process) const {
  double draw = 0;
  for (const ActiveWork& active : process.works) draw += active.work.power_w * active.rate;
  return draw;
}

void TimeSliceExecutor::set_clock(Time now, double clock, double draw_share) {
  if (clock == clock_) return;
  advance(now);
  for (Process& process : processes_) bring_up(process);
  clock_ = clock;
  draw_share_ = draw_share;
  if (next_turn_ > now) schedule(now);  // what is due at this instant is collected first
}

void TimeSliceExecutor::enter(State state, Time now) {
  if (log_ != nullptr) {
    if (state_ != State::idle && now > since_)
      log_->holds.push_back({static_cast<int>(current_), state_ == State::switching, since_, now});
    since_ = now;
  }
  state_ = state;
}

void TimeSliceExecutor::hand_over(Time now, std::size_t next, Duration cost) {
  enter(State::switching, now);
  current_ = next;
  switch_end_ = now + cost;
  if (cost.ns == 0) run(now);
}

void TimeSliceExecutor::run(Time now) {
  if (current().empty()) {  // aborted while it was being brought in
    enter(State::idle, now);
    return;
  }
  if (!leases_ || state_ == State::switching)
    slice_start_ = now;  // a lease goes on from one step to the next
  enter(State::running, now);
  give_away_ = kNever;
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
  for (const Process& process : processes_)
    account.energy_j += draw_w(process) * draw_share_ * to_seconds(process.ran);
  return account;
}

}  // namespace gpushare
