#pragma once

#include <cstdint>
#include <vector>

#include "gpushare/statistics.hpp"
#include "results/request.hpp"
#include "results/request_latencies.hpp"

namespace gpushare {

/// Requests that ended since the last look, and their latencies: what monitoring of a server shows.
class WindowMeter {
 public:
  struct Ended {
    std::uint64_t completed = 0, rejected = 0, failed = 0;
  };
  explicit WindowMeter(const Workload& workload);

  void finish(const Request& request, Time now);
  /// "e2e_latency", "llm.ttft", ...
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] const Ended& ended() const { return ended_; }
  /// By name, in the order of names().
  [[nodiscard]] const std::vector<Histogram>& latencies() const { return histograms_; }
  void reset();

 private:
  const Workload* workload_;
  std::vector<RequestLatency> latencies_;
  Ended ended_;
  std::vector<Histogram> histograms_;  // from end to end first
};

}  // namespace gpushare
