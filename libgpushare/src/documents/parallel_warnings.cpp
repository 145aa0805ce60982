#include "documents/parallel_warnings.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/text.hpp"
#include "placement/tensor_parallel.hpp"

namespace gpushare::scenario {
namespace {

using Replica = std::pair<int, int>;  // service, and which of its replicas
using Neighbours = std::multiset<Replica>;

// Of each replica of several ranks: who takes turns with each of them.
std::map<Replica, std::vector<Neighbours>> neighbours_by_rank(const Scenario& scenario) {
  std::map<Replica, std::vector<Neighbours>> found;
  const auto& services = scenario.workload.services;
  const std::vector<ReplicaRank> places = replicas_of(services, scenario.placement, "/placement");
  auto next = places.begin();
  for (const GpuPlacement& gpu : scenario.placement.gpus)
    for (const PartitionPlacement& partition : gpu.partitions) {
      Neighbours all;
      for (const ProcessPlacement& process : partition.processes)
        all.insert({process.service, (next++)->replica});
      if (partition.sharing.mode != SharingMode::time_slicing) continue;
      for (const Replica& one : all) {
        if (services[static_cast<std::size_t>(one.first)].tensor_parallel <= 1) continue;
        Neighbours others = all;
        others.erase(others.find(one));
        if (!others.empty()) found[one].push_back(std::move(others));
      }
    }
  return found;
}

}  // namespace

std::vector<Warning> parallel_warnings(const Scenario& scenario) {
  std::vector<Warning> found;
  for (const auto& [replica, by_rank] : neighbours_by_rank(scenario)) {
    const Neighbours& first = by_rank.front();
    const bool in_step =
        std::all_of(by_rank.begin(), by_rank.end(), [&first](const Neighbours& one) { return one == first; });
    if (in_step) continue;
    found.push_back(
        {"/placement",
         text::format("ranks of {} take turns with different processes on {} GPUs: turns of several GPUs are "
                      "not in step, and at each all-reduce a rank waits for the others. So placed, two H200s "
                      "took 1.2 times as long for a step as is predicted here in the median, up to twice; "
                      "give its ranks the same neighbours, or MPS",
                      scenario.workload.services[static_cast<std::size_t>(replica.first)].name,
                      by_rank.size())});
  }
  return found;
}

}  // namespace gpushare::scenario
