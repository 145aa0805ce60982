#pragma once

#include <vector>

#include "gpushare/scenario.hpp"
#include "placement/memory.hpp"

/// What memory.cpp computes and memory_checks.cpp words.
namespace gpushare::scenario {

/// gpu_memory_utilization when it is left out, divided by the LLM processes that share the memory; vLLM's default.
inline constexpr double kDefaultUtilization = 0.9;

/// Ranks of a replica under tensor parallelism at most: the GPUs of a host whose links all reach each other.
inline constexpr int kMostRanks = 8;

[[nodiscard]] std::int64_t least_blocks(const Engine& engine);
[[nodiscard]] double llm_share(const Engine& engine, int sharers);
/// The model that guesses for a service's LLM, and its weights on this GPU; null where there is none.
struct Draft {
  const LlmModel* model = nullptr;
  const WeightFormat* format = nullptr;
};
[[nodiscard]] Draft draft_of(const Service& service, const GpuProfile& gpu);
/// One rank's weights, activations and context of an LLM and its draft, and the smallest cache that can serve.
[[nodiscard]] MemoryNeed with_least_cache(const Service& service, const LlmModel& model,
                                          const WeightFormat& format, const GpuProfile& gpu);
/// With the smallest batch profile that the service allows; `pool` is what an LLM takes its share of.
[[nodiscard]] MemoryNeed smallest_need(const Service& service, const GpuProfile& profile, double pool,
                                       int sharers);

/// The partitions that share memory with this one, itself included.
[[nodiscard]] std::vector<std::size_t> sharing_memory(const std::vector<Partition>& parts,
                                                      std::size_t partition);
/// LLM processes there that take a share of the memory, not an amount.
[[nodiscard]] int llm_processes(const std::vector<Service>& services, const GpuPlacement& gpu,
                                const std::vector<std::size_t>& members);
[[nodiscard]] std::vector<std::vector<MemoryNeed>> needs_of(const std::vector<Service>& services,
                                                            const GpuPlacement& gpu,
                                                            const std::vector<Partition>& parts);

}  // namespace gpushare::scenario
