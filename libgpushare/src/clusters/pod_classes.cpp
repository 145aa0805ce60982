#include <algorithm>
#include <map>
#include <tuple>

#include "core/text.hpp"
#include "gpushare/clusters.hpp"

namespace gpushare {

std::vector<PodClass> pod_classes(const std::vector<ClusterPod>& pods, double share) {
  using Key = std::tuple<std::int64_t, int, int, std::string>;
  std::map<Key, PodClass> counted;
  for (const ClusterPod& pod : pods) {
    const int milli = pod.gpus > 0 ? pod.gpu_milli : 0;
    PodClass& found = counted[{pod.cpu_milli, milli, pod.gpus, text::join(pod.models, "|")}];
    if (found.pods++ == 0) {
      found.cpu_milli = pod.cpu_milli;
      found.gpus = pod.gpus;
      found.gpu_milli = milli;
      found.models = pod.models;
    }
  }
  std::vector<PodClass> classes;
  for (auto entry = counted.rbegin(); entry != counted.rend(); ++entry) classes.push_back(entry->second);
  std::stable_sort(classes.begin(), classes.end(),
                   [](const PodClass& a, const PodClass& b) { return a.pods > b.pods; });
  std::int64_t held = 0;
  std::size_t kept = 0;
  while (kept < classes.size() && static_cast<double>(held) < share * static_cast<double>(pods.size())) {
    held += classes[kept++].pods;
  }
  classes.resize(kept);
  for (PodClass& c : classes) c.weight = static_cast<double>(c.pods) / static_cast<double>(held);
  return classes;
}

}  // namespace gpushare
