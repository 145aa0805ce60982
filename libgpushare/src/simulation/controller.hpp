#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <set>
#include <tuple>
#include <vector>

#include "control/node_policy.hpp"
#include "control/replica_policy.hpp"
#include "control/shape_policy.hpp"
#include "results/change_log.hpp"
#include "simulation/events.hpp"
#include "simulation/parked.hpp"
#include "simulation/pods.hpp"

namespace gpushare {

/// What a service's load was since the last look.
class LoadSensor {
 public:
  /// `instant`: what is in the system now.
  [[nodiscard]] double read(Time now, const ServiceState& service, LoadMetric metric, bool instant = false);

 private:
  Time looked_{};
  double in_system_s_ = 0, busy_s_ = 0;  // integrals then
  std::uint64_t jobs_ = 0;
};

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
  void server_left(std::uint32_t server) { pods_.server_left(static_cast<int>(server)); }
  /// What it did; empty without control.
  [[nodiscard]] Table take_changes() { return log_ ? log_->take() : Table{}; }
  /// Whether it may act at any event, so that no iterations can be advanced together.
  [[nodiscard]] static bool acts_at_any_event(const Control* control);

 private:
  enum class What : std::uint8_t {
    node_ready,
    replica_ready,
    grace_over,
    schedule,
    service,
    pool,
    shape,
    recut
  };
  struct Due {
    Time time;
    What what;
    std::uint64_t order;
    int index;
    bool operator>(const Due& other) const {
      return std::tie(time, what, order) > std::tie(other.time, other.what, other.order);
    }
  };
  struct Scaled {
    control::ReplicaPolicy policy;
    LoadSensor sensor{};
    int wanted = 0;
    std::size_t schedule_entry = 0;  // the next one, of all rounds
    double seen = -1;                // in the system at the last event
  };

  struct Shaped {
    control::ShapePolicy policy;
    LoadSensor sensor{};
    bool other = false;  // the GPUs are to have their other shape
  };

  void at(Time time, What what, int index);
  void set_timer();
  void handle(Time now, const Due& due);
  void watch(Time now);
  void look_at_service(Time now, int control);
  void look_at_pool(Time now, int pool);
  void follow_schedule(Time now, int control);
  void set_wanted(Time now, int control, int replicas);
  void let_go(Time now, int control, int count);
  void leave(Time now, int pod);
  void seat_waiting(Time now);
  void vacate(Time now, int node);
  void replace_those_that_left(Time now);
  void look_at_shape(Time now, int pool);
  /// GPUs whose shape is not the one they are to have begin to change, and those that nobody sits on any more go on.
  void shape_gpus(Time now, int pool);
  void begin_reshaping(Time now, std::uint32_t gpu, const GpuShape& shape);
  /// After the last arrival, what waits for a replica that cannot come fails.
  void give_up_without_hope(Time now, int pool);
  [[nodiscard]] double cold_start_s(int pod);
  [[nodiscard]] bool goes_on(Time now, int pool);
  [[nodiscard]] ServiceState& service_of(int control);

  Parts parts_;
  const Control& control_;
  const Workload& workload_;
  Time end_;
  Pods pods_;
  std::vector<Scaled> services_;                    // by Control::services
  std::vector<control::NodePolicy> node_policies_;  // by pool
  std::vector<std::optional<Shaped>> shapes_;       // by pool
  std::set<std::uint32_t> being_cut_;               // GPUs
  std::vector<int> watched_;                        // services that are looked at at every event
  Stream boot_luck_, start_luck_;
  std::uint64_t orders_ = 0;
  std::vector<std::uint64_t> starts_;  // by pod: the order of the last one
  std::priority_queue<Due, std::vector<Due>, std::greater<>> agenda_;
  std::optional<ChangeLog> log_;
  Kernel::Slot slot_ = 0;
};

}  // namespace gpushare
