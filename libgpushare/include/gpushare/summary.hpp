#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpushare {

/// Latency of one stage or metric over the measured requests, seconds.
struct LatencySummary {
  std::string
      name;  ///< "e2e_latency", "llm.itl", "tts.first_audio"; "chat.llm.ttft" where there are several pipelines
  std::uint64_t count = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
  double standard_deviation = 0;  ///< jitter
  double jitter() const { return p99 - p50; }
};

struct PartitionSummary {
  std::string name;  ///< "gpu0/3g.40gb@0"
  int gpu = 0;       ///< index into the GPUs of the placement
  std::string sharing;
  std::vector<std::string> processes;  ///< at the end; empty where nothing is placed
  bool gone = false;                   ///< with its node, or its instance, before the end
  double present = 1;                  ///< share of the window in which it was there
  double busy = 0;                     ///< share of that time with a kernel running
  double switching = 0;                ///< share of the time spent handing over between processes
  double compute_utilisation = 0;      ///< FLOP done of the partition's peak fp16 rate
  double bandwidth_utilisation = 0;    ///< bytes moved of the partition's peak
  double energy_j = 0;                 ///< drawn by its steps in the window, above what the idle GPU draws
  double memory_used_bytes = 0;        ///< resident
  double memory_allocated_bytes = 0;   ///< nominal size of the partition
};

struct ServiceSummary {
  std::string name;
  int replicas = 0;
  double mean_in_system = 0;  ///< requests queued or in service, all replicas
  double mean_batch = 0;      ///< items of a step
  std::uint64_t steps = 0;
  std::uint64_t rejected = 0;  ///< jobs turned away by a full queue or too long for the cache
  double busy = 0;             ///< share of time a replica has a step in hand
  /// Where something is to fail: of the time of its replicas, the share that they were not down after a fault; and of the
  /// window, the share in which any of them ran.
  std::optional<double> availability, any_replica_up;
  std::map<std::string, std::uint64_t, std::less<>> counts;  ///< of its engine, by figure: "preemptions"

  /// 0 for what its engine does not count.
  [[nodiscard]] std::uint64_t count(std::string_view figure) const;
};

/// What an entry of the traffic brought to the window, and what was served of it there.
struct TrafficSummary {
  std::string name;
  std::string kind;                                  ///< open, closed, trace or calls
  double offered_rate = 0;                           ///< requests that arrived, a second
  double served_rate = 0;                            ///< requests completed, a second
  std::uint64_t backlog = 0, backlog_in_middle = 0;  ///< in the system when the window ended, and half-way
  std::uint64_t late = 0;                            ///< of the backlog, those that were answered
  double cleared_after_s = 0;                        ///< from its end, until the last of them had left
  std::uint64_t rejected = 0, failed = 0;            ///< of those that arrived in the window
  /// Where clients may give up or ask again: of those failed, given up by their client; and attempts in the window that
  /// repeat one that got no answer. The offered rate counts these.
  std::optional<std::uint64_t> timed_out, retried;
  /// Where so many may be in flight and no more: those that were sent later than they were due, and the longest wait.
  std::optional<std::uint64_t> held_back;
  double longest_hold_s = 0;
  /// Before first steps, on average, of what arrived in each quarter of the window and was answered.
  std::array<double, 4> waits_s{};
  /// False where the backlog grew all along and left more slowly than it came. In a closed loop and in calls the next
  /// request waits for the last one's answer: what is offered is what is served, and overload is latency.
  bool keeps_up = true;
  /// False for calls whose waits more than double from one quarter of the window to another: a longer run shows others.
  bool settles = true;
};

/// What the requests wait for most.
struct Bottleneck {
  enum class Cause : std::uint8_t {
    nothing,           ///< no request was served
    admission,         ///< every request was refused
    own_latency,       ///< of the service: no resource is saturated
    host,              ///< the service's steps follow each other without a pause, but not on the GPU
    gpu_time,          ///< of a partition: kernels and hand-overs fill it
    memory_bandwidth,  ///< of a partition that is full of kernels
    compute            ///< of a partition that is full of kernels
  };
  Cause cause = Cause::nothing;
  int service =
      -1;  ///< index into Summary::services: where most requests are, or of an overloaded pipeline the
           ///< service of least capacity; -1: none
  int partition = -1;       ///< index into Summary::partitions: the saturated one; -1: none
  double busy = 0;          ///< of the fullest partition of the service, as in PartitionSummary
  double switching = 0;     ///< likewise
  double service_busy = 0;  ///< as in ServiceSummary

  bool operator==(const Bottleneck&) const = default;
};
/// "own-latency", "gpu-time", "memory-bandwidth", ...
[[nodiscard]] std::string_view to_string(Bottleneck::Cause cause);

/// One run's figures.
struct Summary {
  std::string only_pipeline;  ///< which the names of latencies leave out, because there is no other
  double duration_s = 0;      ///< measured window
  std::uint64_t arrived = 0, completed = 0, rejected = 0, failed = 0, unfinished = 0;
  std::uint64_t skipped =
      0;  ///< of those that arrived, never sent: the request that they follow got no answer
  /// Where clients may give up or ask again: requests that failed because their client gave up on the last attempt, and
  /// attempts that repeat one that got no answer. Every other count is of requests, however often they were sent.
  std::optional<std::uint64_t> timed_out, retried;
  /// Answered only after the window, of traffic that its servers cannot keep up with: no successes.
  std::uint64_t late = 0;
  double offered_rate = 0;        ///< arrived in the window, a second
  double request_throughput = 0;  ///< completed in the window, a second
  std::uint64_t backlog = 0;      ///< requests in the system when the window ended
  double backlog_growth = 0;      ///< a second, from the middle of the window to its end
  double output_token_throughput = 0;
  double success_rate = 0;
  /// Of requests that were answered with every latency of theirs within its bound: their share of those that arrived in
  /// the window, and how many are completed in it, a second. Without a bound on a request's latency there is neither.
  std::optional<double> goodput, goodput_rate;
  /// Where something is to fail: how often something did, and of those failed, the requests that a fault ended for good:
  /// the server of their last attempt went down, or all that were left to take it were.
  std::optional<std::uint64_t> faults, failed_by_faults;
  /// Requests without success, of those that the objective for `success_rate` allows.
  std::optional<double> error_budget_used;
  /// Where a run has windows (RunOptions::series_s) and objectives on a latency, success_rate or request_throughput: of the
  /// measured time of windows with traffic, the share of those that miss one, or answer nobody.
  std::optional<double> time_out_of_objectives;
  int gpus_used = 0;  ///< on in the window, at most at once
  int gpus_freed = 0;
  double gpu_hours =
      0;  ///< in the window, while a GPU was on: from its first process or its node's start to its end
  double request_throughput_per_gpu = 0;
  double cost = 0;            ///< of the GPUs that were on or reserved, in the window
  double cost_per_month = 0;  ///< 720 hours
  double cost_per_1000_requests = 0;
  /// Of the GPUs that were on, in the window: idle power, and what their steps draw by the profile. Absent where a profile
  /// says neither compute_w nor bandwidth_w. Of requests: absent where none was completed.
  std::optional<double> energy_kwh, mean_power_w, energy_per_1000_requests_kwh;
  std::optional<double> co2_kg;  ///< of that energy, where Workload::carbon_g_per_kwh is said
  double vram_used_bytes = 0, vram_allocated_bytes = 0;
  /// Of the GPUs with a process, at the start: what no process can use, cut off by MIG or in an empty instance.
  int stranded_sms = 0;
  double stranded_memory_bytes = 0;
  double audio_gap_s_per_request = 0;  ///< speech that came later than its playout
  double audio_gap_rate = 0;           ///< share of chunks that came late
  Bottleneck bottleneck;               ///< what the requests wait for most
  std::vector<TrafficSummary> traffic;
  std::vector<LatencySummary> latencies;
  std::vector<PartitionSummary> partitions;
  std::vector<ServiceSummary> services;
  std::uint64_t events = 0;
  /// Checked on every run: |lhs - rhs| of request conservation, Little's law and work conservation, as relative errors.
  double conservation_error = 0, littles_law_error = 0, work_conservation_error = 0;

  [[nodiscard]] const LatencySummary* latency(std::string_view name) const;
};

/// A bottleneck in words: "tts: GPU time of gpu1/whole (97 % busy)".
[[nodiscard]] std::string to_string(const Bottleneck& bottleneck, const Summary& summary);
/// Likewise, of a service and a partition by name; empty where there is none.
[[nodiscard]] std::string to_string(const Bottleneck& bottleneck, std::string_view service,
                                    std::string_view partition);
/// Without where and how much: "tts: GPU time".
[[nodiscard]] std::string brief(const Bottleneck& bottleneck, std::string_view service);

}  // namespace gpushare
