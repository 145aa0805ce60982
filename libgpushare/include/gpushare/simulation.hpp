#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gpushare/actions.hpp"
#include "gpushare/run_log.hpp"
#include "gpushare/scenario.hpp"
#include "gpushare/statistics.hpp"
#include "gpushare/summary.hpp"
#include "gpushare/table.hpp"

namespace gpushare {

struct Run {
  std::string scenario;
  std::string mode;
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  bool perturbed = false;     ///< with a CalibrationSpread
  bool until_served = false;  ///< the window ends with the last answer
  Summary summary;
  Table requests;  ///< empty when not recorded
  Table steps;     ///< empty unless asked for
  Table partitions;
  Table changes;  ///< of a fleet under control: nodes, replicas and GPUs that came, went and were cut
  Table series;   ///< by window of RunOptions::series_s; empty without
  std::shared_ptr<const RunLog> log;  ///< null unless asked for
};

/// How far off calibrated constants may be: standard deviations of their logarithms. With any above zero each
/// replication draws its own constants, the same in every mode, so that figures spread as the predictions may be off.
struct CalibrationSpread {
  double step_time = 0;  ///< of each service, alone
  double pressure = 0;   ///< of each service on its MPS neighbours
  double switching = 0;  ///< of the costs of time-slicing
  double host = 0;       ///< of each service's engine: its host times of an iteration
};

struct RunOptions {
  std::optional<std::uint64_t> seed{};  ///< nullopt: the scenario's
  std::uint32_t replication = 0;
  bool record_requests = true;  ///< off: histograms only, constant memory
  bool record_steps = false;    ///< makes every iteration an event of its own
  bool record_log = false;      ///< likewise: Run::log
  /// A row of Run::series for each so many seconds; 0: none. nullopt: 288 of a run under control, none of others.
  std::optional<double> series_s{};
  /// By service: latencies are of the requests that one of its first so many replicas served, so that a good one does not
  /// hide a bad one. 0, or no entry: of all.
  std::vector<int> watched_replicas{};
  /// Iterations of a continuous-batching process in which nothing joins or leaves are advanced together where the
  /// process has its partition to itself, and elsewhere touch no sequence; turns of time-slicing in which no step ends
  /// are counted. Off: every one is handled, and nothing but `Summary::events` changes.
  bool merge_steps = true;
  /// What is done to the fleet while it serves; of equal times in this order. What cannot be done ends the run with
  /// LayoutError, MemoryError or SimulationError.
  std::vector<control::TimedAction> actions{};
  CalibrationSpread spread;
  /// A run of more requests than this is refused before it begins; 0: none is.
  double most_requests = 2e7;
  /// Called now and then with simulated time over the whole; returning false stops the run with SimulationError.
  std::function<bool(double fraction)> progress;
};

/// What a run is going to be, before it begins.
struct RunSize {
  double requests = 0;  ///< expected; of a closed loop, where it depends on what is served, one for each user
  double bytes = 0;     ///< of memory, were all of them in the system at once
};
[[nodiscard]] RunSize expected_size(const Scenario& scenario, const RunOptions& options = {});
/// Throws SimulationError for a run beyond RunOptions::most_requests, with its size and what to do.
void check_size(const Scenario& scenario, const RunOptions& options = {});

/// Simulates one replication. Throws MemoryError, ScenarioError, or SimulationError, also where memory runs out.
[[nodiscard]] Run simulate(const Scenario& scenario, const RunOptions& options = {});

/// Replications 0..count-1 on `threads` threads (0: all cores), in order whatever finishes first.
[[nodiscard]] std::vector<Run> simulate_replications(const Scenario& scenario, std::uint32_t count,
                                                     const RunOptions& options = {}, unsigned threads = 0);

}  // namespace gpushare
