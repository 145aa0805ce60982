#pragma once

#include <vector>

#include "planning/bulk_queue.hpp"
#include "planning/neighbourhood.hpp"
#include "planning/work_site.hpp"

namespace gpushare::planning {

/// The steps of a server by the places of their batch.
struct StepTable {
  std::vector<Demand> demands;  ///< of 0 places, if there are such steps, to the most
  std::vector<double> gpu_s;    ///< of each, among the neighbours
  std::vector<StepTime> alone;  ///< of each
  BulkQueue queue;
  double more_s = 0;       ///< of a request, beside the queue: overheads, and what comes after its step
  double beside_s = 0;     ///< of a step, that the next one does not wait for
  double slots_taken = 0;  ///< sequences that are in their reply

  /// Fills in the times, whose demands are there.
  void time(const WorkSite& site, const Neighbourhood& among, bool host_after_beside);
  /// Places of a step and its time, where all steps are alike.
  [[nodiscard]] double mean_places() const;
  [[nodiscard]] double step_s_of(double places) const;
};

[[nodiscard]] StepTable llm_steps(const LlmModel& model, const WorkSite& site, double rate,
                                  const Neighbourhood& among);
[[nodiscard]] StepTable stream_steps(const StreamingAsrModel& model, const WorkSite& site, double rate,
                                     const Neighbourhood& among);
[[nodiscard]] StepTable batch_steps(const Model& model, const WorkSite& site, double rate,
                                    const Neighbourhood& among);

}  // namespace gpushare::planning
