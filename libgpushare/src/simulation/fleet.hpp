#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/least_of.hpp"
#include "gpushare/fits.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/simulation.hpp"
#include "gpushare/statistics.hpp"
#include "hardware/step_timer.hpp"
#include "serving/any_engine.hpp"
#include "sharing/executor.hpp"
#include "sharing/power.hpp"
#include "simulation/host.hpp"
#include "simulation/known_step.hpp"
#include "simulation/luck.hpp"
#include "simulation/step_run.hpp"

namespace gpushare {

/// A process of a replica on a partition: the only one, or under tensor parallelism one of its ranks.
struct Rank {
  int partition = 0;   ///< index into Fleet::partitions
  int client = 0;      ///< number of the process on its partition
  int gpu_client = 0;  ///< and on its GPU
  Resources resources{};
  double memory_bytes = 0;
  ProcessPlacement process{};
  std::uint32_t step = 0;  ///< of ranks beyond the first: its part of the step in hand
};

enum class ServerState : std::uint8_t {
  up,
  draining,  ///< takes no more jobs, and goes when the last one has left
  down,      ///< after a fault, until it is restarted
  gone
};
[[nodiscard]] inline bool runs(ServerState state) {
  return state == ServerState::up || state == ServerState::draining;
}

/// One replica of a service: the process of its first rank, and those of the others.
struct Server : Rank {
  using State = ServerState;

  Server(int service_index, int replica_number, const Rank& first, AnyEngine its_engine)
      : Rank(first), service(service_index), replica(replica_number), engine(std::move(its_engine)) {}

  int service = 0;
  int replica = 0;
  std::uint32_t node = 0;  ///< whose cores it runs on
  AnyEngine engine;
  State state = State::up;  ///< changed by Fleet::move
  int in_system = 0;        ///< jobs queued or in service, and streams that are held open; Fleet::add_jobs
  int steps_in_hand = 0;
  bool steps_side_by_side = false;  ///< several of them may be on the GPU at once
  std::uint32_t wake_slot = 0, restart_slot = 0;
  std::int64_t own_step = -1;  ///< the one step it can have in hand; -1: from the pool
  StepRun run{};
  StepTimer timer{};           ///< of its last step on its first rank
  KnownSteps known_steps{};    ///< likewise, of its steps that come again
  std::vector<Rank> others{};  ///< ranks beyond the first; every step runs on all of them

  [[nodiscard]] bool accepts() const { return state == State::up; }
  [[nodiscard]] bool runs() const { return gpushare::runs(state); }
  /// The rank of a partition.
  [[nodiscard]] const Rank& rank_on(int where) const {
    for (const Rank& rank : others)
      if (rank.partition == where) return rank;
    return *this;
  }
};

/// A partition of a GPU and the processes on it.
struct PartitionState {
  std::string name;  ///< "gpu0/3g.40gb@0"
  const GpuProfile* profile = nullptr;
  Partition partition;
  Sharing sharing;
  std::uint32_t gpu = 0;
  Executor executor;
  bool capped = false;         ///< MPS with an active thread percentage below 100
  std::vector<int> servers{};  ///< with a process here
  std::uint32_t slot = 0;
  bool touched = false;  ///< to be settled at the end of the event
  bool gone = false;     ///< its instance was destroyed
  double flop = 0, bytes = 0;
};

/// A GPU, whose partitions share its power and its link to the host.
struct GpuState {
  std::shared_ptr<const CutGpu> cut;
  const GpuProfile* profile = nullptr;
  InterconnectConstants reach{};  ///< to the other GPUs of its node
  int node = 0;
  RateExecutor link;  ///< copies to the GPU: those of n processes run at 1/n of its rate
  std::vector<std::uint32_t> partitions{};  ///< that are there now
  Time repaired{};                          ///< after a fault: nothing runs there before
  bool can_throttle = false;                ///< its steps can together draw more than the limit leaves
  double clock = 1;                         ///< share of the full rate
  MeanDraw draw{};                          ///< where the clock follows it
  std::uint32_t clock_slot = 0;             ///< likewise
  std::uint32_t link_slot = 0;
  bool link_touched = false;  ///< to be settled at the end of the event
};

/// A host, whose processes share its cores.
struct NodeState {
  HostCores cores;
  int pool = -1;  ///< as Node has it
  bool gone = false;
  bool never_full = false;  ///< whoever wants a core has one, and steps may be gone through without events
};

/// What a service needs beside its servers.
struct ServiceState {
  std::vector<int> servers;  ///< by replica, those that are gone too
  std::vector<int> present;  ///< those that are not, by replica
  LeastOf outstanding;       ///< `in_system` of those that accept jobs, by replica
  std::uint64_t next = 0;    ///< round robin
  std::uint64_t spare = 0;   ///< likewise, of those whose turn was with a server that takes none
  std::shared_ptr<JobQueue> shared_queue;
  bool waits_for_replicas = false;  ///< whoever finds none waits for one, and does not fail
  std::uint64_t jobs = 0;           ///< that came, from the beginning
  TimeIntegral parked;              ///< that wait for a replica
  TimeIntegral in_system;
  TimeIntegral servers_busy;
  TimeIntegral down;           ///< servers after a fault, until they are restarted
  TimeIntegral unserved;       ///< 1 while no server runs
  int running = 0;             ///< servers that do
  std::uint64_t steps = 0;     ///< planned in the window
  double step_items = 0;       ///< summed over them
  std::uint64_t rejected = 0;  ///< in the window
  double sojourn_s = 0;        ///< summed over finished jobs, for Little's law
  double step_time_factor = 1, pressure_factor = 1,
         host_factor = 1;  ///< of this replication (CalibrationSpread)

  /// Requests with its servers, or waiting for one.
  [[nodiscard]] double load() const { return in_system.value() + parked.value(); }
  /// Their time so far, s.
  [[nodiscard]] double load_s(Time now) const { return in_system.integral_s(now) + parked.integral_s(now); }
};

/// The hardware and the servers of a run. Indices stay what they are: what leaves is marked, not taken out.
struct Fleet {
  std::vector<NodeState> nodes;
  std::vector<GpuState> gpus;
  std::vector<PartitionState> partitions;
  std::vector<Server> servers;
  std::vector<ServiceState> services;
  /// Iterations and turns are taken one by one, also those that nobody sees (RunOptions::merge_steps).
  bool one_by_one = false;

  [[nodiscard]] ServiceState& service_of(const Server& server) {
    return services[static_cast<std::size_t>(server.service)];
  }
  [[nodiscard]] const ServiceState& service_of(const Server& server) const {
    return services[static_cast<std::size_t>(server.service)];
  }
  [[nodiscard]] PartitionState& partition_of(const Rank& rank) {
    return partitions[static_cast<std::size_t>(rank.partition)];
  }
  [[nodiscard]] const PartitionState& partition_of(const Rank& rank) const {
    return partitions[static_cast<std::size_t>(rank.partition)];
  }
  [[nodiscard]] std::uint32_t gpu_of(const Rank& rank) const { return partition_of(rank).gpu; }

  /// So many jobs or held streams came to a server; negative: left it.
  void add_jobs(int server, int jobs);
  void move(int server, ServerState to);
};

/// Puts GPUs, partitions and processes into a fleet, and takes them out; also while a run goes on.
class FleetBuilder {
 public:
  /// The fleet is empty, or was built with the same arguments. `spread` is drawn with `luck`.
  FleetBuilder(Fleet& fleet, const Workload& workload, const Luck& luck, const CalibrationSpread& spread);

  /// Returns the node's index.
  int add_node(const Node& node);
  /// Returns the GPU's index; without partitions yet.
  std::uint32_t add_gpu(const GpuPlacement& gpu, const InterconnectConstants& reach);
  /// Returns the partition's index.
  std::uint32_t add_partition(std::uint32_t gpu, const Partition& partition, const Sharing& sharing);
  /// A new replica of the service; returns the server's index.
  int add_server(std::uint32_t partition, const ProcessPlacement& process, const MemoryNeed& need);
  /// A further rank of a server.
  void add_rank(int server, std::uint32_t partition, const ProcessPlacement& process, const MemoryNeed& need);
  /// Takes the server's processes off their partitions, where they must have nothing left to run.
  void remove_server(int server);
  /// Without processes on it.
  void remove_partition(std::uint32_t partition);

  [[nodiscard]] const Workload& workload() const { return *workload_; }

 private:
  [[nodiscard]] Rank join(std::uint32_t partition, const ProcessPlacement& process, const MemoryNeed& need);
  void leave(int server, const Rank& rank);

  Fleet* fleet_;
  const Workload* workload_;
  Luck luck_;
  double switching_factor_;  // of the costs of time-slicing
};

/// What is on a GPU now, as a placement.
[[nodiscard]] GpuPlacement placement_of(const Fleet& fleet, std::uint32_t gpu);

/// The fleet of a placement. Throws MemoryError or LayoutError where it does not fit (check_memory).
[[nodiscard]] Fleet build_fleet(const Workload& workload, const Placement& placement, const Luck& luck = {},
                                const CalibrationSpread& spread = {});

/// A demand's time alone on the resources that a server has of a partition, with its calibration factor.
[[nodiscard]] StepTime step_time_on(const Fleet& fleet, const Server& server, const Rank& rank,
                                    const Demand& demand);
/// The same for a step of no form on its server's first rank, which may go on from the step before.
[[nodiscard]] StepTime own_step_time(const Fleet& fleet, Server& server, const Step& step);
/// The same for the step in hand, with so many bytes in its last group.
[[nodiscard]] StepTime own_step_time(const Fleet& fleet, const Server& server, double last_bytes);

/// A step's work on a rank's partition.
[[nodiscard]] Work work_of(const Fleet& fleet, StepId step, const Server& server, const Rank& rank,
                           const StepTime& time, const Demand& demand);

/// All that a server's steps hang on beside their demands, on its first rank.
[[nodiscard]] KnownWhere where_of(const Fleet& fleet, const Server& server);
/// A demand there.
[[nodiscard]] KnownStep know(const Fleet& fleet, const Server& server, const Demand& demand);
/// Of a form (not 0), where the server is where_of() it; by the demand of `step()` where it is not known.
template <class MakeStep>
[[nodiscard]] const KnownStep& known_step(const Fleet& fleet, Server& server, const KnownWhere& where,
                                          std::uint64_t form, const MakeStep& step) {
  return server.known_steps.of(form, where, [&] { return know(fleet, server, step().demand); });
}

}  // namespace gpushare
