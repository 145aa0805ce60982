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

  [[nodiscard]] StepTime time(const Demand& demand) const { return step_time(demand, gpu, resources); }
};

[[nodiscard]] LeastWork least_llm_work(const LlmModel& model, const WorkSite& site);

}  // namespace gpushare::planning
