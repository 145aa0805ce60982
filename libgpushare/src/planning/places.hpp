#pragma once

#include <vector>

#include "planning/latencies.hpp"

namespace gpushare::planning {

/// Places of a server, which jobs of Poisson arrivals take for a time that is the longer, the more are taken.
struct Places {
  double most = 0;       ///< places there are
  double rate = 0;       ///< jobs a second
  double taken = 0;      ///< of the places, on average
  double taken_s = 0;    ///< for how long each then is
  double full_s = 0;     ///< for how long when all are
  double variation = 0;  ///< of these times: their standard deviation over the mean
  double uneven = 1;     ///< mean square of the places that a job takes over their squared mean

  /// Whether as many leave as come when all are taken, with a little to spare.
  [[nodiscard]] bool suffice() const;
  /// What jobs wait for a place. The taken places are a birth-and-death chain; jobs that take several or fewer places are
  /// so many fewer jobs that take more (Hayward); and times are those of M/G/c as they are mostly approximated (Lee and
  /// Longton).
  [[nodiscard]] Waiting waiting() const;
  /// By what times are longer or shorter as the taken places vary.
  [[nodiscard]] std::vector<Luck> spread() const;
};

}  // namespace gpushare::planning
