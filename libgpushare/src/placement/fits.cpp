#include "gpushare/fits.hpp"

#include <algorithm>
#include <optional>

#include "models/model_kind.hpp"
#include "placement/memory.hpp"
#include "placement/memory_parts.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace scenario {
namespace {

using Reason = Misfit::Reason;

Misfit of_process(Reason reason, const Tenant& tenant, double needed, double available) {
  return {reason,
          0,
          static_cast<int>(tenant.partition),
          static_cast<int>(tenant.index),
          tenant.process->service,
          needed,
          available};
}

std::optional<Misfit> cache_misfit(const Pool& pool, const Tenant& tenant) {
  const Service& service = *tenant.service;
  if (!keeps_cache(*service.model)) return std::nullopt;
  const ContinuousOptions& engine = cache_options(service);
  if (engine.kv_blocks > 0 || tenant.need.kv_blocks >= least_blocks(engine)) return std::nullopt;
  const double least = with_least_cache(service, *pool.gpu, pool.memory).total;
  if (service.memory_bytes > 0) return of_process(Reason::cache, tenant, least, service.memory_bytes);
  const bool limited = tenant.process->memory_limit_bytes > 0;
  const double share = cache_share(engine, limited ? 1 : pool.sharers);
  return of_process(Reason::cache, tenant, least, share * std::min(pool.memory, tenant.limit()));
}

std::optional<Misfit> own_misfit(const Pool& pool, const Tenant& tenant) {
  if (auto cache = cache_misfit(pool, tenant)) return cache;
  if (tenant.need.total > tenant.limit())
    return of_process(Reason::memory_limit, tenant, tenant.need.total, tenant.limit());
  if (tenant.need.total > pool.memory)
    return of_process(Reason::partition, tenant, tenant.need.total, pool.memory);
  return std::nullopt;
}

// Of the LLMs that take a share of the memory, whatever they need.
double shares_of(const Pool& pool) {
  double total = 0;
  for (const Tenant& tenant : pool.tenants)
    if (tenant.gets_share()) total += cache_share(cache_options(*tenant.service), pool.sharers);
  return total;
}

// Processes start in the order in which they are listed, and one that takes a share checks that it is free: what those
// before it hold and its own context are not. vLLM stops there ("Free memory on device ... is less than desired").
std::optional<Misfit> start_misfit(const Pool& pool) {
  double held = 0;
  for (const Tenant& tenant : pool.tenants) {
    if (held > 0 && tenant.gets_share()) {
      const double wanted = cache_share(cache_options(*tenant.service), pool.sharers) * pool.memory;
      const double free = pool.memory - held - pool.gpu->context_bytes;
      if (wanted > free) return of_process(Reason::utilisation, tenant, wanted, free);
    }
    held += tenant.need.total;
  }
  return std::nullopt;
}

// What a pool leaves; the first misfit in it, `first` its first partition.
double add_up(const Pool& pool, std::size_t first, std::optional<Misfit>& misfit) {
  double total = 0;
  for (const Tenant& tenant : pool.tenants) total += tenant.need.total;
  double free = pool.memory - total;
  const auto object = [&](const Misfit& found) {
    free = std::min({free, found.available - found.needed, -1.0});  // less than a byte may be lacking
    if (!misfit) misfit = found;
  };
  for (const Tenant& tenant : pool.tenants)
    if (const auto own = own_misfit(pool, tenant)) object(*own);
  const int partition = static_cast<int>(first);
  if (const double shares = shares_of(pool); shares > 1 + 1e-9)
    object({Reason::utilisation, 0, partition, -1, -1, shares * pool.memory, pool.memory});
  if (const auto start = start_misfit(pool); start && total <= pool.memory) object(*start);
  if (total > pool.memory)
    object({Reason::sum, 0, partition, -1, -1, total, pool.memory, fitting_share(pool)});
  return free;
}

// Of the clients of an instance as of its SMs (NVIDIA MIG User Guide).
int most_clients(int of_gpu, const GpuPlacement& gpu, const Partition& partition) {
  const GpuProfile& profile = gpu.profile();
  if (gpu.layout().whole() || profile.mig_sms == 0) return of_gpu;
  return std::max(1, of_gpu * partition.sms / profile.mig_sms);
}

std::optional<Misfit> client_misfit(const GpuPlacement& gpu, std::size_t partition) {
  const PartitionPlacement& placed = gpu.partitions[partition];
  const auto max_clients = traits_of(placed.sharing.mode).max_clients;
  if (max_clients == nullptr) return std::nullopt;
  const int most = most_clients(max_clients(gpu.profile()), gpu, gpu.parts()[partition]);
  const int clients = static_cast<int>(placed.processes.size());
  if (clients <= most) return std::nullopt;
  return Misfit{
      Reason::mps_clients,      0, static_cast<int>(partition), -1, -1, static_cast<double>(clients),
      static_cast<double>(most)};
}

double free_of_earlier(const Fit& fit, const GpuPlacement& gpu, std::size_t partition) {
  const auto& parts = gpu.parts();
  const std::size_t begin = fit.parts.size() - partition;
  std::size_t i = 0;
  while (parts[i].memory_domain != parts[partition].memory_domain) ++i;
  return fit.parts[begin + i].free_bytes;
}

}  // namespace

std::optional<Misfit> memory_misfit(const std::vector<Service>& services, const GpuPlacement& gpu,
                                    std::size_t partition) {
  Pool pool;
  fill_pool(services, gpu, partition, pool);
  std::optional<Misfit> misfit;
  add_up(pool, partition, misfit);
  return misfit;
}

}  // namespace scenario

std::string_view to_string(Misfit::Reason reason) {
  switch (reason) {
    case Misfit::Reason::cache:
      return "cache";
    case Misfit::Reason::memory_limit:
      return "memory-limit";
    case Misfit::Reason::partition:
      return "partition";
    case Misfit::Reason::utilisation:
      return "utilisation";
    case Misfit::Reason::sum:
      return "sum";
    case Misfit::Reason::mps_clients:
      return "mps-clients";
  }
  return "";
}

Fit fits(const Workload& workload, const Placement& placement) {
  Fit fit;
  scenario::Pool pool;
  const auto add = [&](std::size_t gpu, std::optional<Misfit> misfit) {
    if (!misfit) return;
    misfit->gpu = static_cast<int>(gpu);
    fit.misfits.push_back(*misfit);
  };
  for (std::size_t g = 0; g < placement.gpus.size(); ++g) {
    const GpuPlacement& gpu = placement.gpus[g];
    for (std::size_t i = 0; i < gpu.partitions.size(); ++i) {
      add(g, scenario::client_misfit(gpu, i));
      Fit::Part part{static_cast<int>(g), static_cast<int>(i), 0};
      if (scenario::is_first_of_memory(gpu, i)) {
        std::optional<Misfit> misfit;
        scenario::fill_pool(workload.services, gpu, i, pool);
        part.free_bytes = scenario::add_up(pool, i, misfit);
        add(g, misfit);
      } else {
        part.free_bytes = scenario::free_of_earlier(fit, gpu, i);
      }
      fit.parts.push_back(part);
    }
  }
  return fit;
}

}  // namespace gpushare
