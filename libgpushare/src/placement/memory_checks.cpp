
#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "models/model_kind.hpp"
#include "placement/memory.hpp"
#include "placement/memory_parts.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace scenario {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
/// Of a card, what a server may be told to take: beyond it its own context and the driver have no room.
constexpr double kMostUtilization = 0.95;

// Less than a tenth of a GB is not hidden as 0.0: it may be a slip of units.
std::string gb(double bytes) {
  constexpr double kShown = 0.05e9;
  if (bytes >= kShown || bytes <= 0) return text::format("{:.1f} GB", bytes / 1e9);
  return bytes < 1e6 ? text::format("{:.6g} bytes", bytes) : text::format("{:.1f} MB", bytes / 1e6);
}
std::string size_of_memory(double bytes) { return text::format("{} ({:.4g} GiB)", gb(bytes), bytes / kGiB); }

std::string sum_of(const std::string& name, const MemoryNeed& need, const std::string& cache = "cache") {
  std::vector<std::string> parts;
  const auto part = [&](const std::string& what, double bytes) {
    if (bytes > 0) parts.push_back(text::format("{} {:.1f}", what, bytes / 1e9));
  };
  part("weights", need.weights);
  part("activations", need.activations);
  part("context", need.context);
  part(cache, need.cache);
  return text::format("{} needs {} ({})", name, gb(need.total), text::join(parts, " + "));
}

std::string smaller_formats(const Service& service, const GpuProfile& gpu, double budget) {
  Service other = service;
  for (const Precision precision : precisions_of(*service.model)) {
    other.precision = precision;
    const double total = with_least_cache(other, gpu).total;
    const auto rate = computes_in(*other.model, precision, gpu);
    if (precision == service.precision || total > budget || (rate && gpu.flops(*rate) <= 0)) continue;
    return text::format("{} ({})", to_string(precision), gb(total));
  }
  return {};
}

std::string larger_partition(const GpuProfile& gpu, double required) {
  const double largest = gpu.memory_bytes;
  if (required > largest)
    return text::format("a GPU with more memory than the {} of {}", size_of_memory(largest), gpu.name);
  return text::format("a partition of at least {:.0f} GB", std::ceil(required / 1e9));
}

// The fewest GPUs, twice as many as now or more, over which a replica fits that is too large for one alone; 0: none, or
// they could not work together.
int more_gpus(const Service& service, const GpuProfile& gpu, double least) {
  const double most = cache_share(cache_options(service), 1) * gpu.memory_bytes;
  if (least <= most || gpu.interconnect.bandwidth_bytes_per_s <= 0) return 0;
  Service wider = service;
  for (wider.tensor_parallel *= 2; wider.tensor_parallel <= kMostRanks; wider.tensor_parallel *= 2)
    if (with_least_cache(wider, gpu, gpu.memory_bytes).total <= most) return wider.tensor_parallel;
  return 0;
}

// In hundredths: the least that would do, where the memory has room for it beside all other processes and what a server
// keeps free of a card; empty: more would not help.
std::string larger_share(const Pool& pool, const Service& service, const Misfit& misfit) {
  double others = 0;
  for (const Tenant& tenant : pool.tenants)
    if (tenant.service != &service) others += tenant.need.total;
  const double least = std::ceil(misfit.needed / pool.memory * 100) / 100;
  if (pool.sharers > 1 || least > kMostUtilization || least * pool.memory + others > pool.memory) return {};
  return text::format("a gpu_memory_utilization of at least {:.2f}", least);
}

std::string cache_remedies(const Pool& pool, const Service& service, const Misfit& misfit) {
  std::vector<std::string> remedies;
  const double least = misfit.needed;
  if (auto share = larger_share(pool, service, misfit); !share.empty()) remedies.push_back(std::move(share));
  if (auto format = smaller_formats(service, *pool.gpu, misfit.available); !format.empty())
    remedies.push_back(std::move(format));
  const double share = cache_share(cache_options(service), 1);
  const auto processes = static_cast<int>(std::floor(share * pool.memory / least));
  if (pool.sharers > 1 && processes >= 1 && processes < pool.sharers)
    remedies.push_back(
        text::format("at most {} such process{} on it", processes, processes == 1 ? "" : "es"));
  if (pool.sharers == 1) remedies.push_back(larger_partition(*pool.gpu, least / share));
  if (remedies.empty()) remedies.push_back(larger_partition(*pool.gpu, least / share * pool.sharers));
  if (const int gpus = more_gpus(service, *pool.gpu, least); gpus > 0)
    remedies.push_back(text::format("a tensor_parallel of {}", gpus));
  return text::format("; choose {}", text::join(remedies, " or "));
}

std::string cache_refusal(const Pool& pool, const Tenant& tenant, const Misfit& misfit) {
  const Service& service = *tenant.service;
  const std::string sum = sum_of(service.name, with_least_cache(service, *pool.gpu, pool.memory),
                                 text::format("cache of {} tokens", kLeastCachedTokens));
  if (service.memory_bytes > 0)
    return text::format(
        "{}, but its memory_bytes gives it {}; raise memory_bytes or choose a smaller precision", sum,
        gb(misfit.available));
  const bool limited = tenant.process->memory_limit_bytes > 0;
  const double share = cache_share(cache_options(service), limited ? 1 : pool.sharers);
  if (limited)
    return text::format(
        "{}, but gets {} (gpu_memory_utilization {:.4g} of its memory_limit_bytes); raise the limit", sum,
        gb(misfit.available), share);
  const std::string of = text::format(
      "{} of {}, of which {} (gpu_memory_utilization {:.4g}{})", sum, size_of_memory(pool.memory),
      gb(misfit.available), share, pool.sharers > 1 ? text::format(", {} LLM processes", pool.sharers) : "");
  return of + cache_remedies(pool, service, misfit);
}

std::string start_refusal(const Pool& pool, const Tenant& tenant, const Misfit& misfit) {
  double others = 0;
  int shares = 0;
  for (const Tenant& other : pool.tenants) {
    if (other.gets_share())
      ++shares;
    else
      others += other.need.total;
  }
  return text::format(
      "{} finds {} free when it starts, after the processes listed before it and its own context, and wants "
      "{} (gpu_memory_utilization {:.4g}): it would stop; choose at most {:.2f} each, or list it first",
      tenant.service->name, gb(misfit.available), gb(misfit.needed),
      cache_share(cache_options(*tenant.service), pool.sharers), startable_share(pool, others, shares));
}

std::string utilisation_refusal(const Pool& pool, const Misfit& misfit) {
  std::vector<std::string> shares;
  for (const Tenant& tenant : pool.tenants)
    if (tenant.gets_share())
      shares.push_back(text::format("{} {:.4g}", tenant.service->name,
                                    cache_share(cache_options(*tenant.service), pool.sharers)));
  return text::format(
      "gpu_memory_utilization of the processes that share it: {} = {:.4g}, more than 1; choose at most "
      "{:.2f} each: the last one to start finds its own context gone too",
      text::join(shares, " + "), misfit.needed / misfit.available,
      startable_share(pool, 0, static_cast<int>(shares.size())));
}

std::string sum_refusal(const Pool& pool, const Misfit& misfit) {
  std::vector<std::string> terms;
  for (const Tenant& tenant : pool.tenants)
    terms.push_back(text::format("{} {}", tenant.service->name, gb(tenant.need.total)));
  std::string remedy = "place fewer processes here or choose a larger partition";
  if (misfit.fitting_share > 0)
    remedy = text::format("choose a gpu_memory_utilization of at most {:.2f} for each LLM process",
                          misfit.fitting_share);
  const std::string needed = gb(misfit.needed);
  const std::string of = needed == gb(misfit.available) ? text::format("{}, {} more than the", needed,
                                                                       gb(misfit.needed - misfit.available))
                                                        : needed + " of";
  return text::format("{} = {} {}; {}", text::join(terms, " + "), of, size_of_memory(misfit.available),
                      remedy);
}

const Tenant& tenant_of(const Pool& pool, const Misfit& misfit) {
  return *std::find_if(pool.tenants.begin(), pool.tenants.end(), [&](const Tenant& tenant) {
    return static_cast<int>(tenant.partition) == misfit.partition &&
           static_cast<int>(tenant.index) == misfit.process;
  });
}

std::string clients_refusal(const GpuPlacement& gpu, const Misfit& misfit) {
  const auto partition = static_cast<std::size_t>(misfit.partition);
  const std::string& name = gpu.parts()[partition].name;
  return text::format("{} {}, but {} takes at most {}", misfit.needed,
                      traits_of(gpu.partitions[partition].sharing.mode).clients,
                      gpu.layout().whole() ? gpu.profile().name : name, misfit.available);
}

}  // namespace

std::string memory_refusal(const std::vector<Service>& services, const GpuPlacement& gpu,
                           const Misfit& misfit) {
  Pool pool;
  fill_pool(services, gpu, static_cast<std::size_t>(misfit.partition), pool);
  switch (misfit.reason) {
    case Misfit::Reason::cache:
      return cache_refusal(pool, tenant_of(pool, misfit), misfit);
    case Misfit::Reason::memory_limit: {
      const Tenant& tenant = tenant_of(pool, misfit);
      return text::format("{}, but its memory_limit_bytes is {}; raise the limit",
                          sum_of(tenant.service->name, tenant.need), gb(misfit.available));
    }
    case Misfit::Reason::partition: {
      const Tenant& tenant = tenant_of(pool, misfit);
      return text::format("{} of {}; choose {}", sum_of(tenant.service->name, tenant.need),
                          size_of_memory(misfit.available), larger_partition(*pool.gpu, misfit.needed));
    }
    case Misfit::Reason::utilisation:
      return misfit.process < 0 ? utilisation_refusal(pool, misfit)
                                : start_refusal(pool, tenant_of(pool, misfit), misfit);
    case Misfit::Reason::sum:
      return sum_refusal(pool, misfit);
    case Misfit::Reason::mps_clients:
      return clients_refusal(gpu, misfit);
  }
  return {};
}

}  // namespace scenario

std::string place_of(const Misfit& misfit, const Placement& placement) {
  const auto& parts = placement.gpus[static_cast<std::size_t>(misfit.gpu)].parts();
  const Partition& own = parts[static_cast<std::size_t>(misfit.partition)];
  if (misfit.reason == Misfit::Reason::mps_clients) return text::format("gpu{}/{}", misfit.gpu, own.name);
  const auto first = std::find_if(parts.begin(), parts.end(), [&](const Partition& part) {
    return part.memory_domain == own.memory_domain;
  });
  return text::format("gpu{}/{}", misfit.gpu, first->name);
}

std::string explain(const Misfit& misfit, const Workload& workload, const Placement& placement) {
  return scenario::memory_refusal(workload.services, placement.gpus[static_cast<std::size_t>(misfit.gpu)],
                                  misfit);
}

void check_memory(const Workload& workload, const Placement& placement) {
  const Fit fit = fits(workload, placement);
  if (fit.ok()) return;
  const Misfit& first = fit.misfits.front();
  std::string where = place_of(first, placement);
  const std::string what = explain(first, workload, placement);
  if (first.reason == Misfit::Reason::mps_clients) throw LayoutError(std::move(where), what);
  throw MemoryError(std::move(where), what);
}

}  // namespace gpushare
