#pragma once

#include <vector>

#include "planning/latencies.hpp"

namespace gpushare::planning {

/// A server whose steps take whatever waits, up to a batch: bulk service of Poisson arrivals.
///
/// The jobs at the beginnings of its steps are a Markov chain: q, then q - b + what arrives in a step of b = min(q, most).
/// A job that arrives at any moment of a step waits for the rest of it and for the steps of those before it.
struct BulkQueue {
  double rate = 0;  ///< jobs a second
  int parts = 1;    ///< a job takes so many places of batches, on average
  int in_turn = 1;  ///< servers that take the jobs in turn, of which this is one
  std::vector<double>
      step_s;  ///< of b places, from 0 to the most; of 0: what it does when nothing waits, 0: it is idle
  double delay_s = 0;  ///< that the first job of an idle server waits for others
  int late_steps = 0;  ///< steps between the one in which a job arrives and its own
  double idle = 0;     ///< share of the steps of 0 in which it has nothing to do after all
  double start_s = 0;  ///< more, of the first step after that

  double told_s = 0;  ///< from the end of a job's last step until it is told, while the next step goes on
  /// Each job is the last of several, and waits for the one before it, which came so long before.
  double after_least_s = 0, after_most_s = 0;

  Waiting waiting{};          ///< of jobs before they arrive here
  std::vector<Luck> sizes{};  ///< of jobs, by what `parts` are on average; empty: all are alike
  std::vector<Luck> lucks{};  ///< of its jobs among their neighbours; empty: all are alike

  struct Answer {
    double p95_s = 0;  ///< from arrival until the job is told; infinite where it cannot keep up
    double busy = 0;   ///< share of the time in a step
    double mean_step_s = 0;
    double mean_batch = 0;              ///< places of a step
    std::vector<double> share_of_time;  ///< of steps of b places; the rest is idle
  };
  [[nodiscard]] Answer answer() const;
};

}  // namespace gpushare::planning
