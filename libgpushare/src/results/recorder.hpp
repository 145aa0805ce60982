#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpushare/scenario.hpp"
#include "gpushare/statistics.hpp"
#include "gpushare/summary.hpp"
#include "gpushare/table.hpp"
#include "models/process.hpp"
#include "results/request.hpp"

namespace gpushare {

/// Latency histograms of the measured requests, and the tables when they are asked for.
class Recorder {
 public:
  Recorder(const Scenario& scenario, bool record_requests, bool record_steps,
           std::vector<int> watched_replicas = {});

  void finish(const Request& request, Time now);
  void step(int service, int replica, Time planned, Time gpu_start, Time gpu_end, Time done, double items);
  /// Latencies by metric, in the order of the pipelines; empty ones are left out.
  [[nodiscard]] std::vector<LatencySummary> latencies() const;
  [[nodiscard]] Table take_requests();
  [[nodiscard]] Table take_steps();

  struct Counts {
    std::uint64_t completed = 0, rejected = 0, failed = 0, skipped = 0;
    std::uint64_t completed_in_window = 0;
    double output_tokens_in_window = 0;
    double audio_gap_s = 0;
    std::uint64_t chunks = 0, late_chunks = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  void set_window(Time begin, Time end) { begin_ = begin, end_ = end; }

 private:
  struct Latency {
    std::string name;
    std::size_t pipeline = 0, stage = 0;
    StageClock clock = StageClock::latency;
    Histogram histogram;
  };
  void add_stage_metrics(const Scenario& scenario, std::size_t pipeline, std::size_t stage);
  void make_columns();
  void append_row(const Request& request, Time now);
  /// Whether one of the watched replicas served the stage.
  [[nodiscard]] bool is_watched(const Stage& stage, const StageState& state) const;
  [[nodiscard]] bool is_watched(const Request& request, std::size_t pipeline) const;
  [[nodiscard]] std::optional<Duration> measure(const Latency& latency, const Request& request) const;
  Column& column(const std::string& name, Column::Type type);

  const Scenario* scenario_;
  bool record_requests_, record_steps_;
  std::vector<int> watched_;  // by service; 0: all replicas
  Time begin_{}, end_ = kNever;
  Counts counts_;
  Histogram e2e_;
  std::vector<Latency> latencies_;
  Table requests_, steps_;
  std::vector<std::string> stage_names_;                      // columns, over all pipelines
  std::vector<std::vector<std::ptrdiff_t>> stage_of_column_;  // [pipeline][stage column] -> stage or -1
};

/// A histogram's figures under a name.
[[nodiscard]] LatencySummary summarise(std::string name, const Histogram& histogram);

}  // namespace gpushare
