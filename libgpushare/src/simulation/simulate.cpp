#include "gpushare/simulation.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>

#include "core/parallel.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "simulation/simulator.hpp"

namespace gpushare {

std::size_t Column::size() const {
  switch (type) {
    case Type::float64:
      return numbers.size();
    case Type::int64:
      return integers.size();
    case Type::category:
      return codes.size();
  }
  return 0;
}

const Column* Table::find(std::string_view column) const {
  for (const Column& candidate : columns)
    if (candidate.name == column) return &candidate;
  return nullptr;
}

namespace {

Run simulate_timed(const Scenario& scenario, const RunOptions& options) {
  Simulator simulator(scenario, options, options.actions);
  return simulator.run();
}

// The window is set before a run begins, and what happens in it does not depend on where it ends: so the same run goes
// before, and says when its last request ends.
Run simulate_until_served(const Scenario& scenario, const RunOptions& options) {
  Scenario timed = scenario;
  timed.workload.duration_s = kLongestRun;
  RunOptions first = options;
  first.record_requests = first.record_steps = first.record_log = false;
  first.series_s = 0;
  timed.workload.duration_s = to_seconds(Simulator(timed, first, first.actions).last_end());
  Run run = simulate_timed(timed, options);
  run.until_served = true;
  return run;
}

}  // namespace

Run simulate(const Scenario& scenario, const RunOptions& options) {
  check_size(scenario, options);
  try {
    return until_served(scenario.workload) ? simulate_until_served(scenario, options)
                                           : simulate_timed(scenario, options);
  } catch (const std::bad_alloc&) {
    const RunSize size = expected_size(scenario, options);
    throw SimulationError(
        scenario.name,
        text::format(
            "memory ran out: about {:.3g} requests need up to {:.4g} GB where they wait for an overloaded "
            "server; lower the rates or duration_s, or do not record requests",
            size.requests, size.bytes / 1e9));
  }
}

std::vector<Run> simulate_replications(const Scenario& scenario, std::uint32_t count,
                                       const RunOptions& options, unsigned threads) {
  std::vector<Run> runs(count);
  std::atomic<std::uint32_t> ended{0};
  std::mutex mutex;
  in_parallel(count, threads, [&](std::size_t i, const std::atomic<bool>& stop) {
    RunOptions own = options;
    own.replication = options.replication + static_cast<std::uint32_t>(i);
    own.progress = [&](double fraction) {
      if (stop) return false;
      if (!options.progress) return true;
      const std::scoped_lock lock(mutex);
      return options.progress((ended + fraction) / count);
    };
    runs[i] = simulate(scenario, own);
    ++ended;
  });
  return runs;
}

}  // namespace gpushare
