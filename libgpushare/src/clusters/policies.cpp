#include <map>
#include <set>

#include "core/text.hpp"
#include "gpushare/clusters.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {

const std::vector<PackingPolicyInfo>& packing_policies() {
  using enum PackingPolicy;
  static const std::vector<PackingPolicyInfo> all = {
      {random, "random", "any node that fits"},
      {dotprod, "dotprod", "the node whose free CPU and GPUs have the least dot product with the pod's"},
      {clustering, "clustering", "pods that ask for equally many GPUs together"},
      {packing, "packing", "GPUs in use first, idle nodes last"},
      {bestfit, "bestfit", "the node with the least CPU and GPUs left after it"},
      {fgd, "fgd", "fragmentation gradient descent: where the expected pod loses least"},
      {firstfit, "firstfit", "the first node that fits"},
      {worstfit, "worstfit", "the node with the most CPU and GPUs left after it"},
      {mig_aware, "mig-aware", "where most placements of instances stay open"},
      {gpushare, "gpushare", "where the GPUs that future pods can still fill lose least"},
  };
  return all;
}

PackingPolicy packing_policy(std::string_view name) {
  for (const PackingPolicyInfo& info : packing_policies()) {
    if (info.name == name) return info.policy;
  }
  std::vector<std::string_view> names;
  for (const PackingPolicyInfo& info : packing_policies()) names.push_back(info.name);
  throw Error("policy", text::format("found \"{}\"; expected one of {}", name, text::join(names, ", ")));
}

ShareMode share_mode(std::string_view name) {
  if (name == "time-slicing") return ShareMode::time_slicing;
  if (name == "mps") return ShareMode::mps;
  if (name == "mig") return ShareMode::mig;
  throw Error("sharing", text::format("found \"{}\"; expected time-slicing, mps or mig", name));
}

namespace {

void check_node(const ClusterNode& node, const std::string& where) {
  if (node.cpu_milli < 0 || node.memory_mib < 0)
    throw Error(where, "found less than no CPU or memory; expected at least 0");
  if (node.gpus < 0 || node.gpus > kMostGpusOfNode)
    throw Error(where, text::format("found {} GPUs; expected 0 to {}", node.gpus, kMostGpusOfNode));
}

void check_pod(const ClusterPod& pod, const std::string& where) {
  if (pod.cpu_milli < 0 || pod.memory_mib < 0 || pod.gpus < 0)
    throw Error(where, "found a demand of less than nothing; expected at least 0");
  if (pod.gpus > 0 && (pod.gpu_milli < 1 || pod.gpu_milli > 1000))
    throw Error(where, text::format("found {} milli of a GPU; expected 1 to 1000", pod.gpu_milli));
  if (!(pod.created_s >= 0) || !(pod.duration_s >= 0))
    throw Error(where, "found a time before 0, or an end before the start");
}

// Of a pod that is to be at one place.
void check_place(const ClusterPod& pod, const std::map<std::string_view, int>& gpus,
                 const std::string& where) {
  if (pod.node.empty()) {
    if (pod.devices.empty() && pod.starts.empty()) return;
    throw Error(where, "found devices without a node; name the node that they are of");
  }
  const auto node = gpus.find(pod.node);
  if (node == gpus.end()) throw Error(where, text::format("there is no node \"{}\"", pod.node));
  if (!pod.devices.empty() && static_cast<int>(pod.devices.size()) != pod.gpus)
    throw Error(where, text::format("found {} devices for {} GPUs; expected one for each, or none",
                                    pod.devices.size(), pod.gpus));
  if (!pod.starts.empty() && pod.starts.size() != pod.devices.size())
    throw Error(where, text::format("found {} starts for {} devices; expected one for each, or none",
                                    pod.starts.size(), pod.devices.size()));
  for (const int device : pod.devices)
    if (device < 0 || device >= node->second)
      throw Error(where, text::format("found device {}; node \"{}\" has {}, numbered from 0", device,
                                      pod.node, node->second));
  if (std::set<int>(pod.devices.begin(), pod.devices.end()).size() != pod.devices.size())
    throw Error(where, "found a device twice; each of its GPUs is another one");
}

}  // namespace

void check_cluster(const std::vector<ClusterNode>& nodes, const std::vector<ClusterPod>& pods) {
  if (nodes.empty()) throw Error("nodes", "found none; expected at least one");
  if (pods.empty()) throw Error("pods", "found none; expected at least one");
  std::map<std::string_view, int> names;
  int gpus = 0;
  for (const ClusterNode& node : nodes) {
    check_node(node, text::format("node \"{}\"", node.name));
    gpus += node.gpus;
    if (!names.try_emplace(node.name, node.gpus).second)
      throw Error(text::format("node \"{}\"", node.name), "two nodes have this name");
  }
  if (gpus == 0) throw Error("nodes", "found no GPU; expected at least one node with GPUs");
  for (const ClusterPod& pod : pods) {
    const std::string where = text::format("pod \"{}\"", pod.name);
    check_pod(pod, where);
    check_place(pod, names, where);
  }
}

}  // namespace gpushare
