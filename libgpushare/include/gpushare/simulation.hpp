#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gpushare/scenario.hpp"
#include "gpushare/statistics.hpp"
#include "gpushare/summary.hpp"

namespace gpushare {

/// A column of a result table: one of three types, all rows present.
struct Column {
  enum class Type : std::uint8_t { float64, int64, category };
  std::string name;
  Type type = Type::float64;
  std::vector<double> numbers;         ///< float64; NaN where there is no value
  std::vector<std::int64_t> integers;  ///< int64
  std::vector<std::int32_t> codes;     ///< category: index into `categories`
  std::vector<std::string> categories;

  [[nodiscard]] std::size_t size() const;
};

/// Columns of equal length.
struct Table {
  std::string name;
  std::vector<Column> columns;
  [[nodiscard]] std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
  [[nodiscard]] const Column* find(std::string_view column) const;
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
