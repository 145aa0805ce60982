#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gpushare/time.hpp"
#include "gpushare/workload.hpp"
#include "models/process.hpp"
#include "results/request.hpp"

namespace gpushare {

/// From a request's arrival to its end: the latency of all pipelines.
inline constexpr const char* kEndToEnd = "e2e_latency";

/// A latency that every request of a pipeline has by itself, unless the reply had no such thing.
struct RequestLatency {
  std::string
      name;  ///< "llm.ttft"; "chat.llm.ttft" where there are several pipelines, unless both are called alike
  std::size_t pipeline = 0, stage = 0;
  StageClock clock = StageClock::latency;  ///< of the stage
  /// Voice to voice: the stages that may speak first; it begins where the user's speech in `stage` ends.
  std::vector<std::size_t> speakers{};
  /// Stream open: the stages that take what `stage` writes sentence by sentence; it ends when they have its last token.
  std::vector<std::size_t> takers{};
  bool whole = false;  ///< from the request's arrival to its end
};

/// In the order of pipelines and stages. From end to end only where there are several pipelines: kEndToEnd is of the only one.
[[nodiscard]] std::vector<RequestLatency> request_latencies(const Workload& workload);

/// Of a request that was answered at `now`, of the latency's pipeline.
[[nodiscard]] std::optional<Duration> measure(const RequestLatency& latency, const Workload& workload,
                                              const Request& request, Time now);

}  // namespace gpushare
