#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gpushare/objectives.hpp"
#include "results/request_latencies.hpp"

namespace gpushare {

/// The latency whose requests a bound holds to it by themselves: "llm.ttft" of one on "llm.ttft_p95_s" from above. Empty
/// where they are not: a bound on how latencies spread, or on what is no latency.
[[nodiscard]] std::string_view latency_bounded(const FigureBound& bound);

/// What each request has to keep to.
class GoodRequests {
 public:
  GoodRequests(const Workload& workload, const std::vector<FigureBound>& bounds);

  /// Whether there is a bound on a latency that requests have by themselves.
  [[nodiscard]] bool counted() const { return !bounds_.empty(); }
  /// Whether an answered request has every latency of its own within the bounds.
  [[nodiscard]] bool is_good(const Request& request, Time now) const;

 private:
  struct Bound {
    std::optional<RequestLatency> latency;  // nullopt: from end to end, of every pipeline
    double at_most_s = 0;
  };

  const Workload* workload_;
  std::vector<Bound> bounds_;
};

}  // namespace gpushare
