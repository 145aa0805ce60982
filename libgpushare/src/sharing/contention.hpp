#pragma once

#include <algorithm>
#include <span>

#include "gpushare/sharing.hpp"
#include "sharing/work.hpp"

/// The law of contention: how steps that run side by side on a partition slow each other under MPS.
///
/// A step i has a susceptibility s_i, a pressure d_i and an occupancy o_i (Interference), fitted to measurements or
/// predicted from its character (predict_interference). Of the n_i steps that its process runs at once each has 1/n_i
/// of the process, and a process does not press on itself.
///
///   pressure on i     P_i = D + (1 - o_i) * (F^2 - Q) / D    with, over the steps j of other processes,
///                     D = sum d_j,  F = sum o_j d_j,  Q = sum (o_j d_j)^2        (d_j divided by n_j)
///   interference      slowdown_i = 1 + s_i P_i
///   bandwidth         where the steps together ask for more than the partition has, each process gets a share in
///                     proportion to its SMs, and the memory-bound part b_i of a step that asks for more than that is
///                     stretched: slowdown_i >= 1 - b_i + b_i * asked_i / share_i
///   rate              1 / (n_i * slowdown_i), then the clock that the power limit leaves (sharing/power.hpp)
///
/// Pairs of kinds that were measured side by side correct d_j for each i (pair factors). Everything that evaluates the
/// law does so here: the executor, and the fits of calibration/.
namespace gpushare {

/// D, F and Q over the steps that press on one.
struct Neighbours {
  double pressure = 0;
  double filling = 0;
  double filling_squared = 0;

  void add(double d, double occupancy, double sign = 1) {
    pressure += sign * d;
    filling += sign * d * occupancy;
    filling_squared += sign * d * occupancy * d * occupancy;
  }
  [[nodiscard]] double pressure_on(const Interference& step) const {
    if (pressure <= 0) return 0;
    const double both = std::max(0.0, filling * filling - filling_squared);
    return pressure + (1 - step.occupancy) * both / pressure;
  }
};

[[nodiscard]] inline double interference_slowdown(const Interference& own, const Neighbours& others) {
  return 1 + own.susceptibility * others.pressure_on(own);
}

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
  std::span<const double> sms{};    ///< of each process: the weights of bandwidth
  std::span<const int> steps_of{};  ///< running steps of each process
  int processes = 0;                ///< that have any
  PairFactors pairs{};
};

/// Sets the rate of every running step, at full clock.
void set_contended_rates(std::span<ActiveWork> running, const Contention& partition);

}  // namespace gpushare
