#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gpushare/memory.hpp"
#include "gpushare/mig.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/sharing.hpp"
#include "gpushare/workload.hpp"

namespace gpushare {

struct ProcessPlacement {
  int service = 0;
  double active_thread_percentage = 100;  ///< MPS
  double memory_limit_bytes = 0;          ///< MPS; 0: none
};

struct PartitionPlacement {
  Sharing sharing;
  std::vector<ProcessPlacement> processes;
};

struct GpuPlacement {
  std::shared_ptr<const GpuProfile> profile;
  Layout layout;
  std::vector<PartitionPlacement> partitions;  ///< one for each of partitions(profile, layout)
  int node = 0;                                ///< index into Placement::nodes
};

/// A host and the CPU cores that the processes of its GPUs share.
struct Node {
  int host_cores = 0;  ///< 0: no limit
};

/// Where a workload runs: processes name its services by index.
struct Placement {
  std::vector<Node> nodes{1};
  std::vector<GpuPlacement> gpus;
};

/// Memory that a process of the service takes when it has the partition to itself, but for `sharers` - 1 other LLM
/// processes that an LLM leaves room for.
[[nodiscard]] MemoryNeed memory_need(const Service& service, const GpuProfile& profile,
                                     const Partition& partition, int sharers);

/// Of every process of a GPU beside its neighbours, by partition and process: MPS limits are kept, and batch profiles
/// left open are the largest that fit. What does not fit is there too: check_memory refuses it.
[[nodiscard]] std::vector<std::vector<MemoryNeed>> memory_needs(const std::vector<Service>& services,
                                                                const GpuPlacement& gpu);

/// Throws MemoryError with the sum when a partition's processes do not fit it, or LayoutError for too many MPS clients.
void check_memory(const Workload& workload, const Placement& placement);

}  // namespace gpushare
