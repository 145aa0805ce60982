#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gpushare/random.hpp"
#include "gpushare/time.hpp"

namespace gpushare {

/// An open-loop arrival process, as data. Rates are requests a second, 0 to 1e9.
struct ArrivalProcess {
  enum class Kind : std::uint8_t { constant, poisson, gamma, on_off, piecewise, gamma_poisson };
  Kind kind = Kind::poisson;
  double rate_per_s = 0;  ///< mean rate (constant, poisson, gamma, gamma_poisson)
  double shape = 1;  ///< gamma: of the gaps (CV = 1/sqrt(shape)); gamma_poisson: of the block rates; >= 0.001
  double block_s = 60;  ///< gamma_poisson: a new rate every block, counted from time 0
  /// on_off: Markov-modulated Poisson; state i has rate rates[i] and holds for an exponential time of mean hold_s[i],
  /// then the next state follows cyclically; the first state is drawn from the stationary law, so there is no warm-up.
  /// piecewise: rate rates[i] from starts_s[i] on (zero before starts_s[0]), repeated every period_s if > 0.
  std::vector<double> rates;
  std::vector<double> hold_s;
  std::vector<double> starts_s;
  double period_s = 0;
  /// gamma_poisson: shape of the gaps inside a block, in units of the block's mean gap; 1 is Poisson, below it burstier.
  double gap_shape = 1;

  /// Long-run requests a second; of the last piece for piecewise without a period.
  [[nodiscard]] double mean_rate() const;
};

/// Draws successive arrival times of a process; a pure function of the stream it is given.
class ArrivalGenerator {
 public:
  /// Throws ScenarioError for a process that contradicts itself: negative or missing rates, unsorted starts, ...
  ArrivalGenerator(ArrivalProcess process, Stream stream);
  /// The next arrival, at or after the last; kNever when the rate stays zero for ever.
  [[nodiscard]] Time next();

 private:
  [[nodiscard]] double modulated_arrival_s();
  [[nodiscard]] double skip_periods(double left);
  void enter_next_state();
  void enter_piece();

  ArrivalProcess process_;
  Stream stream_;
  double now_s_ = 0;
  double state_until_s_ = 0;
  double state_rate_ = 0;
  std::size_t state_ = 0;    // on_off: the state; piecewise: pieces entered in this period
  double rounds_ = 0;        // whole periods, blocks or gaps so far
  double period_count_ = 0;  // piecewise: mean arrivals in a period
  bool silent_ = false;
};

}  // namespace gpushare
