#include "sharing/rate_executor.hpp"

#include <algorithm>

namespace gpushare {

RateExecutor::RateExecutor(RateLaw law, std::vector<double> sms, double bandwidth_bytes_per_s)
    : law_(law), sms_(std::move(sms)), bandwidth_(bandwidth_bytes_per_s), steps_of_(sms_.size(), 0) {}

void RateExecutor::advance(Time now) {
  const double elapsed = to_seconds(now - last_);
  last_ = now;
  if (active_.empty() || elapsed <= 0) return;
  account_.busy_s += elapsed;
  for (ActiveWork& active : active_) active.left_s -= active.rate * active.speed(clock_) * elapsed;
}

void RateExecutor::submit(Time now, const Work& work) {
  advance(now);
  active_.push_back({work, work.gpu_s, 0});
  if (steps_of_[static_cast<std::size_t>(work.process)]++ == 0) ++processes_active_;
  account_.submitted_s += work.gpu_s;
  stale_ = true;
}

void RateExecutor::collect(Time now, std::vector<StepId>& finished) {
  advance(now);
  std::erase_if(active_, [&](const ActiveWork& active) {
    if (active.left_s > kWorkEpsilon) return false;
    finished.push_back(active.work.step);
    account_.finished_s += active.work.gpu_s;
    if (--steps_of_[static_cast<std::size_t>(active.work.process)] == 0) --processes_active_;
    return true;
  });
  stale_ = true;
}

void RateExecutor::abort(Time now, int process, std::vector<StepId>& dropped) {
  advance(now);
  std::erase_if(active_, [&](const ActiveWork& active) {
    if (active.work.process != process) return false;
    dropped.push_back(active.work.step);
    account_.finished_s += active.work.gpu_s;
    return true;
  });
  int& steps = steps_of_[static_cast<std::size_t>(process)];
  if (steps > 0) --processes_active_;
  steps = 0;
  stale_ = true;
}

void RateExecutor::settle(Time now) {
  if (!stale_) return;
  stale_ = false;
  if (law_ == RateLaw::interference) {
    set_interference_rates();
  } else {
    set_equal_rates();
  }
  draw_w_ = 0;
  for (const ActiveWork& active : active_) draw_w_ += active.work.power_w * active.rate;
  schedule(now);
}

void RateExecutor::schedule(Time now) {
  double first = to_seconds(kForever);
  for (const ActiveWork& active : active_)
    first = std::min(first, active.left_s / (active.rate * active.speed(clock_)));
  next_event_ = active_.empty() ? kNever : now + duration_from_seconds(first);
}

void RateExecutor::set_clock(Time now, double clock) {
  if (clock == clock_) return;
  advance(now);
  clock_ = clock;
  if (next_event_ > now) schedule(now);  // what is due at this instant is collected first
}

void RateExecutor::set_equal_rates() {
  for (ActiveWork& active : active_) {
    const int siblings = steps_of_[static_cast<std::size_t>(active.work.process)];
    active.rate = 1.0 / (static_cast<double>(processes_active_) * siblings);
  }
}

Neighbours RateExecutor::neighbours_of(const ActiveWork& active, const Neighbours& all) const {
  if (kinds_ == 0 && steps_of_[static_cast<std::size_t>(active.work.process)] == 1) {
    Neighbours others = all;
    others.add(active.work.interference.pressure, active.work.interference.occupancy, -1);
    return others;
  }
  Neighbours others;
  for (const ActiveWork& other : active_) {
    // A process does not press on itself: its own steps take turns.
    if (other.work.process == active.work.process) continue;
    others.add(pair_factor(active, other) * pressure_of(other), other.work.interference.occupancy);
  }
  return others;
}

double RateExecutor::pressure_of(const ActiveWork& active) const {
  return active.work.interference.pressure / steps_of_[static_cast<std::size_t>(active.work.process)];
}

double RateExecutor::pair_factor(const ActiveWork& suffers, const ActiveWork& presses) const {
  if (kinds_ == 0 || suffers.work.kind < 0 || presses.work.kind < 0) return 1;
  return pair_factors_[static_cast<std::size_t>(suffers.work.kind) * kinds_ +
                       static_cast<std::size_t>(presses.work.kind)];
}

void RateExecutor::set_interference_rates() {
  Neighbours all;
  double demanded = 0;
  double weights = 0;
  for (const ActiveWork& active : active_) {
    const auto process = static_cast<std::size_t>(active.work.process);
    const double siblings = steps_of_[process];
    all.add(pressure_of(active), active.work.interference.occupancy);
    demanded += active.work.bytes_per_s / siblings;
    weights += sms_[process] / siblings;
  }
  for (ActiveWork& active : active_) {
    const auto process = static_cast<std::size_t>(active.work.process);
    const Interference& own = active.work.interference;
    double slowdown = 1 + own.susceptibility * neighbours_of(active, all).pressure_on(own);
    if (demanded > bandwidth_ && processes_active_ > 1)
      slowdown = std::max(slowdown, bandwidth_slowdown(active, bandwidth_ * sms_[process] / weights));
    active.rate = 1 / (slowdown * steps_of_[process]);
  }
}

void RateExecutor::set_pair_factors(std::vector<double> factors, std::size_t kinds) {
  pair_factors_ = std::move(factors);
  kinds_ = kinds;
}

double RateExecutor::bandwidth_slowdown(const ActiveWork& active, double share) const {
  if (active.work.bytes_per_s <= share || active.work.gpu_s <= 0) return 1;
  const double bound = active.work.memory_s / active.work.gpu_s;
  return 1 - bound + bound * active.work.bytes_per_s / share;
}

void RateExecutor::absorb(Time start, Time end, double gpu_s) {
  const double elapsed = to_seconds(end - start);
  if (elapsed > 0) account_.busy_s += elapsed;
  account_.submitted_s += gpu_s;
  account_.finished_s += gpu_s;
  last_ = end;
}

ExecutorAccount RateExecutor::account(Time now) {
  advance(now);
  return account_;
}

}  // namespace gpushare
