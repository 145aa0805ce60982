#include "placement/tensor_parallel.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::scenario {
namespace {

// The replicas of one service while its processes are met.
class Replicas {
 public:
  Replicas(const Service& service, const Placement& placement, const std::string& where)
      : service_(service), placement_(placement), where_(where) {}

  ReplicaRank join(std::size_t gpu) {
    if (service_.tensor_parallel == 1) return {processes_++, 0};
    check(gpu);
    ++processes_;
    const int node = placement_.gpus[gpu].node;
    const auto lacking = std::find_if(members_.begin(), members_.end(), [&](const Members& on) {
      return on.node == node && on.gpus.size() < ranks() &&
             std::find(on.gpus.begin(), on.gpus.end(), gpu) == on.gpus.end();
    });
    const auto replica = lacking - members_.begin();
    if (lacking == members_.end()) members_.push_back({node, {}});
    auto& joined = members_[static_cast<std::size_t>(replica)].gpus;
    joined.push_back(gpu);
    return {static_cast<int>(replica), static_cast<int>(joined.size()) - 1};
  }

  void finish() const {
    for (const Members& on : members_)
      if (on.gpus.size() != ranks()) refuse(on.node);
  }

 private:
  // The GPUs of a replica's ranks, which reach each other within their node only.
  struct Members {
    int node = 0;
    std::vector<std::size_t> gpus;
  };

  [[nodiscard]] std::size_t ranks() const { return static_cast<std::size_t>(service_.tensor_parallel); }

  [[noreturn]] void fail(const std::string& what) const {
    throw ScenarioError(where_, text::format("service \"{}\" has tensor_parallel {}: {}", service_.name,
                                             service_.tensor_parallel, what));
  }

  [[noreturn]] void refuse(int node) const {
    if (placement_.nodes.size() == 1)
      fail(text::format("{} processes do not make replicas of {}, each on {} different GPUs", processes_,
                        ranks(), ranks()));
    std::size_t there = 0;
    for (const Members& on : members_) there += on.node == node ? on.gpus.size() : 0;
    fail(
        text::format("the {} process{} on {} do not make replicas of {}, each on {} different GPUs of one "
                     "node: GPUs of different nodes do not reach each other",
                     there, there == 1 ? "" : "es", node_name(placement_, node), ranks(), ranks()));
  }

  void check(std::size_t number) {
    const GpuPlacement& gpu = placement_.gpus[number];
    if (!gpu.layout().whole())
      fail(
          text::format("gpu{} is cut into MIG instances, which do not reach other GPUs (no peer-to-peer over "
                       "NVLink or PCIe); take whole GPUs",
                       number));
    const GpuProfile& profile = gpu.profile();
    if (link_of(placement_, gpu).bandwidth_bytes_per_s <= 0)
      fail(text::format(
          "how fast GPUs of kind {} reach each other is not described: give the \"interconnect\" of a node "
          "(its latency_s and bandwidth_bytes_per_s, as nccl-tests measures it) in \"nodes\" of the "
          "placement",
          profile.name));
    if (profile_.empty()) profile_ = profile.name;
    if (profile.name != profile_)
      fail(text::format("gpu{} is {}, others are {}; take GPUs of one kind", number, profile.name, profile_));
  }

  const Service& service_;
  const Placement& placement_;
  const std::string& where_;
  std::vector<Members> members_;  // of each replica
  std::string profile_;
  int processes_ = 0;
};

}  // namespace

std::vector<ReplicaRank> replicas_of(const std::vector<Service>& services, const Placement& placement,
                                     const std::string& where) {
  std::vector<Replicas> replicas;
  replicas.reserve(services.size());
  for (const Service& service : services) replicas.emplace_back(service, placement, where);
  std::vector<ReplicaRank> places;
  for (std::size_t gpu = 0; gpu < placement.gpus.size(); ++gpu)
    for (const PartitionPlacement& partition : placement.gpus[gpu].partitions)
      for (const ProcessPlacement& process : partition.processes)
        places.push_back(replicas[static_cast<std::size_t>(process.service)].join(gpu));
  for (const Replicas& each : replicas) each.finish();
  return places;
}

}  // namespace gpushare::scenario
