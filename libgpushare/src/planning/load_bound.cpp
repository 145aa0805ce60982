#include <algorithm>
#include <cmath>
#include <cstdint>

#include "gpushare/bounds.hpp"
#include "gpushare/fits.hpp"
#include "planning/mps_bound.hpp"

namespace gpushare {
namespace {

struct Placed {
  int gpu = 0, partition = 0, service = 0;
  LeastWork work;
  planning::MildestInterference mildest{};  // under MPS
};

std::vector<Placed> placed_work(const Workload& workload, const std::vector<ServiceTraffic>& traffic,
                                const Placement& placement) {
  std::vector<Placed> all;
  for (std::size_t g = 0; g < placement.gpus.size(); ++g) {
    const GpuPlacement& gpu = placement.gpus[g];
    const auto needs = memory_needs(workload.services, gpu);
    for (std::size_t p = 0; p < gpu.partitions.size(); ++p) {
      const PartitionPlacement& part = gpu.partitions[p];
      const bool mps = part.sharing.mode == SharingMode::mps;
      const bool capped =
          mps && std::any_of(part.processes.begin(), part.processes.end(),
                             [](const auto& one) { return one.active_thread_percentage < 100; });
      for (std::size_t i = 0; i < part.processes.size(); ++i) {
        const int number = part.processes[i].service;
        const auto s = static_cast<std::size_t>(number);
        const ProcessSite site{gpu.profile(), gpu.parts()[p],
                               mps ? part.processes[i].active_thread_percentage : 100,
                               link_of(placement, gpu)};
        Placed placed{static_cast<int>(g), static_cast<int>(p), number,
                      least_work(workload.services[s], traffic[s].mean, site, needs[p][i])};
        if (mps && part.processes.size() > 1)
          placed.mildest = planning::mildest_interference(workload.services[s], traffic[s].mean, site,
                                                          needs[p][i], capped);
        all.push_back(placed);
      }
    }
  }
  return all;
}

void lower(LoadBound& bound, double factor, const LoadBound& by) {
  if (factor >= bound.factor) return;
  bound = by;
  bound.factor = factor;
}

// All replicas of a service together.
void bound_by_services(const Workload& workload, const std::vector<ServiceTraffic>& traffic,
                       const std::vector<Placed>& placed, LoadBound& bound) {
  for (std::size_t s = 0; s < traffic.size(); ++s) {
    if (traffic[s].per_s <= 0) continue;
    double capacity = 0;
    for (const Placed& process : placed)
      if (process.service == static_cast<int>(s))
        capacity += capacity_bound(process.work) / workload.services[s].tensor_parallel;
    LoadBound by;
    by.service = static_cast<int>(s);
    lower(bound, capacity / traffic[s].per_s, by);
  }
}

// Services whose replicas are all in one place: only of those is it known how much they bring there. `here` says whether
// a process is there, `need` what a request takes of it.
template <class Here, class Need>
std::vector<double> needs_here(const std::vector<ServiceTraffic>& traffic, const std::vector<Placed>& placed,
                               Here&& here, Need&& need) {
  std::vector<double> least(traffic.size(), kNoBound);
  std::vector<bool> elsewhere(traffic.size());
  for (const Placed& process : placed) {
    const auto s = static_cast<std::size_t>(process.service);
    if (here(process)) {
      least[s] = std::min(least[s], need(process));
    } else {
      elsewhere[s] = true;
    }
  }
  for (std::size_t s = 0; s < least.size(); ++s)
    least[s] = elsewhere[s] || !std::isfinite(least[s]) ? 0 : least[s] * traffic[s].per_s;
  return least;
}

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

void bound_by_partition(const std::vector<ServiceTraffic>& traffic, const std::vector<Placed>& placed,
                        const PartitionPlacement& part, const LoadBound& by, LoadBound& bound) {
  const auto here = [&](const Placed& process) {
    return process.gpu == by.gpu && process.partition == by.partition;
  };
  const auto busy =
      needs_here(traffic, placed, here, [](const Placed& process) { return process.work.gpu_s; });
  if (part.sharing.mode != SharingMode::mps) return lower(bound, 1 / sum_of(busy), by);
  // With one process of each service, what it brings is what its process does.
  std::vector<planning::MpsLoad> loads;
  for (const Placed& process : placed) {
    if (!here(process)) continue;
    const auto same = std::count_if(placed.begin(), placed.end(),
                                    [&](const Placed& other) { return other.service == process.service; });
    const double brings = same == 1 ? busy[static_cast<std::size_t>(process.service)] : 0;
    loads.push_back({brings, process.mildest});
  }
  lower(bound, planning::mps_factor(loads), by);
}

void bound_by_cores(const std::vector<ServiceTraffic>& traffic, const std::vector<Placed>& placed,
                    const Placement& placement, LoadBound& bound) {
  for (std::size_t n = 0; n < placement.nodes.size(); ++n) {
    const int cores = placement.nodes[n].host_cores;
    if (cores == 0) continue;
    const auto on_node = [&](const Placed& process) {
      return placement.gpus[static_cast<std::size_t>(process.gpu)].node == static_cast<int>(n);
    };
    // The first rank's process works for all of them.
    const auto need = [&](const Placed& process) { return process.work.host_s; };
    LoadBound by;
    by.node = static_cast<int>(n);
    lower(bound, cores / sum_of(needs_here(traffic, placed, on_node, need)), by);
  }
}

}  // namespace

LoadBound load_bound(const Workload& workload, const std::vector<ServiceTraffic>& traffic,
                     const Placement& placement) {
  LoadBound bound;
  const std::vector<Placed> placed = placed_work(workload, traffic, placement);
  bound_by_services(workload, traffic, placed, bound);
  for (std::size_t g = 0; g < placement.gpus.size(); ++g) {
    LoadBound by;
    by.gpu = static_cast<int>(g);
    const auto link = needs_here(
        traffic, placed, [&](const Placed& process) { return process.gpu == by.gpu; },
        [](const Placed& process) { return process.work.link_s; });
    lower(bound, 1 / sum_of(link), by);
    const auto& partitions = placement.gpus[g].partitions;
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      by.partition = static_cast<int>(p);
      if (!partitions[p].processes.empty()) bound_by_partition(traffic, placed, partitions[p], by, bound);
    }
  }
  bound_by_cores(traffic, placed, placement, bound);
  return bound;
}

}  // namespace gpushare
