#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gpushare/scenario.hpp"
#include "gpushare/statistics.hpp"
#include "serving/batch_engine.hpp"
#include "serving/continuous_engine.hpp"
#include "serving/slot_engine.hpp"
#include "serving/stream_engine.hpp"
#include "sharing/executor.hpp"

namespace gpushare {

using AnyEngine = std::variant<BatchEngine, StreamEngine, SlotEngine, ContinuousEngine>;

/// One server process: a replica of a service on a partition.
struct Server {
  int service = 0;
  int replica = 0;
  int partition = 0;  ///< index into Fleet::partitions
  int client = 0;     ///< number of the process on its partition
  AnyEngine engine;
  Resources resources{};
  double memory_bytes = 0;
  bool up = true;
  bool dirty = false;  ///< waits to be asked for its next step
  int in_system = 0;   ///< jobs queued or in service
  int steps_in_hand = 0;
  std::uint32_t wake_slot = 0;
};

/// A partition with processes on it.
struct PartitionState {
  std::string name;  ///< "gpu0/3g.40gb@0"
  const GpuProfile* profile = nullptr;
  Partition partition;
  Sharing sharing;
  const MpsConstants::Law* law = nullptr;  ///< under MPS
  Executor executor;
  std::vector<int> servers{};
  std::uint32_t slot = 0;
  bool touched = false;  ///< to be settled at the end of the event
  double flop = 0, bytes = 0;
};

/// What a service needs beside its servers.
struct ServiceState {
  std::vector<int> servers;  ///< by replica
  std::uint64_t next = 0;    ///< round robin
  std::shared_ptr<JobQueue> shared_queue;
  TimeIntegral in_system;
  TimeIntegral servers_busy;
  Moments batch;         ///< items of a step
  double sojourn_s = 0;  ///< summed over finished jobs, for Little's law
};

/// The hardware and the servers of a scenario, built and checked.
struct Fleet {
  std::vector<PartitionState> partitions;
  std::vector<Server> servers;
  std::vector<ServiceState> services;
};
[[nodiscard]] Fleet build_fleet(const Scenario& scenario);

}  // namespace gpushare
