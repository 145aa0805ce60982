#pragma once

#include <vector>

#include "core/function_ref.hpp"
#include "gpushare/actions.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/gpu_side.hpp"
#include "simulation/meters.hpp"
#include "simulation/servers.hpp"

namespace gpushare {

/// Puts actions into effect while the fleet serves.
class Changes {
 public:
  /// What an action reaches.
  struct Parts {
    Kernel& kernel;
    Fleet& fleet;
    FleetBuilder& builder;
    GpuSide& gpus;
    Servers& servers;
    MergedIterations& merged;
    Meters& meters;
    RunLogger* log = nullptr;  ///< null: none
  };
  /// `left` is told of every server that was taken out.
  Changes(const Parts& parts, FunctionRef<void(std::uint32_t)> left) : parts_(parts), left_(left) {}

  /// Sets the timers of actions; every one is a boundary of merged iterations. Times ascend or not.
  void start(std::vector<control::TimedAction> actions);
  /// Event.
  void on_change(Time now, std::uint32_t action);
  /// Now: while a boundary is handled.
  void put(Time now, const control::Action& action);
  /// A GPU that is paid for without a process on it, from the beginning.
  void switch_on(std::uint32_t gpu) { parts_.meters.gpu_on({}, gpu); }
  /// Takes out the draining servers whose last job has left; at the end of an event.
  void release_drained(Time now) {
    if (!draining_.empty()) release(now);
  }

 private:
  void apply(Time now, const control::StartServer& action);
  void apply(Time now, const control::DrainServer& action);
  void apply(Time now, const control::StopServer& action);
  void apply(Time now, const control::Recut& action);
  void apply(Time now, const control::StartNode& action);
  void apply(Time now, const control::StopNode& action);
  /// The server of a replica; throws SimulationError when there is none any more.
  void check_service(int service) const;
  void check_ranks(const std::vector<control::Seat>& ranks) const;
  [[nodiscard]] std::uint32_t server_of(int service, int replica) const;
  /// Where a seat is: the partition is added to the fleet when nobody was there yet.
  [[nodiscard]] std::uint32_t take_partition(Time now, const control::Seat& seat,
                                             const std::optional<Sharing>& sharing);
  void start_server(Time now, const std::vector<std::uint32_t>& partitions,
                    const std::vector<ProcessPlacement>& processes, const std::vector<MemoryNeed>& needs);
  void drop_partition(Time now, std::uint32_t partition);
  void remove(Time now, std::uint32_t server);
  void release(Time now);

  Parts parts_;
  FunctionRef<void(std::uint32_t)> left_;
  std::vector<control::TimedAction> actions_;
  std::vector<std::uint32_t> draining_;
};

}  // namespace gpushare
