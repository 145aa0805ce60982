#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "planning/bulk_queue.hpp"
#include "planning/neighbourhood.hpp"
#include "planning/places.hpp"
#include "planning/work_site.hpp"

namespace gpushare::planning {

/// The steps of a server by the places of their batch, each worked out when it is asked for.
class StepTable {
 public:
  struct Entry {
    Demand demand;
    StepTime alone;
    double gpu_s = 0;    ///< among the neighbours
    double step_s = 0;   ///< from one step to the next
    double after_s = 0;  ///< on the host, beside the next one
  };
  /// Steps of 1 to `most` places, and with `of_none` of 0; `demand` is of so many places. With `host_after_beside` the next
  /// step does not wait for what a step leaves to the host. The site and the neighbours have to outlive it.
  StepTable(int most, bool of_none, std::function<Demand(int)> demand, const WorkSite& site,
            const Neighbourhood& among, bool host_after_beside);

  [[nodiscard]] const Entry& at(std::size_t places) const;
  /// The most places of a step.
  [[nodiscard]] std::size_t most() const { return entries_.size() - 1; }
  /// Places of a step and its time, where all steps are alike.
  [[nodiscard]] double mean_places() const;
  [[nodiscard]] double step_s_of(double places) const;
  /// Of a step, where jobs come as a Poisson process during each and are served in the next, whole.
  [[nodiscard]] double mean_step_s() const;
  /// The queue with the times of all steps.
  [[nodiscard]] BulkQueue timed_queue() const;

  BulkQueue queue;         ///< but for its times
  double more_s = 0;       ///< of a request, beside the queue
  double slots_taken = 0;  ///< sequences that are in their reply
  /// Places of a batch, and of memory, that such sequences take.
  std::function<std::vector<Places>()> for_sequences = [] { return std::vector<Places>(); };

 private:
  bool of_none_, host_after_beside_;
  std::function<Demand(int)> demand_;
  const WorkSite* site_;
  const Neighbourhood* among_;
  mutable std::vector<std::optional<Entry>> entries_;
};

/// `slots_taken` is a guess from which to begin.
[[nodiscard]] StepTable llm_steps(const LlmModel& model, const WorkSite& site, double rate,
                                  const Neighbourhood& among, double slots_taken);
[[nodiscard]] StepTable stream_steps(const StreamingAsrModel& model, const WorkSite& site, double rate,
                                     const Neighbourhood& among);
[[nodiscard]] StepTable batch_steps(const Model& model, const WorkSite& site, double rate,
                                    const Neighbourhood& among);

}  // namespace gpushare::planning
