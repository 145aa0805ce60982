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

double startable_share(const Pool& pool, double others, int shares) {
  return std::floor((pool.memory - others - pool.gpu->context_bytes) / shares / pool.memory * 100) / 100;
}

double fitting_share(const Pool& pool) {
  double others = 0, least = 0;
  int shares = 0;
  for (const Tenant& tenant : pool.tenants) {
    const Service& service = *tenant.service;
    if (!tenant.gets_share()) {
      others += tenant.need.total;
      continue;
    }
    ++shares;
    least = std::max(least, with_least_cache(service, *pool.gpu, pool.memory).total);
  }
  if (shares == 0) return 0;
  const double share = startable_share(pool, others, shares);
  return share * pool.memory >= least ? share : 0;
}

MemoryNeed with_least_cache(const Service& service, const GpuProfile& gpu, double memory) {
  const Process process = process_of(service, gpu, memory);
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

// Batch profiles left open grow in turn while everything still fits.
void grow_batch_profiles(std::vector<Tenant>& tenants, const GpuProfile& gpu, double memory) {
  double total = 0;
  for (const Tenant& tenant : tenants) total += tenant.need.total;
  for (bool grown = true; grown;) {
    grown = false;
    for (Tenant& tenant : tenants) {
      const Service& service = *tenant.service;
      const auto larger = larger_memory(*service.model, process_of(service, gpu), tenant.need.slots);
      if (!larger) continue;
      const double room = service.memory_bytes > 0 ? service.memory_bytes : tenant.limit();
      const double more = larger->need.total - tenant.need.total;
      if (larger->profile_bytes > room || total + more > memory) continue;
      tenant.need = larger->need;
      total += more;
      grown = true;
    }
  }
}

}  // namespace

MemoryNeed smallest_need(const Service& service, const GpuProfile& profile, double pool, int sharers) {
  const Process process = process_of(service, profile, pool);
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

bool takes_share(const Service& service, const ProcessPlacement& process) {
  return service.memory_bytes <= 0 && process.memory_limit_bytes <= 0 && keeps_cache(*service.model);
}

bool Tenant::gets_share() const {
  return takes_share(*service, *process) && cache_options(*service).kv_blocks == 0;
}

double Tenant::limit() const {
  return process->memory_limit_bytes > 0 ? process->memory_limit_bytes
                                         : std::numeric_limits<double>::infinity();
}

bool is_first_of_memory(const GpuPlacement& gpu, std::size_t partition) {
  const auto& parts = gpu.parts();
  for (std::size_t i = 0; i < partition; ++i)
    if (parts[i].memory_domain == parts[partition].memory_domain) return false;
  return true;
}

void fill_pool(const std::vector<Service>& services, const GpuPlacement& gpu, std::size_t partition,
               Pool& pool) {
  const auto& parts = gpu.parts();
  pool.gpu = &gpu.profile();
  pool.memory = parts[partition].memory_bytes;
  pool.tenants.clear();
  int shares = 0;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].memory_domain != parts[partition].memory_domain) continue;
    const auto& processes = gpu.partitions[part].processes;
    for (std::size_t i = 0; i < processes.size(); ++i) {
      const Service& service = services[static_cast<std::size_t>(processes[i].service)];
      shares += takes_share(service, processes[i]) ? 1 : 0;
      pool.tenants.push_back({&service, &processes[i], part, i, {}});
    }
  }
  pool.sharers = std::max(1, shares);
  for (Tenant& tenant : pool.tenants) {
    const bool limited = tenant.process->memory_limit_bytes > 0;
    tenant.need = smallest_need(*tenant.service, *pool.gpu, std::min(pool.memory, tenant.limit()),
                                limited ? 1 : pool.sharers);
  }
  grow_batch_profiles(pool.tenants, *pool.gpu, pool.memory);
}

}  // namespace scenario

MemoryNeed memory_need(const Service& service, const GpuProfile& profile, const Partition& partition,
                       int sharers) {
  const ProcessPlacement process;
  std::vector<scenario::Tenant> alone{{&service, &process, 0, 0, {}}};
  alone[0].need = scenario::smallest_need(service, profile, partition.memory_bytes, std::max(1, sharers));
  scenario::grow_batch_profiles(alone, profile, partition.memory_bytes);
  return alone[0].need;
}

std::vector<std::vector<MemoryNeed>> memory_needs(const std::vector<Service>& services,
                                                  const GpuPlacement& gpu) {
  std::vector<std::vector<MemoryNeed>> needs(gpu.partitions.size());
  for (std::size_t i = 0; i < needs.size(); ++i) needs[i].resize(gpu.partitions[i].processes.size());
  scenario::Pool pool;
  for (std::size_t first = 0; first < needs.size(); ++first) {
    if (!scenario::is_first_of_memory(gpu, first)) continue;
    scenario::fill_pool(services, gpu, first, pool);
    for (const scenario::Tenant& tenant : pool.tenants) needs[tenant.partition][tenant.index] = tenant.need;
  }
  return needs;
}

}  // namespace gpushare
