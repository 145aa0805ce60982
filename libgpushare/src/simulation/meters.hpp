#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gpushare/simulation.hpp"
#include "simulation/bill.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"

namespace gpushare {

/// Of a whole that may be nothing: then 0.
[[nodiscard]] inline double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

/// What the measured window holds of every partition's, server's and GPU's life, merged when the life or the window
/// ends.
class Meters {
 public:
  /// Of a partition: what it did by the beginning and the end of its part of the window.
  struct PartitionMeter {
    ExecutorAccount begin, end;
    double flop_begin = 0, bytes_begin = 0, flop_end = 0, bytes_end = 0;
    double seconds = 0;  ///< of the window, while it was there
  };
  /// Of a service, over its servers.
  struct ServiceMeter {
    double in_system = 0, busy = 0, batch = 0;  ///< integrals, s; mean
    double server_seconds = 0;                  ///< while a server was there
    double down = 0, unserved = 0;              ///< integrals, s
    std::uint64_t steps = 0, rejected = 0;
    int replicas = 0;  ///< at the end
    EngineStatistics engines;
  };

  /// The window's events become boundaries of merged iterations by the caller: `slots()`.
  Meters(Kernel& kernel, Fleet& fleet, const Scenario& scenario);
  [[nodiscard]] const std::vector<Kernel::Slot>& slots() const { return slots_; }

  /// Event: the window opens (0) or closes (1).
  void on_window(Time now, std::uint32_t mark);

  // Lives that begin or end after the first event. A server's engine is not asked again after `server_left`.
  void partition_joined(Time now, std::uint32_t partition);
  void partition_left(Time now, std::uint32_t partition);
  void server_joined(Time now, const Server& server);
  void server_left(Time now, Server& server);
  void gpu_on(Time now, std::uint32_t gpu);
  void gpu_off(Time now, std::uint32_t gpu);

  [[nodiscard]] const PartitionMeter& partition(std::size_t index) const { return partitions_[index]; }
  [[nodiscard]] const ServiceMeter& service(std::size_t index) const { return services_[index]; }
  /// Of the window, while the GPU was on.
  [[nodiscard]] double window_s() const { return window_s_; }
  [[nodiscard]] double gpu_seconds(std::size_t gpu) const { return gpu_seconds_[gpu]; }
  /// Seconds of all GPUs that were on, from the beginning.
  [[nodiscard]] double gpus_on_s(Time now) const { return on_.integral_s(now); }
  [[nodiscard]] const Bill& bill() const { return bill_; }
  /// Of the window, currency units an hour on average.
  [[nodiscard]] double cost_per_hour() const { return bill_.per_hour(billed_[0], billed_[1]); }
  /// At once, in the window.
  [[nodiscard]] int most_gpus_on() const { return most_on_; }

 private:
  void open(Time now);
  void close(Time now);
  void close_partition(Time now, std::uint32_t partition);
  void merge(ServiceMeter& meter, AnyEngine& engine);
  /// What is left of the window, s.
  [[nodiscard]] double left_s(Time now) const;

  Fleet& fleet_;
  Bill bill_;
  std::array<Bill::Reading, 2> billed_;  // when the window opened and closed
  Time end_;
  double window_s_;
  bool is_open_ = false, is_closed_ = false;
  std::vector<Kernel::Slot> slots_;
  std::vector<PartitionMeter> partitions_;
  std::vector<ServiceMeter> services_;
  std::vector<double> gpu_seconds_;
  std::vector<bool> gpu_on_;
  TimeIntegral on_;  // GPUs
  int most_on_ = 0;
};

}  // namespace gpushare
