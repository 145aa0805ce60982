#pragma once

#include <vector>

#include "gpushare/placement.hpp"
#include "placement/memory.hpp"
#include "placement/served_by.hpp"

/// What memory.cpp computes and memory_checks.cpp words.
namespace gpushare::scenario {

/// gpu_memory_utilization when it is left out, divided by the LLM processes that share the memory; vLLM's default.
inline constexpr double kDefaultUtilization = 0.9;

/// Ranks of a replica under tensor parallelism at most: the GPUs of a host whose links all reach each other.
inline constexpr int kMostRanks = 8;

/// The options of a service whose model keeps a cache.
[[nodiscard]] inline const ContinuousOptions& cache_options(const Service& service) {
  return std::get<ContinuousOptions>(service.engine.options);
}
[[nodiscard]] std::int64_t least_blocks(const ContinuousOptions& engine);
[[nodiscard]] double cache_share(const ContinuousOptions& engine, int sharers);
/// Of one rank of a service that keeps a cache, with the smallest one that can serve.
[[nodiscard]] MemoryNeed with_least_cache(const Service& service, const GpuProfile& gpu);
/// With the smallest batch profile that the service allows; `pool` is what a cache takes its share of.
[[nodiscard]] MemoryNeed smallest_need(const Service& service, const GpuProfile& profile, double pool,
                                       int sharers);

/// The partitions that share memory with this one, itself included.
[[nodiscard]] std::vector<std::size_t> sharing_memory(const std::vector<Partition>& parts,
                                                      std::size_t partition);
/// Processes there that take a share of the memory, not an amount.
[[nodiscard]] int sharing_processes(const std::vector<Service>& services, const GpuPlacement& gpu,
                                    const std::vector<std::size_t>& members);
[[nodiscard]] std::vector<std::vector<MemoryNeed>> needs_of(const std::vector<Service>& services,
                                                            const GpuPlacement& gpu,
                                                            const std::vector<Partition>& parts);

}  // namespace gpushare::scenario
