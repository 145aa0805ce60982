#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/node_policy.hpp"
#include "control/replica_policy.hpp"
#include "results/change_log.hpp"
#include "simulation/agenda.hpp"
#include "simulation/events.hpp"
#include "simulation/load_sensor.hpp"
#include "simulation/parked.hpp"
#include "simulation/pods.hpp"
#include "simulation/reshaper.hpp"

namespace gpushare {

/// Whether it may act at any event, so that no iterations can be advanced together.
[[nodiscard]] bool acts_at_any_event(const Control* control);

/// Looks at the fleet at its times, asks the policies, and carries out what they say: what boots, starts, drains and goes.
class Controller {
 public:
  struct Parts {
    Kernel& kernel;
    Fleet& fleet;
    Changes& changes;
    MergedIterations& merged;
    Parked& parked;
  };
  /// Null control: it does nothing.
  Controller(const Parts& parts, const Control* control, const Workload& workload, const Luck& luck,
             Time end);

  void start();
  /// Event.
  void on_timer(Time now);
  /// At the end of an event, for policies that look at every request that comes or leaves.
  void settle(Time now) {
    if (!watched_.empty()) watch(now);
  }
  /// A server is back after a fault: it takes what waited for one.
  void server_back(Time now, std::uint32_t server) {
    parts_.parked.release(now, parts_.fleet.servers[server].service, Signal::moved);
  }
  void server_left(std::uint32_t server) { pods_.server_left(static_cast<int>(server)); }
  /// What it did; empty without control.
  [[nodiscard]] Table take_changes() { return log_ ? log_->take() : Table{}; }

 private:
  using What = Agenda::What;
  struct Scaled {
    control::ReplicaPolicy policy;
    LoadSensor sensor{};
    int wanted = 0;
    std::size_t schedule_entry = 0;  // the next one, of all rounds
    double seen = -1;                // in the system at the last event
  };

  void handle(Time now, const Agenda::Due& due);
  void watch(Time now);
  void look_at_service(Time now, int control);
  void look_at_pool(Time now, int pool);
  void remove_empty_nodes(Time now, int pool);
  /// A node of a pool with spot prices was ordered.
  void expect_notice(Time now, int node);
  /// Whoever is still on it goes too.
  void take_away(Time now, int node);
  void follow_schedule(Time now, int control);
  void set_wanted(Time now, int control, int replicas);
  void let_go(Time now, int control, int count);
  void leave(Time now, int pod);
  void seat_waiting(Time now);
  void vacate(Time now, int node);
  /// From a node or an instance that goes.
  void move_away(Time now, int pod);
  void replace_those_that_left(Time now);
  void look_at_shape(Time now, int pool);
  /// GPUs that are to have another shape go on.
  void shape_gpus(Time now, int pool);
  /// After the last arrival, what waits for a replica that cannot come fails.
  void give_up_without_hope(Time now, int pool);

  Parts parts_;
  const Control& control_;
  Time end_;
  PoolNodes nodes_;
  Pods pods_;
  Reshaper reshaper_;
  std::vector<Scaled> services_;                    // by Control::services
  std::vector<control::NodePolicy> node_policies_;  // by pool
  std::vector<int> watched_;                        // services that are looked at at every event
  Stream boot_luck_, start_luck_, spot_luck_;
  std::vector<std::uint64_t> starts_;  // by pod: the entry of the last one
  Agenda agenda_;
  std::optional<ChangeLog> log_;
  Kernel::Slot slot_ = 0;
};

}  // namespace gpushare
