#include <algorithm>

#include "control/shape_policy.hpp"
#include "gpushare/control.hpp"
#include "placement/memory_parts.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {

const std::vector<std::string>& load_metrics() {
  static const std::vector<std::string> names{"in-system", "rate", "busy"};
  return names;
}

const ReplicaControl* Control::of(int service) const {
  const auto found = std::find_if(services.begin(), services.end(),
                                  [&](const ReplicaControl& one) { return one.service == service; });
  return found == services.end() ? nullptr : &*found;
}

namespace {

// 0: what the engine says.
double seat_memory_bytes(const GpuShape& shape, const Partition& partition, const Service& service) {
  if (!scenario::takes_share(service, {})) return 0;
  const ContinuousOptions& engine = scenario::cache_options(service);
  if (engine.gpu_memory_utilization > 0 || engine.kv_blocks > 0) return 0;
  const auto& parts = shape.cut->partitions;
  const auto sharing_memory = std::count_if(parts.begin(), parts.end(), [&](const Partition& part) {
    return part.memory_domain == partition.memory_domain;
  });
  const auto seats = sharing_memory * shape.seats;
  return seats > 1 ? partition.memory_bytes / static_cast<double>(seats) : 0;
}

}  // namespace

ProcessPlacement seated(const GpuShape& shape, const Partition& partition, const Service& service,
                        int index) {
  ProcessPlacement process{index};
  if (traits_of(shape.sharing.mode).has_limits)
    process.active_thread_percentage = shape.active_thread_percentage;
  process.memory_limit_bytes = seat_memory_bytes(shape, partition, service);
  return process;
}

double price_of(const Prices& prices, const NodePool& pool) {
  if (pool.spot) return pool.spot->price_per_gpu_hour;
  return pool.price_per_gpu_hour ? *pool.price_per_gpu_hour : price_of(prices, *pool.shape.cut->profile);
}

bool holds(const Partition& partition, const ReplicaControl& replicas) {
  return replicas.instance.empty() || instance_name(partition) == replicas.instance;
}

int seats_of_node(const NodePool& pool) {
  const int other = pool.reshaping ? pool.reshaping->shape.places() : 0;
  return std::max(pool.shape.places(), other) * pool.gpus_per_node;
}

int GpuShape::places() const { return static_cast<int>(cut->partitions.size()) * seats; }

const GpuShape& NodePool::shape_of(int gpu, bool other) const {
  const bool among = reshaping && (reshaping->gpus == 0 || gpu < reshaping->gpus);
  return other && among ? reshaping->shape : shape;
}

const GpuShape& first_shape(const NodePool& pool, int gpu) {
  const bool by_clock = pool.reshaping && !pool.reshaping->by_load;
  return pool.shape_of(gpu, by_clock && control::ShapePolicy(*pool.reshaping).at(0));
}

namespace {

void place_nodes(const NodePool& pool, int number_of_pool, Placement& placement) {
  int number = 0;
  for (int n = 0; n < pool.start; ++n) {
    Node node = pool.node;
    node.pool = number_of_pool;
    node.name = pool.name + "-" + std::to_string(n);
    placement.nodes.push_back(node);
    for (int g = 0; g < pool.gpus_per_node; ++g) {
      const GpuShape& shape = first_shape(pool, number++);
      GpuPlacement gpu = empty_gpu(shape.cut, static_cast<int>(placement.nodes.size()) - 1);
      for (PartitionPlacement& partition : gpu.partitions) partition.sharing = shape.sharing;
      placement.gpus.push_back(std::move(gpu));
    }
  }
}

void place_replicas(const NodePool& pool, const ReplicaControl& replicas, const Service& service,
                    std::size_t first_gpu, Placement& placement) {
  for (int left = replicas.start; left > 0; --left) {
    PartitionPlacement* chosen = nullptr;
    ProcessPlacement process;
    for (std::size_t gpu = first_gpu; gpu < placement.gpus.size(); ++gpu) {
      const GpuShape& shape = first_shape(pool, static_cast<int>(gpu - first_gpu));
      for (std::size_t part = 0; part < placement.gpus[gpu].partitions.size(); ++part) {
        PartitionPlacement& there = placement.gpus[gpu].partitions[part];
        const Partition& partition = placement.gpus[gpu].parts()[part];
        const bool free = static_cast<int>(there.processes.size()) < shape.seats;
        if (!free || !holds(partition, replicas)) continue;
        if (chosen != nullptr && chosen->processes.size() <= there.processes.size()) continue;
        chosen = &there;
        process = seated(shape, partition, service, replicas.service);
      }
    }
    if (chosen == nullptr) return;  // check_placement says that they are nowhere
    chosen->processes.push_back(process);
  }
}

}  // namespace

void place_pools(const Control& control, const Workload& workload, Placement& placement) {
  for (std::size_t p = 0; p < control.pools.size(); ++p) {
    const std::size_t first_gpu = placement.gpus.size();
    place_nodes(control.pools[p], static_cast<int>(p), placement);
    for (const ReplicaControl& replicas : control.services)
      if (static_cast<std::size_t>(replicas.pool) == p)
        place_replicas(control.pools[p], replicas,
                       workload.services[static_cast<std::size_t>(replicas.service)], first_gpu, placement);
  }
}

}  // namespace gpushare
