#include "placement/memory.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/model_kind.hpp"
#include "placement/memory_parts.hpp"

namespace gpushare {
namespace scenario {

std::int64_t least_blocks(const ContinuousOptions& engine) {
  return (kLeastCachedTokens + engine.block_size - 1) / engine.block_size;
}

double cache_share(const ContinuousOptions& engine, int sharers) {
  return engine.gpu_memory_utilization > 0 ? engine.gpu_memory_utilization : kDefaultUtilization / sharers;
}

MemoryNeed with_least_cache(const Service& service, const GpuProfile& gpu) {
  const Process process = process_of(service, gpu);
  const ContinuousOptions& engine = cache_options(service);
  MemoryNeed need = memory_of(*service.model, process);
  need.cache = static_cast<double>(least_blocks(engine)) * engine.block_size *
               cache_bytes_per_token(*service.model, process);
  need.total += need.cache;
  return need;
}

namespace {

// The blocks that are asked for, or those that its part of the memory leaves.
void add_cache(MemoryNeed& need, const Service& service, double bytes_per_token, double pool, int sharers) {
  const ContinuousOptions& engine = cache_options(service);
  const double budget = service.memory_bytes > 0 ? service.memory_bytes : cache_share(engine, sharers) * pool;
  const double block_bytes = engine.block_size * bytes_per_token;
  need.kv_blocks = engine.kv_blocks;
  if (need.kv_blocks == 0)
    need.kv_blocks =
        static_cast<std::int64_t>(std::max(0.0, std::floor((budget - need.total) / block_bytes)));
  need.cache = static_cast<double>(need.kv_blocks) * block_bytes;
  need.total += need.cache;
  if (service.memory_bytes > 0) need.total = std::max(need.total, service.memory_bytes);
}

// The processes of one pool of memory.
struct Tenant {
  const Service* service;
  MemoryNeed* need;
  double limit;  // of MPS; infinite without
};

// Batch profiles left open grow in turn while everything still fits.
void grow_batch_profiles(const std::vector<Tenant>& tenants, const GpuProfile& gpu, double memory) {
  double total = 0;
  for (const Tenant& tenant : tenants) total += tenant.need->total;
  for (bool grown = true; grown;) {
    grown = false;
    for (const Tenant& tenant : tenants) {
      const Service& service = *tenant.service;
      const auto larger = larger_memory(*service.model, process_of(service, gpu), tenant.need->slots);
      if (!larger) continue;
      const double room = service.memory_bytes > 0 ? service.memory_bytes : tenant.limit;
      const double more = larger->need.total - tenant.need->total;
      if (larger->profile_bytes > room || total + more > memory) continue;
      *tenant.need = larger->need;
      total += more;
      grown = true;
    }
  }
}

}  // namespace

MemoryNeed smallest_need(const Service& service, const GpuProfile& profile, double pool, int sharers) {
  const Process process = process_of(service, profile);
  MemoryNeed need = memory_of(*service.model, process);
  if (keeps_cache(*service.model))
    add_cache(need, service, cache_bytes_per_token(*service.model, process), pool, sharers);
  return need;
}

double required_memory(const Service& service, const GpuProfile& profile) {
  const bool takes_a_share =
      keeps_cache(*service.model) && service.memory_bytes <= 0 && cache_options(service).kv_blocks == 0;
  if (!takes_a_share) return smallest_need(service, profile, 0, 1).total;
  return with_least_cache(service, profile).total / cache_share(cache_options(service), 1);
}

std::vector<std::size_t> sharing_memory(const std::vector<Partition>& parts, std::size_t partition) {
  std::vector<std::size_t> members;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i].memory_domain == parts[partition].memory_domain) members.push_back(i);
  return members;
}

int sharing_processes(const std::vector<Service>& services, const GpuPlacement& gpu,
                      const std::vector<std::size_t>& members) {
  int count = 0;
  for (const std::size_t part : members)
    for (const ProcessPlacement& process : gpu.partitions[part].processes) {
      const Service& service = services[static_cast<std::size_t>(process.service)];
      const bool takes_a_share = service.memory_bytes <= 0 && process.memory_limit_bytes <= 0;
      count += takes_a_share && keeps_cache(*service.model) ? 1 : 0;
    }
  return count;
}

std::vector<std::vector<MemoryNeed>> needs_of(const std::vector<Service>& services, const GpuPlacement& gpu,
                                              const std::vector<Partition>& parts) {
  std::vector<std::vector<MemoryNeed>> needs(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) needs[i].resize(gpu.partitions[i].processes.size());
  for (std::size_t first = 0; first < parts.size(); ++first) {
    const auto members = sharing_memory(parts, first);
    if (members.front() != first) continue;
    const double memory = parts[first].memory_bytes;
    const int sharers = std::max(1, sharing_processes(services, gpu, members));
    std::vector<Tenant> tenants;
    for (const std::size_t part : members) {
      for (std::size_t p = 0; p < needs[part].size(); ++p) {
        const ProcessPlacement& process = gpu.partitions[part].processes[p];
        const Service& service = services[static_cast<std::size_t>(process.service)];
        const bool limited = process.memory_limit_bytes > 0;
        const double limit = limited ? process.memory_limit_bytes : std::numeric_limits<double>::infinity();
        needs[part][p] = smallest_need(service, *gpu.profile, std::min(memory, limit), limited ? 1 : sharers);
        tenants.push_back({&service, &needs[part][p], limit});
      }
    }
    grow_batch_profiles(tenants, *gpu.profile, memory);
  }
  return needs;
}

}  // namespace scenario

MemoryNeed memory_need(const Service& service, const GpuProfile& profile, const Partition& partition,
                       int sharers) {
  MemoryNeed need = scenario::smallest_need(service, profile, partition.memory_bytes, std::max(1, sharers));
  const double infinity = std::numeric_limits<double>::infinity();
  scenario::grow_batch_profiles({{&service, &need, infinity}}, profile, partition.memory_bytes);
  return need;
}

std::vector<std::vector<MemoryNeed>> memory_needs(const std::vector<Service>& services,
                                                  const GpuPlacement& gpu) {
  return scenario::needs_of(services, gpu, partitions(*gpu.profile, gpu.layout));
}

}  // namespace gpushare
