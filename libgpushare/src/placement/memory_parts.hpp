#pragma once

#include <vector>

#include "gpushare/fits.hpp"
#include "placement/memory.hpp"
#include "placement/served_by.hpp"

/// What memory.cpp computes, fits.cpp adds up and memory_checks.cpp words.
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
/// Of one rank of a service that keeps a cache, with the smallest one that can serve, on a device with so much memory (0: a
/// small one).
[[nodiscard]] MemoryNeed with_least_cache(const Service& service, const GpuProfile& gpu, double memory = 0);
/// With the smallest batch profile that the service allows; `pool` is what a cache takes its share of.
[[nodiscard]] MemoryNeed smallest_need(const Service& service, const GpuProfile& profile, double pool,
                                       int sharers);

/// Whether a process keeps a cache and takes a share of the memory, not an amount.
[[nodiscard]] bool takes_share(const Service& service, const ProcessPlacement& process);

/// A process in a memory.
struct Tenant {
  const Service* service = nullptr;
  const ProcessPlacement* process = nullptr;
  std::size_t partition = 0, index = 0;  ///< of the GPU, and of that partition
  MemoryNeed need{};

  [[nodiscard]] double limit() const;     ///< of MPS; infinite without
  [[nodiscard]] bool gets_share() const;  ///< takes_share, and its blocks are not counted by the scenario
};
/// The memory of a partition, which compute instances of one GPU instance share, and the processes in it.
struct Pool {
  const GpuProfile* gpu = nullptr;
  double memory = 0;
  int sharers = 1;  ///< LLM processes that take a share; at least 1
  std::vector<Tenant> tenants;
};
/// The memory of that partition. `pool` is filled anew, so that one serves many questions.
void fill_pool(const std::vector<Service>& services, const GpuPlacement& gpu, std::size_t partition,
               Pool& pool);
/// In hundredths: what every one of so many processes finds free beside the others' bytes, the last one beside its own
/// context.
[[nodiscard]] double startable_share(const Pool& pool, double others, int shares);
/// The share that each LLM process could take beside the others, in hundredths; 0: that would leave one without a cache.
[[nodiscard]] double fitting_share(const Pool& pool);
/// Whether no earlier partition has the same memory.
[[nodiscard]] bool is_first_of_memory(const GpuPlacement& gpu, std::size_t partition);

}  // namespace gpushare::scenario
