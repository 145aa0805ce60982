#pragma once

#include "gpushare/scenario.hpp"
#include "gpushare/simulation.hpp"
#include "results/recorder.hpp"
#include "simulation/fleet.hpp"
#include "simulation/meters.hpp"

namespace gpushare {

/// What a run leaves behind, to be summed up.
struct FinishedRun {
  const Scenario& scenario;
  Fleet& fleet;
  const Meters& meters;
  const Recorder& recorder;
  std::uint64_t arrived = 0;     ///< requests, those of traces that were never sent too
  std::uint64_t unfinished = 0;  ///< of those
  std::uint64_t faults = 0;      ///< that happened
  std::uint64_t events = 0;
  Time end{};  ///< of the last event
};

/// Throws SimulationError when a conservation law is broken.
[[nodiscard]] Summary summarise(const FinishedRun& run);

}  // namespace gpushare
