#pragma once

#include <cstdint>

#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/merged_iterations.hpp"
#include "simulation/steps.hpp"

namespace gpushare {

/// Servers as processes: asked for their next steps, killed and restarted.
class Servers {
 public:
  Servers(Kernel& kernel, Fleet& fleet, Steps& steps, MergedIterations& merged, RunLogger* log = nullptr);

  /// A server gets its timers.
  void add(Time now, std::uint32_t server);
  /// Asks its engine for steps until it has none.
  void serve(Time now, std::uint32_t server);
  /// The process dies: its jobs fail, and so does what it holds on GPUs and host.
  void kill(Time now, std::uint32_t server);
  void restart_at(Time time, std::uint32_t server);
  // Events: an engine wakes, a process is back.
  void on_wake(std::uint32_t server) { kernel_.mark(server); }
  void on_restart(Time now, std::uint32_t server);

 private:
  /// Who drains leaves what waits in a shared queue to the others, if there are any.
  [[nodiscard]] bool leaves_to_others(const Server& server) const;

  Kernel& kernel_;
  Fleet& fleet_;
  Steps& steps_;
  MergedIterations& merged_;
  RunLogger* log_;  // null: none
};

}  // namespace gpushare
