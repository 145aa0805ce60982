#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/profile.hpp"

namespace gpushare {

/// A machine that pods are packed on. GPUs are of one model; each is 1,000 milli.
struct ClusterNode {
  std::string name;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  int gpus = 0;  ///< at most kMostGpusOfNode
  std::string model;
  std::map<std::string, std::string> labels;  ///< rack, zone, ...
  std::vector<std::string> taints;  ///< "key=value" or "key": only pods that tolerate all of them come here
};

inline constexpr int kMostGpusOfNode = 16;
/// The most pods on one node: what Kubernetes' kubelets were told in the published runs.
inline constexpr int kMostPodsOfNode = 1001;

/// What asks for a place. `gpus` devices of one node, `gpu_milli` of each; less than 1,000 is a share.
struct ClusterPod {
  std::string name;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  int gpus = 0;
  int gpu_milli = 0;
  std::vector<std::string> models;              ///< any of these GPU models; empty: any node
  std::map<std::string, std::string> selector;  ///< labels that the node must have
  std::vector<std::string> tolerations;         ///< "key=value" or "key", which tolerates every value of it
  int priority = 0;                             ///< higher first, of those that wait
  std::string group;                            ///< whose quota it counts against; empty: nobody's
  std::string gang;  ///< pods of one gang start together or not at all; empty: alone
  std::string
      node;  ///< by name, the only one that it goes to, whatever its labels; empty: where the policy says
  std::vector<int> devices;  ///< of `node`, one for each of its GPUs, from 0; empty: where the policy says
  std::vector<int> starts;   ///< on each of `devices` the first memory slot of its instance; empty: any
  double created_s = 0;
  double duration_s = std::numeric_limits<double>::infinity();  ///< from its start to its end
};

/// How a share of a GPU is held. Under time_slicing and mps it is the share asked for; under mig it is the smallest
/// instance that has as large a share of the compute slices and of the memory slots, at a legal start.
enum class ShareMode : std::uint8_t { time_slicing, mps, mig };

/// The policies, published and others, in the order of packing_policies().
enum class PackingPolicy : std::uint8_t {
  random,
  dotprod,
  clustering,
  packing,
  bestfit,
  fgd,
  firstfit,
  worstfit,
  mig_aware,
  gpushare
};

/// A policy's word and what it does, in a sentence.
struct PackingPolicyInfo {
  PackingPolicy policy;
  std::string_view name;
  std::string_view meaning;
};
[[nodiscard]] const std::vector<PackingPolicyInfo>& packing_policies();
/// Throws Error that names them all.
[[nodiscard]] PackingPolicy packing_policy(std::string_view name);
/// "time-slicing", "mps" or "mig". Throws Error that names them.
[[nodiscard]] ShareMode share_mode(std::string_view name);

/// Throws Error when there are no nodes or pods, when a node has more GPUs than kMostGpusOfNode or two have one name, or
/// when a pod asks for less than nothing, for GPUs of no milli or of more than 1,000, ends before it starts, or is to go
/// where nothing is.
void check_cluster(const std::vector<ClusterNode>& nodes, const std::vector<ClusterPod>& pods);

/// GPU profiles by model name: which models can be cut into instances, and how.
using MigModels = std::map<std::string, std::shared_ptr<const GpuProfile>>;

/// Pods that ask for the same: (CPU, GPUs, milli of each, models). Memory is not part of it.
struct PodClass {
  std::int64_t cpu_milli = 0;
  int gpus = 0;
  int gpu_milli = 0;
  std::vector<std::string> models;
  std::int64_t pods = 0;
  double weight = 0;  ///< of all classes kept, adding up to 1
};
/// The most frequent classes until they hold `share` of the pods; of equal counts the larger CPU, milli, GPUs and model
/// first. (Weng et al., ATC'23, whose code takes 0.95.)
[[nodiscard]] std::vector<PodClass> pod_classes(const std::vector<ClusterPod>& pods, double share = 0.95);

/// What all runs are told.
struct PackingOptions {
  PackingPolicy policy = PackingPolicy::fgd;
  ShareMode sharing = ShareMode::time_slicing;
  MigModels mig;  ///< for ShareMode::mig; models that are not in it take shares as they are
  std::uint64_t seed = 1;
  /// Of the order of nodes, in which ties are broken: one for all policies, pods and seeds.
  std::uint64_t order_seed = 1;
  /// Asked now and then; true ends the run with SimulationError.
  std::function<bool()> interrupted;
};

/// Pods arrive one after another in an order shuffled by the seed, each is tried once, and none leaves (ATC'23).
struct ArrivalOptions {
  PackingOptions packing;
  double arrive = 1.3;  ///< GPU demand that arrives, of the capacity: pods are drawn again or left out
};

/// By whole per cent of GPU demand that has arrived, from 0 up: means over the pods that arrived within it, NaN where
/// none did. Shares of all GPUs, but `of_idle`.
struct ArrivalRun {
  std::vector<double> allocation;     ///< what pods asked for and got
  std::vector<double> held;           ///< with what instances hold beyond it
  std::vector<double> fragmentation;  ///< idle but of no use to the expected pod (ATC'23)
  std::vector<double> of_idle;        ///< the same, of what is idle
  std::int64_t pods = 0;
  std::int64_t placed = 0;
  std::int64_t no_gpu = 0;      ///< of those not placed: no node had the GPUs left,
  std::int64_t no_host = 0;     ///< nodes had the GPUs but not the CPU or memory,
  std::int64_t no_node = 0;     ///< or no node may take such a pod at all
  double stranded = 0;          ///< at the end, of all GPUs: left where no class of pods could use it
  double stranded_for_cpu = 0;  ///< the part of it that more CPU would make useful
  double cpu_allocation = 0;    ///< at the end, of all cores
};
/// Throws Error for a pod that is fixed to a node.
[[nodiscard]] ArrivalRun replay_arrivals(const std::vector<ClusterNode>& nodes,
                                         const std::vector<ClusterPod>& pods, const ArrivalOptions& options);

}  // namespace gpushare
