#include "placement/tensor_parallel.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::scenario {
namespace {

// The replicas of one service while its processes are met.
class Replicas {
 public:
  Replicas(const Service& service, const std::string& where) : service_(service), where_(where) {}

  ReplicaRank join(std::size_t gpu, const GpuPlacement& placement) {
    if (service_.tensor_parallel == 1) return {processes_++, 0};
    check(gpu, placement);
    ++processes_;
    const auto lacking = std::find_if(members_.begin(), members_.end(), [&](const auto& on) {
      return on.size() < ranks() && std::find(on.begin(), on.end(), gpu) == on.end();
    });
    const auto replica = lacking - members_.begin();
    if (lacking == members_.end()) members_.emplace_back();
    auto& joined = members_[static_cast<std::size_t>(replica)];
    joined.push_back(gpu);
    return {static_cast<int>(replica), static_cast<int>(joined.size()) - 1};
  }

  void finish() const {
    if (std::all_of(members_.begin(), members_.end(), [&](const auto& on) { return on.size() == ranks(); }))
      return;
    fail(text::format("{} processes do not make replicas of {}, each on {} different GPUs", processes_,
                      ranks(), ranks()));
  }

 private:
  [[nodiscard]] std::size_t ranks() const { return static_cast<std::size_t>(service_.tensor_parallel); }

  [[noreturn]] void fail(const std::string& what) const {
    throw ScenarioError(where_, text::format("service \"{}\" has tensor_parallel {}: {}", service_.name,
                                             service_.tensor_parallel, what));
  }

  void check(std::size_t gpu, const GpuPlacement& placement) {
    if (!placement.layout.whole())
      fail(
          text::format("gpu{} is cut into MIG instances, which do not reach other GPUs (no peer-to-peer over "
                       "NVLink or PCIe); take whole GPUs",
                       gpu));
    const GpuProfile& profile = *placement.profile;
    if (profile.interconnect.bandwidth_bytes_per_s <= 0)
      fail(text::format("the profile of GPU {} has no \"interconnect\"", profile.name));
    if (profile_.empty()) profile_ = profile.name;
    if (profile.name != profile_)
      fail(text::format("gpu{} is {}, others are {}; take GPUs of one kind", gpu, profile.name, profile_));
  }

  const Service& service_;
  const std::string& where_;
  std::vector<std::vector<std::size_t>> members_;  // GPUs of each replica's ranks
  std::string profile_;
  int processes_ = 0;
};

}  // namespace

std::vector<ReplicaRank> replicas_of(const std::vector<Service>& services,
                                     const std::vector<GpuPlacement>& gpus, const std::string& where) {
  std::vector<Replicas> replicas;
  for (const Service& service : services) replicas.emplace_back(service, where);
  std::vector<ReplicaRank> places;
  for (std::size_t gpu = 0; gpu < gpus.size(); ++gpu)
    for (const PartitionPlacement& partition : gpus[gpu].partitions)
      for (const ProcessPlacement& process : partition.processes)
        places.push_back(replicas[static_cast<std::size_t>(process.service)].join(gpu, gpus[gpu]));
  for (const Replicas& each : replicas) each.finish();
  return places;
}

}  // namespace gpushare::scenario
