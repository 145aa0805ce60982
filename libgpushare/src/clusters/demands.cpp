#include "clusters/demands.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace gpushare::clusters {

namespace {

bool tolerates(const ClusterPod& pod, const std::string& taint) {
  return std::any_of(pod.tolerations.begin(), pod.tolerations.end(), [&](const std::string& known) {
    return known == taint || known == taint.substr(0, taint.find('='));
  });
}

bool may_run(const ClusterNode& node, const ClusterPod& pod) {
  if (!pod.node.empty()) return pod.node == node.name;
  if (!pod.models.empty() && std::find(pod.models.begin(), pod.models.end(), node.model) == pod.models.end())
    return false;
  for (const auto& [key, value] : pod.selector) {
    const auto label = node.labels.find(key);
    if (label == node.labels.end() || label->second != value) return false;
  }
  return std::all_of(node.taints.begin(), node.taints.end(),
                     [&](const std::string& taint) { return tolerates(pod, taint); });
}

}  // namespace

Demands number_demands(const std::vector<ClusterNode>& nodes, const std::vector<ClusterPod>& pods) {
  using Filter = std::tuple<std::vector<std::string>, std::map<std::string, std::string>,
                            std::vector<std::string>, std::string>;
  Demands found;
  std::map<Demand, int> demands;
  std::map<Filter, int> filters;
  std::map<std::string_view, int> numbers;
  for (std::size_t n = 0; n < nodes.size(); ++n) numbers[nodes[n].name] = static_cast<int>(n);
  for (const ClusterPod& pod : pods) {
    const Demand demand{pod.cpu_milli, pod.gpus, pod.gpus > 0 ? pod.gpu_milli : 0};
    const auto [d, new_demand] = demands.try_emplace(demand, static_cast<int>(found.demands.size()));
    if (new_demand) found.demands.push_back(demand);
    const auto [f, new_filter] = filters.try_emplace(
        Filter{pod.models, pod.selector, pod.tolerations, pod.node}, static_cast<int>(found.allowed.size()));
    if (new_filter) {
      std::vector<std::uint8_t>& allowed = found.allowed.emplace_back();
      for (const ClusterNode& node : nodes) allowed.push_back(may_run(node, pod));
    }
    found.jobs.push_back({d->second, f->second, pod.memory_mib});
    if (pod.devices.empty()) continue;
    found.jobs.back().place = static_cast<int>(found.places.size());
    found.places.push_back({numbers.at(pod.node), pod.devices, pod.starts});
  }
  return found;
}

NodeKinds node_kinds(const std::vector<ClusterNode>& nodes, ShareMode mode, const MigModels& mig) {
  NodeKinds kinds;
  for (const ClusterNode& node : nodes) {
    const auto known = std::find(kinds.models.begin(), kinds.models.end(), node.model);
    kinds.of_node.push_back(static_cast<int>(known - kinds.models.begin()));
    if (known != kinds.models.end()) continue;
    kinds.models.push_back(node.model);
    const auto profile = mig.find(node.model);
    const bool cut =
        mode == ShareMode::mig && profile != mig.end() && profile->second && !profile->second->mig.empty();
    kinds.mig.push_back(cut ? std::make_shared<const MigShares>(profile->second) : nullptr);
  }
  return kinds;
}

Want NodeKinds::want(int kind, const Demand& demand) const {
  Want want{demand.cpu, demand.gpus, demand.milli, -1};
  const auto& shares = mig[static_cast<std::size_t>(kind)];
  if (!shares || demand.gpus == 0 || demand.milli >= 1000) return want;
  want.instance = shares->holder(demand.milli);
  want.milli = want.instance < 0 ? 1000 : shares->milli_of(want.instance);
  return want;
}

}  // namespace gpushare::clusters
