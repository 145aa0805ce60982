#include "sharing/time_slice_executor.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "sharing/contention.hpp"

namespace gpushare {

namespace {

// Where the step gives the GPU away by itself while another process waits.
Time segment_end(Time now, const std::vector<ActiveWork>& works, double clock) {
  if (works.size() != 1 || works.front().work.segments <= 1) return kNever;
  const ActiveWork& active = works.front();
  const double length = active.work.gpu_s / active.work.segments;
  // Parts still to do, counting the one in progress; a remainder of rounding belongs to the part that just ended.
  const double parts_left = std::ceil((active.left_s - kWorkEpsilon) / length);
  const double left_in_part = active.left_s - (parts_left - 1) * length;
  if (parts_left <= 1) return kNever;
  return now + duration_from_seconds(left_in_part / active.speed(clock));
}

}  // namespace

TimeSliceExecutor::TimeSliceExecutor(Costs costs, std::size_t processes) : costs_(costs), works_(processes) {
  if (costs_.leases) leases_.emplace(*costs_.leases);
  for (std::size_t process = 0; leases_ && process < processes; ++process) leases_->join(process, 1);
}

int TimeSliceExecutor::add_process(double share) {
  // Whoever was on the GPU last has left its context there: a newcomer has to be brought in, and takes another number.
  const auto vacant = std::find_if(free_.begin(), free_.end(), [this](int process) {
    return static_cast<std::size_t>(process) != current_;
  });
  const int process = vacant == free_.end() ? static_cast<int>(works_.size()) : *vacant;
  if (vacant == free_.end()) {
    works_.emplace_back();
  } else {
    free_.erase(vacant);
  }
  if (leases_) leases_->join(static_cast<std::size_t>(process), share);
  return process;
}

void TimeSliceExecutor::remove_process(int process) {
  assert(works_[static_cast<std::size_t>(process)].empty());
  free_.push_back(process);
}

void TimeSliceExecutor::advance(Time now) {
  const Duration passed = now - last_;
  const double elapsed = to_seconds(passed);
  last_ = now;
  if (elapsed <= 0) return;
  switch (state_) {
    case State::running: {
      account_.busy_s += elapsed;
      account_.energy_j += draw_w() * draw_share_ * elapsed;
      if (leases_) leases_->charge(current_, passed);
      for (ActiveWork& active : current()) active.left_s -= elapsed * active.rate * active.speed(clock_);
      break;
    }
    case State::switching:
      account_.switching_s += elapsed;
      break;
    case State::idle:
      // Whoever has had its share of a strict plan waits by design.
      if (runnable_ > 0 && (!leases_ || leases_->next(current_))) account_.idle_with_work_s += elapsed;
      break;
  }
  if (leases_) leases_->reach(now);
}

void TimeSliceExecutor::submit(Time now, const Work& work) {
  advance(now);
  auto& works = works_[static_cast<std::size_t>(work.process)];
  if (works.empty()) {
    ++runnable_;
    if (leases_) leases_->wake(static_cast<std::size_t>(work.process));
  }
  works.push_back({work, work.gpu_s, 1});
  set_rates(works);
  account_.submitted_s += work.gpu_s;
}

void TimeSliceExecutor::collect(Time now, std::vector<StepId>& finished) {
  advance(now);
  if (state_ == State::switching) {
    if (now >= switch_end_) run(now);
    return;
  }
  if (state_ != State::running) return;
  const std::size_t before = current().size();
  std::erase_if(current(), [&](const ActiveWork& active) {
    if (active.left_s > kWorkEpsilon) return false;
    finished.push_back(active.work.step);
    account_.finished_s += active.work.gpu_s;
    return true;
  });
  if (current().size() < before) set_rates(current());
  if (current().empty()) {
    --runnable_;
    if (leases_) leases_->rest(current_);
    enter(State::idle, now);
  } else if (current().size() == before && now >= give_away_ && (leases_ || others_wait())) {
    const auto next = next_runnable(now, false);
    if (!next) {
      enter(State::idle, now);
    } else if (*next != current_) {
      hand_over(now, *next, preempted_ ? preemption_cost() : costs_.switch_idle);
    }
  }
}

void TimeSliceExecutor::abort(Time now, int process, std::vector<StepId>& dropped) {
  advance(now);
  auto& works = works_[static_cast<std::size_t>(process)];
  if (works.empty()) return;
  for (const ActiveWork& active : works) {
    dropped.push_back(active.work.step);
    account_.finished_s += active.work.gpu_s;
  }
  works.clear();
  --runnable_;
  if (leases_) leases_->rest(static_cast<std::size_t>(process));
  if (static_cast<std::size_t>(process) == current_ && state_ != State::idle) enter(State::idle, now);
}

void TimeSliceExecutor::settle(Time now) {
  if (state_ == State::idle && runnable_ > 0) {
    const auto next = next_runnable(now, true);
    if (next && *next != current_) {
      hand_over(now, *next, current().empty() ? costs_.switch_idle : preemption_cost());
    } else if (next) {
      run(now);
    }
  }
  schedule(now);
}

void TimeSliceExecutor::schedule(Time now) {
  if (state_ == State::idle) {
    next_event_ = leases_ && runnable_ > 0 ? leases_->next_plan() : kNever;
    return;
  }
  if (state_ == State::switching) {
    next_event_ = switch_end_;
    return;
  }
  double least = to_seconds(kForever);
  for (const ActiveWork& active : current())
    least = std::min(least, active.left_s / (active.rate * active.speed(clock_)));
  next_event_ = now + duration_from_seconds(least);
  give_away_ = turn_end(now);
  next_event_ = std::min(next_event_, give_away_);
}

Time TimeSliceExecutor::turn_end(Time now) {
  preempted_ = true;
  if (leases_) return leases_->end(now, slice_start_, current_);
  if (!others_wait()) return kNever;
  const Time slice = slice_end(now);
  const Time segment = segment_end(now, works_[current_], clock_);
  preempted_ = slice < segment;
  return std::min(slice, segment);
}

void TimeSliceExecutor::set_rates(std::vector<ActiveWork>& works) {
  if (works.size() == 1) {
    works.front().rate = 1;
    return;
  }
  constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  const std::vector<double> sms(works_.size(), 1.0);
  const std::vector<int> steps_of(works_.size(), static_cast<int>(works.size()));
  set_contended_rates(
      works,
      {costs_.bandwidth_bytes_per_s > 0 ? costs_.bandwidth_bytes_per_s : kNoLimit, 0, sms, steps_of, {}});
}

std::optional<std::size_t> TimeSliceExecutor::next_runnable(Time now, bool may_stay) const {
  const bool goes_on = may_stay && !works_[current_].empty();
  if (goes_on && (!leases_ || leases_->end(now, slice_start_, current_) > now)) return current_;
  if (leases_) return leases_->next(current_);
  std::size_t next = current_;
  do {
    next = next + 1 == works_.size() ? 0 : next + 1;
  } while (works_[next].empty());
  return next;
}

Time TimeSliceExecutor::slice_end(Time now) const {
  const std::int64_t slice = std::max<std::int64_t>(costs_.slice.ns, 1);
  const std::int64_t held = (now - slice_start_).ns;
  if (held < slice) return slice_start_ + costs_.slice;
  const auto& works = works_[current_];
  if (works.size() == 1 && works.front().work.one_launch) return now;
  return slice_start_ + Duration{(held / slice + 1) * slice};
}

Duration TimeSliceExecutor::preemption_cost() const {
  const Work& work = works_[current_].front().work;
  const double bound = work.gpu_s > 0 ? work.memory_s / work.gpu_s : 0;
  return costs_.switch_preempted + duration_from_seconds(costs_.refill_s * bound);
}

double TimeSliceExecutor::draw_w() const {
  if (state_ != State::running) return 0;
  double draw = 0;
  for (const ActiveWork& active : works_[current_]) draw += active.work.power_w * active.rate;
  return draw;
}

void TimeSliceExecutor::set_clock(Time now, double clock, double draw_share) {
  if (clock == clock_) return;
  advance(now);
  clock_ = clock;
  draw_share_ = draw_share;
  if (next_event_ > now) schedule(now);  // what is due at this instant is collected first
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
  const double elapsed = to_seconds(end - start);
  if (elapsed > 0) {
    account_.busy_s += elapsed;
    account_.energy_j += power_w * elapsed;
  }
  account_.submitted_s += gpu_s;
  account_.finished_s += gpu_s;
  last_ = end;
}

ExecutorAccount TimeSliceExecutor::account(Time now) {
  advance(now);
  return account_;
}

}  // namespace gpushare
