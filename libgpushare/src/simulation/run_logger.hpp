#pragma once

#include <memory>
#include <vector>

#include "gpushare/run_log.hpp"
#include "simulation/fleet.hpp"

namespace gpushare {

/// Writes a run's log while it goes on. Where no log is wanted there is none: parts hold a null pointer.
class RunLogger {
 public:
  RunLogger(Fleet& fleet, const Workload& workload);

  /// A partition has joined the fleet: its executor writes from now on.
  void partition_joined(std::uint32_t partition);
  /// The server's processes begin to live, or are back after a fault.
  void server_up(Time now, std::uint32_t server);
  /// They are gone, or down.
  void server_down(Time now, std::uint32_t server);
  /// One rank's part of a step that is over.
  void step(std::uint32_t server, std::size_t rank, const RunLog::Step& step);
  /// Everything; the run is over.
  [[nodiscard]] std::shared_ptr<const RunLog> take();

 private:
  /// The process that had a number on a partition at a time.
  [[nodiscard]] std::uint32_t process_at(std::uint32_t partition, int client, Time time) const;

  Fleet& fleet_;
  RunLog log_;
  std::vector<std::unique_ptr<ExecutorLog>> executors_;  // by partition
  std::vector<std::vector<std::uint32_t>> living_;       // processes of each server by rank, the present life
  std::vector<std::vector<std::uint32_t>> of_partition_;  // processes, in order of their start
};

}  // namespace gpushare
