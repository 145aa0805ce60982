#pragma once

#include <string>
#include <vector>

#include "core/function_ref.hpp"
#include "gpushare/statistics.hpp"
#include "gpushare/summary.hpp"
#include "gpushare/table.hpp"
#include "gpushare/workload.hpp"
#include "results/goodput.hpp"
#include "results/load_meter.hpp"
#include "results/request.hpp"
#include "results/request_latencies.hpp"

namespace gpushare {

/// Latency histograms of the measured requests, and the tables when they are asked for.
class Recorder {
 public:
  Recorder(const Workload& workload, bool record_requests, bool record_steps,
           std::vector<int> watched_replicas = {});

  void finish(const Request& request, Time now);
  /// Somebody else hears of every request that ended.
  void tell(FunctionRef<void(Time, const Request&)> listener) { listener_ = listener; }
  /// An attempt that repeats one that got no answer.
  void sent_again(const Request& request, Time now);
  void step(int service, int replica, Time planned, Time gpu_start, Time gpu_end, Time done, double items);
  /// Latencies by metric, in the order of the pipelines; empty ones are left out.
  [[nodiscard]] std::vector<LatencySummary> latencies() const;
  [[nodiscard]] Table take_requests();
  [[nodiscard]] Table take_steps();

  struct Counts {
    std::uint64_t completed = 0, rejected = 0, failed = 0, skipped = 0;
    std::uint64_t timed_out = 0, retried = 0;  // of those failed; attempts
    std::uint64_t failed_by_faults = 0;        // of those failed
    std::uint64_t completed_in_window = 0;
    double output_tokens_in_window = 0;
    std::uint64_t arrived = 0;                   // in the window
    std::uint64_t good = 0, good_in_window = 0;  // of those; and completed in it, whenever they arrived
    double audio_gap_s = 0;
    std::uint64_t chunks = 0, late_chunks = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  /// When the last request ended; 0 when none did.
  [[nodiscard]] Time last_end() const { return last_end_; }
  /// Whether there are bounds by which requests are good.
  [[nodiscard]] bool counts_good() const { return good_.counted(); }
  /// Whether there are clients that may give up or ask again.
  [[nodiscard]] bool counts_attempts() const { return clients_; }
  /// Of each entry of the traffic.
  [[nodiscard]] std::vector<TrafficSummary> traffic() const { return load_.summaries(); }
  void set_window(Time begin, Time end) {
    begin_ = begin, end_ = end;
    load_.set_window(begin, end);
  }

 private:
  void complete(const Request& request, Time now);
  /// Whether one of the watched replicas served the stage, or all stages.
  [[nodiscard]] bool is_watched(const Request& request, std::size_t pipeline, std::size_t stage) const;
  [[nodiscard]] bool is_watched(const Request& request, std::size_t pipeline) const;
  void make_columns();
  void append_row(const Request& request, Time now);
  Column& column(const std::string& name, Column::Type type);

  const Workload* workload_;
  bool record_requests_, record_steps_;
  std::vector<int> watched_;                // by service; 0: all replicas
  bool watches_ = false;                    // any
  bool clients_ = false;                    // may give up or ask again
  std::vector<std::size_t> first_latency_;  // into latencies_, by pipeline
  Time begin_{}, end_ = kNever, last_end_{};
  Counts counts_;
  Histogram e2e_;
  std::vector<RequestLatency> latencies_;
  std::vector<Histogram> histograms_;  // of these
  GoodRequests good_;
  LoadMeter load_;
  std::optional<FunctionRef<void(Time, const Request&)>> listener_;
  Table requests_, steps_;
  std::vector<std::string> stage_names_;                      // columns, over all pipelines
  std::vector<std::vector<std::ptrdiff_t>> stage_of_column_;  // [pipeline][stage column] -> stage or -1
};

/// A histogram's figures under a name.
[[nodiscard]] LatencySummary summarise(std::string name, const Histogram& histogram);

}  // namespace gpushare
