#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gpushare/random.hpp"
#include "gpushare/time.hpp"

namespace gpushare {

/// An open-loop arrival process, as data. Rates are requests a second, 0 to 1e9.
struct ArrivalProcess {
  enum class Kind : std::uint8_t {
    constant,
    poisson,
    gamma,
    on_off,
    piecewise,
    gamma_poisson,
    weibull,
    mmpp,
    mixture
  };
  enum class Gaps : std::uint8_t { gamma, weibull };
  Kind kind = Kind::poisson;
  double rate_per_s = 0;  ///< mean rate (constant, poisson, gamma, weibull, gamma_poisson)
  /// gamma: of the gaps (CV = 1/sqrt(shape)); weibull: of the gaps; gamma_poisson: of the block rates; >= 0.001.
  double shape = 1;
  double block_s = 60;  ///< gamma_poisson: a new rate every block, counted from time 0
  /// on_off: Markov-modulated Poisson; state i has rate rates[i] and holds for an exponential time of mean hold_s[i],
  /// then the next state follows cyclically; the first state is drawn from the stationary law, so there is no warm-up.
  /// mmpp: the same with any next state: from i to j at transitions[i][j] times a second (the diagonal is ignored).
  /// piecewise: rate rates[i] from starts_s[i] on (zero before starts_s[0]), repeated every period_s if > 0.
  std::vector<double> rates;
  std::vector<double> hold_s;
  std::vector<double> starts_s;
  double period_s = 0;
  /// gamma_poisson: shape of the gaps inside a block, in units of the block's mean gap; 1 is Poisson, below it burstier.
  double gap_shape = 1;
  /// piecewise: shape and family of the gaps in each piece, in units of its mean gap; empty: Poisson.
  std::vector<double> gap_shapes;
  std::vector<Gaps> gap_kinds;
  std::vector<std::vector<double>> transitions;
  std::vector<ArrivalProcess> clients;  ///< mixture: all of these together, each with luck of its own
  /// poisson, gamma, weibull: when > 0, the ceil(rate x window_s) gaps of each window are rescaled to fill it, so that
  /// counts do not vary (ServeGen's convention; with `count`, vLLM's and inference-perf's). piecewise: when > 0, the
  /// same in each piece.
  double window_s = 0;
  std::uint64_t count = 0;  ///< ends after so many arrivals; 0: never

  /// Long-run requests a second; of the last piece for piecewise without a period.
  [[nodiscard]] double mean_rate() const;
};

/// Reads a process as a scenario document has it: {"kind": "poisson", "rate_per_s": 5}. Throws ScenarioError.
[[nodiscard]] ArrivalProcess parse_arrivals(std::string_view json, const std::string& source = "arrivals");

/// Draws successive arrival times of a process; a pure function of the stream it is given.
class ArrivalGenerator {
 public:
  /// Throws ScenarioError for a process that contradicts itself: negative or missing rates, unsorted starts, ...
  ArrivalGenerator(ArrivalProcess process, Stream stream);
  /// The next arrival, at or after the last; kNever when the rate stays zero for ever.
  [[nodiscard]] Time next();

 private:
  [[nodiscard]] double arrival_s();
  [[nodiscard]] double modulated_arrival_s();
  [[nodiscard]] double windowed_arrival_s();
  [[nodiscard]] Time mixed_arrival();
  [[nodiscard]] double unit_gap(Stream& stream) const;
  void add_clients();
  void enter_window();
  void enter_state();
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
  std::uint64_t made_ = 0;
  double in_window_ = 0;  // windows: gaps left, and seconds that a gap of one lasts
  double gap_scale_s_ = 0;
  std::vector<ArrivalGenerator> clients_;
  std::vector<std::pair<Time, std::size_t>> due_;  // mixture: a heap of next arrivals
};

}  // namespace gpushare
