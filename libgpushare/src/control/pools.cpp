#include <algorithm>
#include <numeric>

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
  return replicas.instance.empty() || partition.name.substr(0, partition.name.find('@')) == replicas.instance;
}

void place_pools(const Control& control, const Workload& workload, Placement& placement) {
  for (std::size_t p = 0; p < control.pools.size(); ++p) {
    const NodePool& pool = control.pools[p];
    const std::size_t first = placement.gpus.size();
    for (int n = 0; n < pool.start; ++n) {
      Node node = pool.node;
      node.pool = static_cast<int>(p);
      node.name = pool.name + "-" + std::to_string(n);
      placement.nodes.push_back(node);
      for (int g = 0; g < pool.gpus_per_node; ++g) {
        GpuPlacement gpu = empty_gpu(pool.shape.cut, static_cast<int>(placement.nodes.size()) - 1);
        for (PartitionPlacement& partition : gpu.partitions) partition.sharing = pool.shape.sharing;
        placement.gpus.push_back(std::move(gpu));
      }
    }
    for (const ReplicaControl& replicas : control.services) {
      if (static_cast<std::size_t>(replicas.pool) != p) continue;
      const Service& service = workload.services[static_cast<std::size_t>(replicas.service)];
      int left = replicas.start;
      for (std::size_t gpu = first; gpu < placement.gpus.size(); ++gpu)
        for (std::size_t part = 0; part < placement.gpus[gpu].partitions.size(); ++part)
          while (left > 0 && holds(placement.gpus[gpu].parts()[part], replicas) &&
                 static_cast<int>(placement.gpus[gpu].partitions[part].processes.size()) < pool.shape.seats) {
            placement.gpus[gpu].partitions[part].processes.push_back(
                seated(pool.shape, placement.gpus[gpu].parts()[part], service, replicas.service));
            --left;
          }
    }
  }
}

}  // namespace gpushare
