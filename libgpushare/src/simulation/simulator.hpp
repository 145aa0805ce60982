#pragma once

#include <memory>
#include <vector>

#include "gpushare/actions.hpp"
#include "gpushare/simulation.hpp"
#include "results/recorder.hpp"
#include "simulation/changes.hpp"
#include "simulation/controller.hpp"
#include "simulation/faults.hpp"
#include "simulation/fleet.hpp"
#include "simulation/gpu_side.hpp"
#include "simulation/held_streams.hpp"
#include "simulation/kernel.hpp"
#include "simulation/luck.hpp"
#include "simulation/merged_iterations.hpp"
#include "simulation/meters.hpp"
#include "simulation/parked.hpp"
#include "simulation/pipelines.hpp"
#include "simulation/router.hpp"
#include "simulation/run_logger.hpp"
#include "simulation/series.hpp"
#include "simulation/servers.hpp"
#include "simulation/shared_runs.hpp"
#include "simulation/sources/sources.hpp"
#include "simulation/steps.hpp"

namespace gpushare {

/// One replication of a scenario: the parts of a run, joined. The scenario must outlive it.
class Simulator {
 public:
  Simulator(const Scenario& scenario, const RunOptions& options,
            std::vector<control::TimedAction> actions = {});
  Simulator(const Simulator&) = delete;  // its parts refer to each other
  [[nodiscard]] Run run();
  /// Runs to the end and only says when the last request ended.
  [[nodiscard]] Time last_end();

  // What the kernel asks.
  void on_event(Time now, std::uint8_t part, std::uint32_t index);
  void on_outcome(Time now, const Outcome& outcome) { pipelines_.on_outcome(now, outcome); }
  void serve(Time now, std::uint32_t server) { servers_.serve(now, server); }
  void settle(Time now);
  void report(Time now);

 private:
  const Scenario& scenario_;
  RunOptions options_;
  Luck luck_;
  Time end_of_arrivals_;
  Kernel kernel_;
  Fleet fleet_;
  FleetBuilder builder_;
  Recorder recorder_;
  std::unique_ptr<RunLogger> log_;  // null: none
  GpuSide gpus_;
  Steps steps_;
  SharedRuns shared_;
  MergedIterations merged_;
  Servers servers_;
  Router router_;
  Parked parked_;
  HeldStreams streams_;
  Pipelines pipelines_;
  Sources sources_;
  Meters meters_;
  Series series_;
  Faults faults_;
  Changes changes_;
  Controller controller_;
};

}  // namespace gpushare
