#pragma once

#include <cstddef>
#include <vector>

#include "planning/latencies.hpp"

namespace gpushare::planning {

/// What jobs bring to one of several servers, whose sizes are drawn and which take them in turn.
///
/// All jobs together are a Poisson process, so those of one server come the more evenly, the more servers there are.
class Arrivals {
 public:
  /// Jobs of `parts` places on average, by `sizes` (of these; empty: all are alike), to `in_turn` servers.
  Arrivals(std::size_t parts, const std::vector<Luck>& sizes, int in_turn);

  /// Sizes in places, each once, with their shares.
  struct Size {
    std::size_t places = 1;
    double share = 1;
  };
  [[nodiscard]] const std::vector<Size>& sizes() const { return sizes_; }

  /// How far the servers' turns have come since the last job of this one: the chances of no other job, of one, and so on.
  using Phase = std::vector<double>;
  [[nodiscard]] Phase any_time() const;
  [[nodiscard]] Phase right_after() const;

  /// P(n) of n jobs in a time that brings so many on average, as far as it is not next to nothing and below `most`; what is
  /// beyond counts as the last.
  [[nodiscard]] std::vector<double> jobs(double mean, const Phase& phase, std::size_t most) const;
  /// The same, of a time in which a job comes, beside that.
  [[nodiscard]] static std::vector<double> beside(std::vector<double> jobs);
  /// P(k) of the k places that so many jobs bring by these chances, below `most`.
  [[nodiscard]] std::vector<double> places(const std::vector<double>& jobs, std::size_t most) const;

 private:
  [[nodiscard]] std::size_t fewest(std::size_t jobs, const std::vector<double>& places) const;
  [[nodiscard]] const std::vector<double>& together(std::size_t jobs, std::size_t most) const;

  std::vector<Size> sizes_;
  int in_turn_;
  mutable std::vector<std::vector<double>> together_{{1.0}};  // P(places) of 0, 1, ... jobs
};

}  // namespace gpushare::planning
