#pragma once

#include <vector>

#include "sharing/executor_log.hpp"
#include "sharing/work.hpp"

namespace gpushare {

/// How steps that run side by side slow each other.
enum class RateLaw : std::uint8_t {
  equal_share,  ///< n processes run at 1/n, the steps of each in turns: the limit of time-slicing with a slice of zero
  contention,  ///< the law of sharing/contention.hpp: MPS, and what one process has in flight
};

/// Runs all steps of a partition at once, each at a rate that changes whenever a step comes or goes.
class RateExecutor {
 public:
  /// `sms` of each process; `bandwidth_bytes_per_s` is what all together can draw, and `sms_in_all` what they can fill (0:
  /// that is not counted).
  RateExecutor(RateLaw law, std::vector<double> sms, double bandwidth_bytes_per_s, double sms_in_all = 0);
  /// As PairFactors has them: `kinds` squared.
  void set_pair_factors(std::vector<double> factors, std::size_t kinds);

  /// The number of a new process, that of one removed before if there is any; `sms` as above.
  [[nodiscard]] int add_process(double sms);
  /// It must have no steps here any more: abort them first.
  void remove_process(int process);

  /// Writes down rates from now on; null: nothing.
  void log_to(ExecutorLog* log) { log_ = log; }

  void submit(Time now, const Work& work);
  /// Appends the steps that have finished by `now`, in the order they were submitted.
  void collect(Time now, std::vector<StepId>& finished);
  /// Brings rates up to date after submissions and collections at one instant.
  void settle(Time now);
  [[nodiscard]] Time next_event() const { return next_event_; }
  /// No step of the process ends before this, whatever comes and goes beside it, but for a nanosecond of rounding.
  [[nodiscard]] Time earliest_end(int process) const;
  /// Drops a process's steps, unfinished.
  void abort(Time now, int process, std::vector<StepId>& dropped);
  [[nodiscard]] ExecutorAccount account(Time now);
  /// Accounts for a step that had the partition to itself at full clock, as submit and collect would have.
  void absorb(Time start, Time end, double gpu_s, double power_w);
  /// Power that the running steps would draw above idle at full clock; valid after settle.
  [[nodiscard]] double draw_w(bool /*over_turns*/ = false) const { return draw_w_; }
  /// The clock's share of its full rate from now on, and what is then drawn of the power above idle.
  void set_clock(Time now, double clock, double draw_share);

 private:
  void advance(Time now);
  void schedule(Time now);
  void set_equal_rates();

  RateLaw law_;
  std::vector<double> sms_;  // of each process
  std::vector<int> free_;    // numbers of processes that were removed
  double bandwidth_;
  double sms_in_all_;
  std::vector<double> pair_factors_;
  std::size_t kinds_ = 0;
  std::vector<ActiveWork> active_;
  std::vector<int> steps_of_;  // active steps of each process
  int processes_active_ = 0;
  Time last_{};
  Time next_event_ = kNever;
  bool stale_ = false;
  bool has_collectives_ = false;  // a step with all-reduces has been here
  double clock_ = 1, draw_share_ = 1;
  double draw_w_ = 0;
  ExecutorAccount account_;
  ExecutorLog* log_ = nullptr;
};

}  // namespace gpushare
