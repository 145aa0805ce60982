#pragma once

#include <cstdint>
#include <optional>

#include "core/function_ref.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/merged_iterations.hpp"
#include "simulation/shared_runs.hpp"
#include "simulation/steps.hpp"

namespace gpushare {

/// Servers as processes: asked for their next steps, killed and restarted.
class Servers {
 public:
  /// A server begins or ceases to run: (now, server, whether it runs).
  using Told = FunctionRef<void(Time, std::uint32_t, bool)>;

  Servers(Kernel& kernel, Fleet& fleet, Steps& steps, MergedIterations& merged, SharedRuns& shared,
          RunLogger* log = nullptr);

  /// A server gets its timers.
  void add(Time now, std::uint32_t server);
  /// All that changes whether a server runs goes through here, so that the time it does not is counted.
  void move(Time now, std::uint32_t server, Server::State to);
  /// Who is told from now on.
  void tell(Told told) { told_ = told; }
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
  void count(Time now, std::uint32_t server, Server::State from, Server::State to);

  Kernel& kernel_;
  Fleet& fleet_;
  Steps& steps_;
  MergedIterations& merged_;
  SharedRuns& shared_;
  RunLogger* log_;  // null: none
  std::optional<Told> told_;
};

}  // namespace gpushare
