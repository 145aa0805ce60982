#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gpushare/run_log.hpp"
#include "gpushare/scenario.hpp"
#include "gpushare/statistics.hpp"
#include "gpushare/table.hpp"

namespace gpushare {

/// Latency of one stage or metric over the measured requests, seconds.
struct LatencySummary {
  std::string name;  ///< "e2e_latency", "ttft", "itl", "asr.latency", "tts.first_audio", ...
  std::uint64_t count = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
  double standard_deviation = 0;  ///< jitter
  double jitter() const { return p99 - p50; }
};

struct PartitionSummary {
  std::string name;  ///< "gpu0/3g.40gb@0"
  std::string sharing;
  std::vector<std::string> processes;
  double busy = 0;                    ///< share of the time with a kernel running
  double switching = 0;               ///< share of the time spent handing over between processes
  double compute_utilisation = 0;     ///< FLOP done of the partition's peak fp16 rate
  double bandwidth_utilisation = 0;   ///< bytes moved of the partition's peak
  double memory_used_bytes = 0;       ///< resident
  double memory_allocated_bytes = 0;  ///< nominal size of the partition
};

struct ServiceSummary {
  std::string name;
  int replicas = 0;
  double mean_in_system = 0;  ///< requests queued or in service, all replicas
  double mean_batch = 0;      ///< items of a step
  std::uint64_t steps = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t rejected = 0;               ///< jobs turned away by a full queue or too long for the cache
  std::uint64_t prefix_prompt_tokens = 0;   ///< prefix caching: prompt tokens looked up at admission
  std::uint64_t prefix_hit_tokens = 0;      ///< of those, found in the replica's own cache
  std::uint64_t prefix_evicted_blocks = 0;  ///< cached blocks that gave way to others
  std::uint64_t draft_tokens = 0;           ///< speculative decoding: tokens guessed
  std::uint64_t accepted_tokens = 0;        ///< of those, kept
  double busy = 0;                          ///< share of time a replica has a step in hand
};

/// One run's figures.
struct Summary {
  double duration_s = 0;  ///< measured window
  std::uint64_t arrived = 0, completed = 0, rejected = 0, failed = 0, unfinished = 0;
  std::uint64_t skipped =
      0;  ///< of those that arrived, never sent: the request that they follow got no answer
  double request_throughput = 0;  ///< completed in the window, a second
  double output_token_throughput = 0;
  double success_rate = 0;
  int gpus_used = 0, gpus_freed = 0;
  double gpu_hours =
      0;  ///< in the window, while a GPU was on: from its first process or its node's start to its end
  double request_throughput_per_gpu = 0;
  double cost_per_month = 0;  ///< 720 hours
  double cost_per_1000_requests = 0;
  double vram_used_bytes = 0, vram_allocated_bytes = 0;
  double audio_gap_s_per_request = 0;  ///< speech that came later than its playout
  double audio_gap_rate = 0;           ///< share of chunks that came late
  std::string limiting_resource;       ///< what the requests wait for most, in words
  std::vector<LatencySummary> latencies;
  std::vector<PartitionSummary> partitions;
  std::vector<ServiceSummary> services;
  std::uint64_t events = 0;
  /// Checked on every run: |lhs - rhs| of request conservation, Little's law and work conservation, as relative errors.
  double conservation_error = 0, littles_law_error = 0, work_conservation_error = 0;

  [[nodiscard]] const LatencySummary* latency(std::string_view name) const;
};

struct Run {
  std::string scenario;
  std::string mode;
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  bool perturbed = false;  ///< with a CalibrationSpread
  Summary summary;
  Table requests;  ///< empty when not recorded
  Table steps;     ///< empty unless asked for
  Table partitions;
  std::shared_ptr<const RunLog> log;  ///< null unless asked for
};

/// How far off calibrated constants may be: standard deviations of their logarithms. With any above zero each
/// replication draws its own constants, the same in every mode, so that figures spread as the predictions may be off.
struct CalibrationSpread {
  double step_time = 0;  ///< of each service, alone
  double pressure = 0;   ///< of each service on its MPS neighbours
  double switching = 0;  ///< of the costs of time-slicing
};

struct RunOptions {
  std::uint64_t seed = 0;  ///< 0: the scenario's
  std::uint32_t replication = 0;
  bool record_requests = true;  ///< off: histograms only, constant memory
  bool record_steps = false;    ///< makes every iteration an event of its own
  bool record_log = false;      ///< likewise: Run::log
  /// Iterations of a continuous-batching process in which nothing joins or leaves are advanced together where the
  /// process has its partition to itself. Off: every one is an event, and nothing but `Summary::events` changes.
  bool merge_steps = true;
  CalibrationSpread spread;
  /// Called now and then with simulated time over the whole; returning false stops the run with SimulationError.
  std::function<bool(double fraction)> progress;
};

/// Simulates one replication. Throws MemoryError, ScenarioError, or SimulationError.
[[nodiscard]] Run simulate(const Scenario& scenario, const RunOptions& options = {});

/// Replications 0..count-1 on `threads` threads (0: all cores), in order whatever finishes first.
[[nodiscard]] std::vector<Run> simulate_replications(const Scenario& scenario, std::uint32_t count,
                                                     const RunOptions& options = {}, unsigned threads = 0);

}  // namespace gpushare
