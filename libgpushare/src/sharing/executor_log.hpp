#pragma once

#include <vector>

#include "gpushare/time.hpp"
#include "sharing/work.hpp"

namespace gpushare {

/// What an executor writes down when it is asked to: who had the partition, by the numbers of its processes.
struct ExecutorLog {
  /// One process at a time: it runs, or is being brought in.
  struct Hold {
    int process = 0;
    bool switching = false;
    Time begin{}, end{};
  };
  /// Side by side: a step at one rate, the clock's share included.
  struct Share {
    StepId step = 0;
    int process = 0;
    double rate = 1;
    Time begin{}, end{};
  };
  std::vector<Hold> holds;
  std::vector<Share> shares;
  std::vector<Share> open;  ///< shares that have not ended

  /// The rates from now on are those of `running`.
  void rates_are(Time now, const std::vector<ActiveWork>& running, double clock);
};

}  // namespace gpushare
