#include "sharing/rate_executor.hpp"

#include <algorithm>
#include <cassert>

#include "sharing/collectives.hpp"
#include "sharing/contention.hpp"

namespace gpushare {

RateExecutor::RateExecutor(RateLaw law, std::vector<double> sms, double bandwidth_bytes_per_s,
                           double sms_in_all)
    : law_(law),
      sms_(std::move(sms)),
      bandwidth_(bandwidth_bytes_per_s),
      sms_in_all_(sms_in_all),
      steps_of_(sms_.size(), 0) {}

int RateExecutor::add_process(double sms) {
  if (free_.empty()) {
    sms_.push_back(sms);
    steps_of_.push_back(0);
    return static_cast<int>(sms_.size()) - 1;
  }
  const int process = free_.back();
  free_.pop_back();
  sms_[static_cast<std::size_t>(process)] = sms;
  return process;
}

void RateExecutor::remove_process(int process) {
  assert(steps_of_[static_cast<std::size_t>(process)] == 0);
  free_.push_back(process);
}

void RateExecutor::advance(Time now) {
  const double elapsed = to_seconds(now - last_);
  last_ = now;
  if (active_.empty() || elapsed <= 0) return;
  account_.busy_s += elapsed;
  account_.energy_j += draw_w_ * draw_share_ * elapsed;
  for (ActiveWork& active : active_) active.left_s -= active.rate * active.speed(clock_) * elapsed;
}

void RateExecutor::submit(Time now, const Work& work) {
  advance(now);
  active_.push_back({work, work.gpu_s, 0});
  if (steps_of_[static_cast<std::size_t>(work.process)]++ == 0) ++processes_active_;
  account_.submitted_s += work.gpu_s;
  has_collectives_ |= work.collective_s > 0;
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
  if (law_ == RateLaw::contention) {
    const Contention partition{bandwidth_, sms_in_all_, sms_, steps_of_, {pair_factors_, kinds_}};
    if (has_collectives_)
      set_rates_beside_collectives(active_, partition);
    else
      set_contended_rates(active_, partition);
  } else {
    set_equal_rates();
  }
  draw_w_ = 0;
  for (const ActiveWork& active : active_) draw_w_ += active.work.power_w * active.rate;
  schedule(now);
}

Time RateExecutor::earliest_end(int process) const {
  double least = to_seconds(kForever);
  for (const ActiveWork& active : active_)
    if (active.work.process == process) least = std::min(least, active.left_s);
  return last_ + duration_from_seconds(least);
}

void RateExecutor::schedule(Time now) {
  if (log_ != nullptr) log_->rates_are(now, active_, clock_);
  double first = to_seconds(kForever);
  for (const ActiveWork& active : active_)
    first = std::min(first, active.left_s / (active.rate * active.speed(clock_)));
  next_event_ = active_.empty() ? kNever : now + duration_from_seconds(first);
}

void RateExecutor::set_clock(Time now, double clock, double draw_share) {
  if (clock == clock_) return;
  advance(now);
  clock_ = clock;
  draw_share_ = draw_share;
  if (next_event_ > now) schedule(now);  // what is due at this instant is collected first
}

void RateExecutor::set_equal_rates() {
  for (ActiveWork& active : active_) {
    const int siblings = steps_of_[static_cast<std::size_t>(active.work.process)];
    active.rate = 1.0 / (static_cast<double>(processes_active_) * siblings);
  }
}

void RateExecutor::set_pair_factors(std::vector<double> factors, std::size_t kinds) {
  pair_factors_ = std::move(factors);
  kinds_ = kinds;
}

void RateExecutor::absorb(Time start, Time end, double gpu_s, double power_w) {
  const double elapsed = to_seconds(end - start);
  if (elapsed > 0) {
    account_.busy_s += elapsed;
    account_.energy_j += power_w * elapsed;
  }
  account_.submitted_s += gpu_s;
  account_.finished_s += gpu_s;
  last_ = end;
}

ExecutorAccount RateExecutor::account(Time now) {
  advance(now);
  return account_;
}

}  // namespace gpushare
