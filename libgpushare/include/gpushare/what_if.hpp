#pragma once

#include <string_view>
#include <vector>

#include "gpushare/bounds.hpp"
#include "gpushare/fits.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/workload.hpp"

/// What a placement would do, without simulating it: for searches and admission, which ask thousands of times.
namespace gpushare {

/// The main latency of a service: of an LLM the time to the first token, of synthesis that to the first audio, of
/// recognition that after the end of speech, otherwise that of the visit. Named as in results: "ttft", "first_audio",
/// "after_speech", "latency"; each from the visit's beginning, its request_overhead_s included.
struct ServicePrediction {
  std::string_view latency;
  double p95_s = 0;     ///< of its worst replica; kNoBound where it cannot keep up
  double busy = 0;      ///< share of the time in which that replica is in the middle of a step
  double batch = 0;     ///< requests of a step on average: sequences, streams, items
  double slowdown = 1;  ///< of its steps by their neighbours
};

struct WhatIf {
  Fit fit;
  LoadBound load;                           ///< as load_bound
  std::vector<ServicePrediction> services;  ///< empty where the placement does not fit

  /// Whether it fits, and keeps up as far as can be told.
  [[nodiscard]] bool ok() const;
};

/// An approximation by queues of the simulator's own step times; docs/claims.md says how far it is off. Requests of a
/// service are taken to come at random moments, and evenly to its replicas.
[[nodiscard]] WhatIf what_if(const Workload& workload, const Placement& placement);
/// With traffic that was worked out before (service_traffic).
[[nodiscard]] WhatIf what_if(const Workload& workload, const std::vector<ServiceTraffic>& traffic,
                             const Placement& placement);

/// A GPU by itself, whatever stands elsewhere.
struct GpuQuestion {
  GpuPlacement gpu;
  const std::vector<ServiceTraffic>* traffic =
      nullptr;                ///< worked out for this kind of GPU (service_traffic)
  std::vector<int> replicas;  ///< of each service, which share its load
};

/// What stands on each GPU, by service, without a latency where it is not there; empty where it does not fit. On so many
/// threads; 0: as many as there are cores.
[[nodiscard]] std::vector<std::vector<ServicePrediction>> predict_gpus(
    const Workload& workload, const std::vector<GpuQuestion>& questions, unsigned threads = 0);

}  // namespace gpushare
