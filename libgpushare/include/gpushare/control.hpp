#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/mig.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/random.hpp"
#include "gpushare/sharing.hpp"

/// How a fleet follows its load: the policies of a run, a document's "control". What they do not say is as in Kubernetes
/// 1.30's HorizontalPodAutoscaler (replicas) and cluster autoscaler (nodes).
namespace gpushare {

// ---- Replicas ----

/// What a replica count follows, summed over the service's replicas.
enum class LoadMetric : std::uint8_t {
  in_system,  ///< requests queued or in service, on average since the last look
  rate,       ///< requests that came, a second, since the last look
  busy        ///< replicas with a step in hand, on average since the last look
};
/// Their names, in the order of the enumeration.
[[nodiscard]] const std::vector<std::string>& load_metrics();

/// How fast a count may move in one direction. Limits that are absent do not limit; of two, the looser one counts.
struct ScalingRule {
  double window_s = 0;             ///< of what was wanted in so long, the wish that moves least counts
  std::optional<double> replicas;  ///< at most so many in a period
  std::optional<double> percent;   ///< of those there at its beginning
  double period_s = 15;
};

/// Enough replicas that each has `target` of the metric.
struct Autoscaling {
  LoadMetric metric = LoadMetric::in_system;
  double target = 1;
  double tolerance = 0.1;  ///< the metric may be off by this share before anything is done
  double every_s = 15;     ///< 0: at every request that comes or leaves
  ScalingRule up{0, 4, 100, 15};
  ScalingRule down{300, std::nullopt, 100, 15};
};

struct ScheduledReplicas {
  double at_s = 0;
  int replicas = 0;
};

/// What a replica does before it serves, on a node that is there: image, weights, engine, warm-up, one after another.
struct ColdStart {
  double image_bytes = 10e9;         ///< once for a service on each node
  double image_bytes_per_s = 200e6;  ///< over the network and unpacked
  double weights_bytes_per_s = 2e9;  ///< from the disk; PCIe may be slower
  Distribution engine_s = constant(60);
  Distribution warm_up_s = constant(0);
};

/// The replicas of a service.
struct ReplicaControl {
  int service = 0;
  int pool = 0;
  std::string
      instance;  ///< "3g.40gb": it sits on no other kind of instance; empty: on any partition that holds it
  int start = 1, min = 1, max = 1;
  std::optional<Autoscaling> autoscaling;
  std::vector<ScheduledReplicas> schedule;  ///< ascending; what autoscaling wants counts between them
  double schedule_period_s = 0;             ///< the schedule begins again; 0: never
  ColdStart cold_start;
  double grace_s = 300;  ///< a replica that has to leave finishes what it has, so long
  bool moves_requests =
      true;  ///< what is left then goes to another replica, from its beginning; false: fails
};

// ---- Nodes ----

/// How each GPU of a pool is cut and shared.
struct GpuShape {
  std::shared_ptr<const CutGpu> cut;
  Sharing sharing;
  int seats = 1;                          ///< processes on each partition, at most
  double active_thread_percentage = 100;  ///< MPS: of each

  /// Seats of the GPU.
  [[nodiscard]] int places() const;
};

/// When GPUs of a pool have its other shape.
struct Reshaping {
  GpuShape shape;
  int gpus = 0;               ///< of the pool, the first ones; 0: all
  double mode_change_s = 35;  ///< as much again where MIG itself goes on or off: a reset of the GPU
  double recut_s = 1;         ///< to destroy and create instances, once the processes on them have left

  // By the clock: from so many seconds to so many, and again every period_s (0: once).
  double from_s = 0, until_s = 0, period_s = 0;
  // Or by load: from when the metric has been at `above` or more for so long, until it has been at `below` or less.
  bool by_load = false;
  int service = 0;  ///< index into Workload::services
  LoadMetric metric = LoadMetric::in_system;
  double above = 0, below = 0, for_s = 0, every_s = 15;
};

/// Nodes that cost less and are taken away again.
struct Spot {
  double price_per_gpu_hour = 0;
  double mean_s = 0;     ///< from the order of a node to its notice, exponential
  double notice_s = 30;  ///< from its notice until it is gone
};

/// Nodes that are paid for all along, whether they are on or not: any of the pool, so many at a time.
struct Reservation {
  int nodes = 0;
  double price_per_gpu_hour = 0;
};

/// Nodes of a kind that come and go.
struct NodePool {
  std::string name;
  GpuShape shape;
  std::optional<Reshaping> reshaping;
  int gpus_per_node = 1;
  Node node;
  int start = 1, min = 1, max = 1;
  Distribution boot_s = constant(240);  ///< from the order until its processes can start; paid for
  double every_s = 10;          ///< how often replicas without a seat, and nodes without need, are looked for
  double remove_after_s = 600;  ///< without need
  double remove_after_add_s = 600;  ///< no node goes so soon after one was added
  double needed_from = 0.5;         ///< a node with this share of its seats taken is needed
  bool packs =
      false;  ///< replicas sit down on the fullest node, so that others can go; false: on the emptiest
  std::optional<double> price_per_gpu_hour;  ///< nullopt: as Workload::prices has it
  std::optional<Spot> spot;                  ///< of all its nodes
  std::optional<Reservation> reserved;

  /// Of a GPU by its number among the pool's, when those that may have the other shape have it, or not.
  [[nodiscard]] const GpuShape& shape_of(int gpu, bool other) const;
};

/// The shape in which a GPU of a pool begins, by its number among the pool's.
[[nodiscard]] const GpuShape& first_shape(const NodePool& pool, int gpu);

/// What is done to a fleet while it serves.
struct Control {
  std::vector<NodePool> pools;
  std::vector<ReplicaControl> services;

  /// That of a service; null: it stays as it is placed.
  [[nodiscard]] const ReplicaControl* of(int service) const;
};

/// Processes that one of its nodes has room for at once, in whichever of its shapes holds more.
[[nodiscard]] int seats_of_node(const NodePool& pool);
/// What an hour of a GPU of the pool costs while it is on, in currency units; of those beyond its reservation. Throws
/// ScenarioError for a kind without a price.
[[nodiscard]] double price_of(const Prices& prices, const NodePool& pool);
/// Whether the replicas may sit on a partition of that kind.
[[nodiscard]] bool holds(const Partition& partition, const ReplicaControl& replicas);
/// Where a pool's nodes begin: those that the placement has already, with replicas on their seats in order.
void place_pools(const Control& control, const Workload& workload, Placement& placement);
/// A replica of the service (by its index) on a seat of the partition. An LLM that would take what it finds gets the
/// seat's share of the memory; others take what they need.
[[nodiscard]] ProcessPlacement seated(const GpuShape& shape, const Partition& partition,
                                      const Service& service, int index);

}  // namespace gpushare
