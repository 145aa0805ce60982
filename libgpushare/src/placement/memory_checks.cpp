
#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "models/model_kind.hpp"
#include "placement/memory.hpp"
#include "placement/memory_parts.hpp"

namespace gpushare {
namespace scenario {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

std::string gb(double bytes) { return text::format("{:.1f} GB", bytes / 1e9); }
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

// One process of a pool, and what it may take of it.
struct Case {
  const Service& service;
  const ProcessPlacement& process;
  const MemoryNeed& need;
  const GpuProfile& gpu;
  double memory;  // of the partitions that share it
  int sharers;    // processes that take a share
};

bool takes_a_share(const Case& c) {
  return keeps_cache(*c.service.model) && c.service.memory_bytes <= 0 && c.process.memory_limit_bytes <= 0 &&
         cache_options(c.service).kv_blocks == 0;
}

std::string smaller_formats(const Case& c, double budget) {
  Service other = c.service;
  for (const Precision precision : precisions_of(*c.service.model)) {
    other.precision = precision;
    const double total = with_least_cache(other, c.gpu).total;
    const auto rate = computes_in(*other.model, precision, c.gpu);
    if (precision == c.service.precision || total > budget || (rate && c.gpu.flops(*rate) <= 0)) continue;
    return text::format("{} ({})", to_string(precision), gb(total));
  }
  return {};
}

std::string larger_partition(const Case& c, double required) {
  const double largest = c.gpu.memory_bytes;
  if (required > largest)
    return text::format("a GPU with more memory than the {} of {}", size_of_memory(largest), c.gpu.name);
  return text::format("a partition of at least {:.0f} GB", std::ceil(required / 1e9));
}

// The fewest GPUs, twice as many as now or more, over which a replica fits that is too large for one alone; 0: none, or
// they could not work together.
int more_gpus(const Case& c, double least) {
  const double most = cache_share(cache_options(c.service), 1) * c.gpu.memory_bytes;
  if (least <= most || c.gpu.interconnect.bandwidth_bytes_per_s <= 0) return 0;
  Service wider = c.service;
  for (wider.tensor_parallel *= 2; wider.tensor_parallel <= kMostRanks; wider.tensor_parallel *= 2)
    if (with_least_cache(wider, c.gpu).total <= most) return wider.tensor_parallel;
  return 0;
}

std::string cache_remedies(const Case& c, double least, double budget) {
  std::vector<std::string> remedies;
  if (auto format = smaller_formats(c, budget); !format.empty()) remedies.push_back(std::move(format));
  const double share = cache_share(cache_options(c.service), 1);
  const auto processes = static_cast<int>(std::floor(share * c.memory / least));
  if (c.sharers > 1 && processes >= 1 && processes < c.sharers)
    remedies.push_back(
        text::format("at most {} such process{} on it", processes, processes == 1 ? "" : "es"));
  if (c.sharers == 1) remedies.push_back(larger_partition(c, least / share));
  if (remedies.empty()) remedies.push_back(larger_partition(c, least / share * c.sharers));
  if (const int gpus = more_gpus(c, least); gpus > 0)
    remedies.push_back(text::format("a tensor_parallel of {}", gpus));
  return text::format("; choose {}", text::join(remedies, " or "));
}

std::string cache_refusal(const Case& c) {
  const ContinuousOptions& engine = cache_options(c.service);
  if (engine.kv_blocks > 0 || c.need.kv_blocks >= least_blocks(engine)) return {};
  const MemoryNeed least = with_least_cache(c.service, c.gpu);
  const std::string sum =
      sum_of(c.service.name, least, text::format("cache of {} tokens", kLeastCachedTokens));
  if (c.service.memory_bytes > 0)
    return text::format(
        "{}, but its memory_bytes gives it {}; raise memory_bytes or choose a smaller precision", sum,
        gb(c.service.memory_bytes));
  const bool limited = c.process.memory_limit_bytes > 0;
  const double pool = limited ? std::min(c.memory, c.process.memory_limit_bytes) : c.memory;
  const double share = cache_share(cache_options(c.service), limited ? 1 : c.sharers);
  const double budget = share * pool;
  if (limited)
    return text::format(
        "{}, but gets {} (gpu_memory_utilization {:.4g} of its memory_limit_bytes); raise the limit", sum,
        gb(budget), share);
  const std::string of =
      text::format("{} of {}, of which {} (gpu_memory_utilization {:.4g}{})", sum, size_of_memory(c.memory),
                   gb(budget), share, c.sharers > 1 ? text::format(", {} LLM processes", c.sharers) : "");
  return of + cache_remedies(c, least.total, budget);
}

std::string own_refusal(const Case& c) {
  if (keeps_cache(*c.service.model)) {
    if (auto text = cache_refusal(c); !text.empty()) return text;
  }
  const double limit = c.process.memory_limit_bytes;
  if (limit > 0 && c.need.total > limit)
    return text::format("{}, but its memory_limit_bytes is {}; raise the limit",
                        sum_of(c.service.name, c.need), gb(limit));
  if (c.need.total <= c.memory) return {};
  return text::format("{} of {}; choose {}", sum_of(c.service.name, c.need), size_of_memory(c.memory),
                      larger_partition(c, c.need.total));
}

std::string utilization_refusal(const std::vector<Case>& cases) {
  double total = 0;
  std::vector<std::string> shares;
  for (const Case& c : cases) {
    if (!takes_a_share(c)) continue;
    const double share = cache_share(cache_options(c.service), c.sharers);
    total += share;
    shares.push_back(text::format("{} {:.4g}", c.service.name, share));
  }
  if (total <= 1 + 1e-9) return {};
  return text::format(
      "gpu_memory_utilization of the processes that share it: {} = {:.4g}, more than 1; choose at most "
      "{:.4g} each",
      text::join(shares, " + "), total, std::floor(1e4 / static_cast<double>(shares.size())) / 1e4);
}

std::string sum_refusal(const std::vector<Case>& cases) {
  double total = 0, others = 0, least = 0;
  int shares = 0;
  std::vector<std::string> terms;
  for (const Case& c : cases) {
    total += c.need.total;
    terms.push_back(text::format("{} {}", c.service.name, gb(c.need.total)));
    if (!takes_a_share(c)) {
      others += c.need.total;
      continue;
    }
    ++shares;
    least = std::max(least, with_least_cache(c.service, c.gpu).total);
  }
  const double memory = cases.front().memory;
  if (total <= memory) return {};
  std::string remedy = "place fewer processes here or choose a larger partition";
  const double utilization = shares > 0 ? std::floor((memory - others) / shares / memory * 100) / 100 : 0;
  if (utilization * memory >= least && utilization > 0)
    remedy =
        text::format("choose a gpu_memory_utilization of at most {:.2f} for each LLM process", utilization);
  return text::format("{} = {} of {}; {}", text::join(terms, " + "), gb(total), size_of_memory(memory),
                      remedy);
}

// Of the clients of an instance as of its SMs (NVIDIA MIG User Guide).
int most_clients(const GpuProfile& profile, const Partition& partition) {
  if (partition.name == "whole" || profile.mig_sms == 0) return profile.mps.max_clients;
  return std::max(1, profile.mps.max_clients * partition.sms / profile.mig_sms);
}

void check_clients(const GpuPlacement& gpu, const Partition& partition, const PartitionPlacement& placement,
                   const std::string& where) {
  const int most = most_clients(*gpu.profile, partition);
  const auto clients = placement.processes.size();
  if (placement.sharing.mode != SharingMode::mps || clients <= static_cast<std::size_t>(most)) return;
  throw LayoutError(where,
                    text::format("{} MPS clients, but {} takes at most {}", clients,
                                 partition.name == "whole" ? gpu.profile->name : partition.name, most));
}

}  // namespace

std::string memory_refusal(const std::vector<Service>& services, const GpuPlacement& gpu,
                           std::size_t partition) {
  const auto parts = partitions(*gpu.profile, gpu.layout);
  const auto members = sharing_memory(parts, partition);
  const auto needs = needs_of(services, gpu, parts);
  const int sharers = std::max(1, sharing_processes(services, gpu, members));
  std::vector<Case> cases;
  for (const std::size_t part : members) {
    for (std::size_t p = 0; p < needs[part].size(); ++p) {
      const ProcessPlacement& process = gpu.partitions[part].processes[p];
      cases.push_back({services[static_cast<std::size_t>(process.service)], process, needs[part][p],
                       *gpu.profile, parts[part].memory_bytes, sharers});
    }
  }
  if (cases.empty()) return {};
  for (const Case& c : cases)
    if (auto text = own_refusal(c); !text.empty()) return text;
  if (auto text = utilization_refusal(cases); !text.empty()) return text;
  return sum_refusal(cases);
}

}  // namespace scenario

void check_memory(const Workload& workload, const Placement& placement) {
  for (std::size_t g = 0; g < placement.gpus.size(); ++g) {
    const GpuPlacement& gpu = placement.gpus[g];
    const auto parts = partitions(*gpu.profile, gpu.layout);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string where = text::format("gpu{}/{}", g, parts[i].name);
      scenario::check_clients(gpu, parts[i], gpu.partitions[i], where);
      if (auto text = scenario::memory_refusal(workload.services, gpu, i); !text.empty())
        throw MemoryError(where, text);
    }
  }
}

}  // namespace gpushare
