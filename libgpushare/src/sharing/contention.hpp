#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "gpushare/sharing.hpp"
#include "sharing/work.hpp"

/// The law of contention: how steps that run side by side on a partition slow each other, whether MPS brings them together
/// from several processes or one process has several in flight (streams of one context).
///
/// A step i has a susceptibility s_i, a pressure d_i and an occupancy o_i (Interference), fitted to measurements or
/// predicted from its character (predict_interference). n_i steps of its process run at once.
///
///   pressure on i     P_i = D g_i + (1 - o_i) * (F^2 - Q) / D    with, over the other steps j,
///                     D = sum d_j,  F = sum o_j d_j,  Q = sum (o_j d_j)^2; in the first term D + a_i sum h_j instead:
///                     arithmetic finds no SMs beside kernels that hold them and wait for memory
///   slipping in       g_i = 1 / sqrt(1 + slip_i * max(0, s_i T / D - 1))    with T = sum d_j^2: beside longer kernels
///                     short ones wait less than in proportion; equal clients share what there is
///   interference      slowdown_i = 1 + s_i P_i + lock (1 - o_i) (n_i - 1)
///   bandwidth         where the steps together ask for more than the partition has, each process gets a share in
///                     proportion to its SMs, each of its steps the same part of it, and the memory-bound part b_i of
///                     a step that asks for more than that is stretched: slowdown_i >= 1 - b_i + b_i * asked_i / share_i
///   SMs               where the caps of the processes that run add up to more than the partition has, the part of a
///                     step that fills its SMs is stretched likewise: slowdown_i >= 1 - c_i + c_i * sum_j c_j SMs_j / SMs
///   nothing twice     f = the most of sum_i o_i / slowdown_i, of the bandwidth that all then draw over what there is, and of
///                     their filled SMs likewise; where f > 1, as slipping in makes it, all are slowed f times
///   rate              1 / slowdown_i, then the clock that the power limit leaves (sharing/power.hpp)
///
/// Pairs of kinds that were measured side by side correct d_j for each i (pair factors). Everything that evaluates the
/// law does so here: the executor, and the fits of calibration/.
namespace gpushare {

/// Share of its latency-bound time in which a step waits for each of its process's others: they launch through one context
/// and its lock. Triton's guide has 110 instead of 73 inferences a second with two instances of a network in one process
/// (0.30, if nothing else slows them), its issue 3066 149.6 instead of 129.6 (0.72); the middle is taken.
inline constexpr double kProcessLock = 0.5;

/// D, F, Q and T over the steps that press on one.
struct Neighbours {
  double pressure = 0;
  double filling = 0;
  double filling_squared = 0;
  double turns = 0;
  double held = 0;

  void add(double d, double occupancy, double sign = 1) { add(d, occupancy, sign, d); }
  /// A step that presses by `turn` while it is there, and by d on the average.
  void add(double d, double occupancy, double sign, double turn) {
    pressure += sign * d;
    filling += sign * d * occupancy;
    filling_squared += sign * d * occupancy * d * occupancy;
    turns += sign * d * turn;
  }
  /// A step that presses so many times as much on this one, or (-1) none any more.
  void add(const Interference& step, double sign, double factor = 1) {
    add(factor * step.pressure, step.occupancy, sign);
    held += sign * factor * step.held;
  }
  /// Others that are there for so large a share of the time.
  void add(const Neighbours& more, double weight) {
    pressure += weight * more.pressure;
    filling += weight * more.filling;
    filling_squared += weight * more.filling_squared;
    turns += weight * more.turns;
    held += weight * more.held;
  }
  [[nodiscard]] double pressure_on(const Interference& step) const {
    if (pressure <= 0) return 0;
    const double both = std::max(0.0, filling * filling - filling_squared);
    return (pressure + step.arithmetic * held) * waited_share(step) + (1 - step.occupancy) * both / pressure;
  }

 private:
  [[nodiscard]] double waited_share(const Interference& step) const {
    const double longer = step.susceptibility * turns / pressure - 1;
    return step.slip > 0 && longer > 0 ? 1 / std::sqrt(1 + step.slip * longer) : 1;
  }
};

[[nodiscard]] inline double interference_slowdown(const Interference& own, const Neighbours& others) {
  return 1 + own.susceptibility * others.pressure_on(own);
}

/// f of the law.
class Overfull {
 public:
  void add(double share_of_machine, double share_of_bandwidth = 0, double share_of_sms = 0) {
    machine_ += share_of_machine;
    bandwidth_ += share_of_bandwidth;
    sms_ += share_of_sms;
  }
  [[nodiscard]] double times() const { return std::max({1.0, machine_, bandwidth_, sms_}); }

 private:
  double machine_ = 0, bandwidth_ = 0, sms_ = 0;
};

/// Corrections of d for kinds that were measured side by side: row the one that suffers, column the one that presses.
struct PairFactors {
  std::span<const double> factors{};  ///< `kinds` squared of them
  std::size_t kinds = 0;              ///< 0: none

  [[nodiscard]] double of(int suffers, int presses) const {
    if (kinds == 0 || suffers < 0 || presses < 0) return 1;
    return factors[static_cast<std::size_t>(suffers) * kinds + static_cast<std::size_t>(presses)];
  }
};

/// A partition as the law sees it.
struct Contention {
  double bandwidth_bytes_per_s = 0;
  double sms_in_all = 0;            ///< 0: not counted, because caps add up to no more
  std::span<const double> sms{};    ///< of each process: what its steps fill, and the weights of bandwidth
  std::span<const int> steps_of{};  ///< running steps of each process
  PairFactors pairs{};
};

/// Sets the rate of every running step, at full clock.
void set_contended_rates(std::span<ActiveWork> running, const Contention& partition);

}  // namespace gpushare
