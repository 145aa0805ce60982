#pragma once

#include "gpushare/bounds.hpp"
#include "gpushare/demand.hpp"
#include "models/process.hpp"

namespace gpushare::planning {

/// Where the least work of a service is worked out.
struct WorkSite {
  const Service& service;
  const VisitSizes& sizes;
  const GpuProfile& gpu;
  Resources resources;
  const MemoryNeed& memory;
  InterconnectConstants link{};

  /// An LLM's, with the limits of its card.
  [[nodiscard]] ContinuousOptions engine() const {
    auto options = std::get<ContinuousOptions>(service.engine.options);
    if (memory.max_num_seqs > 0) {
      options.max_num_seqs = memory.max_num_seqs;
      options.max_num_batched_tokens = memory.max_num_batched_tokens;
    }
    return options;
  }
  [[nodiscard]] StepTime time(const Demand& demand) const { return step_time(demand, gpu, resources); }
};

[[nodiscard]] LeastWork least_llm_work(const LlmModel& model, const WorkSite& site);

}  // namespace gpushare::planning
