#pragma once

#include <cstdint>

#include "core/function_ref.hpp"
#include "gpushare/workload.hpp"
#include "results/request.hpp"
#include "simulation/events.hpp"
#include "simulation/luck.hpp"

namespace gpushare {

/// Who takes the requests of a source.
struct RequestSink {
  FunctionRef<void(Time, const Request&)> begin;
  FunctionRef<void(Time, const Request&)> skip;  ///< it will never be sent, and is counted all the same
};

/// What every source is given.
struct SourceContext {
  Kernel& kernel;
  const Workload& workload;
  Luck luck;
  Time end_of_arrivals;
  RequestSink sink;

  [[nodiscard]] const Traffic& traffic(int index) const {
    return workload.traffic[static_cast<std::size_t>(index)];
  }
};

/// Tokens, speech, units and priority of a request by its traffic; `sizes` is the traffic's stream of luck.
void draw_sizes(const Traffic& traffic, const Stream& sizes, Request& request);

}  // namespace gpushare
