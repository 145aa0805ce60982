#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gpushare/scenario.hpp"
#include "gpushare/statistics.hpp"
#include "serving/any_engine.hpp"
#include "sharing/executor.hpp"
#include "simulation/step_run.hpp"

namespace gpushare {

/// A further process of a replica under tensor parallelism, on a GPU of its own.
struct Rank {
  int partition = 0;
  int client = 0;
  int gpu_client = 0;
  Resources resources{};
  double memory_bytes = 0;
  std::uint32_t step = 0;  ///< its part of the step in hand
};

/// One replica of a service: a process on a partition, or the first of its ranks.
struct Server {
  int service = 0;
  int replica = 0;
  int partition = 0;   ///< index into Fleet::partitions
  int client = 0;      ///< number of the process on its partition
  int gpu_client = 0;  ///< and on its GPU
  AnyEngine engine;
  Resources resources{};
  double memory_bytes = 0;
  bool up = true;
  bool dirty = false;  ///< waits to be asked for its next step
  int in_system = 0;   ///< jobs queued or in service
  int steps_in_hand = 0;
  std::uint32_t wake_slot = 0;
  std::int64_t own_step = -1;  ///< continuous batching: the one step it can have in hand; -1: from the pool
  StepRun run{};
  std::vector<Rank> others{};  ///< ranks beyond the first; every step runs on all of them

  /// What it takes of a partition's memory.
  [[nodiscard]] double memory_on(int where) const {
    const Rank* rank = rank_on(where);
    return rank == nullptr ? memory_bytes : rank->memory_bytes;
  }
  [[nodiscard]] const Resources& resources_on(int where) const {
    const Rank* rank = rank_on(where);
    return rank == nullptr ? resources : rank->resources;
  }
  /// The rank of a partition, unless it is the first.
  [[nodiscard]] const Rank* rank_on(int where) const {
    for (const Rank& rank : others)
      if (rank.partition == where) return &rank;
    return nullptr;
  }
};

/// A partition with processes on it.
struct PartitionState {
  std::string name;  ///< "gpu0/3g.40gb@0"
  const GpuProfile* profile = nullptr;
  Partition partition;
  Sharing sharing;
  bool capped = false;  ///< MPS with an active thread percentage below 100
  std::uint32_t gpu = 0;
  Executor executor;
  std::vector<int> servers{};
  std::uint32_t slot = 0;
  bool touched = false;  ///< to be settled at the end of the event
  double flop = 0, bytes = 0;
};

/// A GPU, whose partitions share its power and its link to the host.
struct GpuState {
  const GpuProfile* profile = nullptr;
  bool can_throttle =
      false;  ///< its steps can together draw more than the limit leaves: in several partitions, or under MPS
  RateExecutor link;  ///< copies to the GPU: those of n processes run at 1/n of its rate
  std::vector<std::uint32_t> partitions{};
  double clock = 1;  ///< share of the full rate
  std::uint32_t link_slot = 0;
  bool link_touched = false;  ///< to be settled at the end of the event
};

/// What a service needs beside its servers.
struct ServiceState {
  std::vector<int> servers;  ///< by replica
  std::uint64_t next = 0;    ///< round robin
  std::shared_ptr<JobQueue> shared_queue;
  TimeIntegral in_system;
  TimeIntegral servers_busy;
  std::uint64_t steps = 0;                           ///< planned in the window
  double step_items = 0;                             ///< summed over them
  std::uint64_t rejected = 0;                        ///< in the window
  double sojourn_s = 0;                              ///< summed over finished jobs, for Little's law
  double step_time_factor = 1, pressure_factor = 1;  ///< of this replication (CalibrationSpread)
};

/// The hardware and the servers of a scenario, built and checked.
struct Fleet {
  std::vector<GpuState> gpus;
  std::vector<PartitionState> partitions;
  std::vector<Server> servers;
  std::vector<ServiceState> services;
};
/// `switching_factor` multiplies the switch costs of time-slicing.
[[nodiscard]] Fleet build_fleet(const Scenario& scenario, double switching_factor = 1);

}  // namespace gpushare
