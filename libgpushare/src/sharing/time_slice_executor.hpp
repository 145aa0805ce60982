#pragma once

#include <optional>
#include <vector>

#include "sharing/executor_log.hpp"
#include "sharing/leases.hpp"
#include "sharing/turns_ahead.hpp"
#include "sharing/unseen_turns.hpp"
#include "sharing/work.hpp"

namespace gpushare {

/// The processes that have work take turns, one at a time: strict round robin (hardware.md sections A and 2), or by their
/// shares where there are leases. The steps that one process has in flight run side by side while it is on the GPU, by
/// the law of sharing/contention.hpp.
///
/// In the round a process keeps the GPU until its slice ends while another waits, or until it waits for its own result: at the end
/// of a step or of a step's segment. Handing over costs less from a process that went idle, and more from a step that
/// keeps the caches full. The slice is renewed when queued work is fetched: a process alone that launches kernel after
/// kernel keeps renewing it, so a newcomer waits for the end of the running slice; behind a single long kernel or CUDA
/// graph the slice has expired, and the newcomer gets the GPU at once.
class TimeSliceExecutor {
 public:
  struct Costs {
    Duration slice;
    Duration switch_preempted;
    Duration switch_idle;
    double refill_s = 0;  ///< more on a hand-over from a pre-empted step, times its memory-bound share
    double bandwidth_bytes_per_s = 0;       ///< that the steps of one process can draw together; 0: no limit
    std::optional<Leases::Terms> leases{};  ///< nullopt: round robin
  };
  TimeSliceExecutor(Costs costs, std::size_t processes);

  /// The number of a new process, last in the round, or in the place of one that was removed before. Its share of the
  /// time counts where there are leases.
  [[nodiscard]] int add_process(double share = 1);
  /// It must have no work here any more: abort it first.
  void remove_process(int process);

  /// Writes down who holds the partition from now on; null: nothing.
  void log_to(ExecutorLog* log) { log_ = log; }
  /// Whether somebody looks at every turn: its own draw sets the clock. Otherwise next_event() is the end of a step, and the
  /// turns before it are made up for when something is asked or handed in. What comes out is the same.
  void show_turns(bool shown) { turns_shown_ = shown; }

  /// Turns that end at this instant are over before what is handed in next.
  void pass_turns(Time now);
  void submit(Time now, const Work& work);
  void collect(Time now, std::vector<StepId>& finished);
  void settle(Time now);
  [[nodiscard]] Time next_event() const { return next_event_; }
  /// No step of the process ends before this, whatever comes and goes beside it, but for a nanosecond of rounding.
  [[nodiscard]] Time earliest_end(int process) const;
  void abort(Time now, int process, std::vector<StepId>& dropped);
  [[nodiscard]] ExecutorAccount account(Time now);
  /// Accounts for a step that had the partition to itself at full clock, as submit and collect would have.
  void absorb(Time start, Time end, double gpu_s, double power_w);
  /// Power that the running step would draw above idle at full clock, or on average over the turns of those that have
  /// work; valid after settle.
  [[nodiscard]] double draw_w(bool over_turns = false) const;
  /// The clock's share of its full rate from now on, and what is then drawn of the power above idle.
  void set_clock(Time now, double clock, double draw_share);

 private:
  using Kind = TurnState::Kind;

  /// Who runs next: the current one if it `may_stay` and its turn goes on; nullopt: nobody may before the next plan.
  [[nodiscard]] std::optional<std::size_t> next_runnable(Time now, bool may_stay) const;
  void advance(Time now);
  void elapse(Time now);
  /// Whoever is next gets the GPU where nobody has it; and how long the turn lasts if nothing changes.
  void take_turn(Time now);
  /// When the first step ends if nothing changes, or a turn before that.
  [[nodiscard]] Time next_end();
  void enter(Kind kind, Time now);
  void end_turn(Time now);
  void hand_over(Time now, std::size_t next, Duration cost);
  void run(Time now);

  Costs costs_;
  std::optional<Leases> leases_;
  std::vector<TurnTaker> processes_;
  std::vector<int> free_;     // numbers of processes that were removed
  std::size_t runnable_ = 0;  // processes with work
  TurnState turn_;
  UnseenTurns unseen_;
  bool turns_shown_ = true;
  bool passes_turns_ = false;  // one by one, up to next_event_
  Time last_{};
  Time next_turn_ = kNever;   // or end of a step
  Time next_event_ = kNever;  // of those the next that somebody sees
  double clock_ = 1, draw_share_ = 1;
  Duration busy_{}, switching_{};
  ExecutorAccount
      account_;  // but for those two, and for what processes have drawn since they were brought up
  ExecutorLog* log_ = nullptr;
  Time since_{};      // of the state, for the log
  TurnsAhead ahead_;  // that next_end() has found
};

}  // namespace gpushare
