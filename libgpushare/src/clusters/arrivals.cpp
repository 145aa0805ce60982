#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "clusters/chooser.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {

namespace clusters {

namespace {

std::int64_t milli_of(const ClusterPod& pod) {
  return std::int64_t{pod.gpus} * (pod.gpus > 0 ? pod.gpu_milli : 0);
}

/// Pods in the order in which they arrive, with pods drawn again or left out until their demand is what is to arrive.
std::vector<int> arrivals(const std::vector<ClusterPod>& pods, double demand, std::uint64_t seed) {
  std::vector<int> by_name(pods.size());
  std::iota(by_name.begin(), by_name.end(), 0);
  std::stable_sort(by_name.begin(), by_name.end(), [&](int a, int b) {
    return pods[static_cast<std::size_t>(a)].name < pods[static_cast<std::size_t>(b)].name;
  });
  Stream stream(seed, 0, "cluster arrivals");
  std::vector<int> order = shuffled(pods.size(), stream);
  for (int& i : order) i = by_name[static_cast<std::size_t>(i)];
  double sum = 0;
  for (const ClusterPod& pod : pods) sum += static_cast<double>(milli_of(pod));
  if (sum == 0) return order;
  while (sum > demand && order.size() > 1) {
    const std::size_t out = draw(order.size(), stream);
    sum -= static_cast<double>(milli_of(pods[static_cast<std::size_t>(order[out])]));
    order.erase(order.begin() + static_cast<std::ptrdiff_t>(out));
  }
  const bool all = order.size() == pods.size();
  while (all) {
    const int again = by_name[draw(by_name.size(), stream)];
    const ClusterPod& pod = pods[static_cast<std::size_t>(again)];
    // As published: the test looks at one device of the pod, not at all of them.
    if (sum + (pod.gpus > 0 ? pod.gpu_milli : 0) > demand) break;
    sum += static_cast<double>(milli_of(pod));
    order.push_back(again);
  }
  return order;
}

/// Counts why the pod got no node.
void count_failure(ArrivalRun& run, const ClusterState& cluster, const Demands& demands, const Job& job) {
  const Demand& demand = demands.demands[static_cast<std::size_t>(job.demand)];
  const Demand gpus_only{0, demand.gpus, demand.milli};
  const std::vector<std::uint8_t>& allowed = demands.allowed[static_cast<std::size_t>(job.filter)];
  bool some = false, gpus = false;
  for (std::size_t n = 0; n < allowed.size() && !gpus; ++n) {
    if (!allowed[n]) continue;
    some = true;
    const NodeState& node = cluster.nodes()[n];
    gpus = cluster.fits(node, cluster.kinds().want(node.kind, gpus_only));
  }
  ++(gpus ? run.no_host : some ? run.no_gpu : run.no_node);
}

/// Means by whole per cent.
class Curves {
 public:
  explicit Curves(ArrivalRun& run) : run_(run) {}

  void add(std::size_t per_cent, double allocation, double held, double fragment, double of_idle) {
    for (auto* curve : {&run_.allocation, &run_.held, &run_.fragmentation, &run_.of_idle}) {
      if (curve->size() <= per_cent) curve->resize(per_cent + 1, 0);
    }
    if (counts_.size() <= per_cent) counts_.resize(per_cent + 1, 0);
    ++counts_[per_cent];
    run_.allocation[per_cent] += allocation;
    run_.held[per_cent] += held;
    run_.fragmentation[per_cent] += fragment;
    run_.of_idle[per_cent] += of_idle;
  }
  void finish() {
    for (auto* curve : {&run_.allocation, &run_.held, &run_.fragmentation, &run_.of_idle}) {
      for (std::size_t i = 0; i < counts_.size(); ++i) {
        (*curve)[i] = counts_[i] > 0 ? (*curve)[i] / counts_[i] : std::numeric_limits<double>::quiet_NaN();
      }
    }
  }

 private:
  ArrivalRun& run_;
  std::vector<int> counts_;
};

}  // namespace
}  // namespace clusters

ArrivalRun replay_arrivals(const std::vector<ClusterNode>& nodes, const std::vector<ClusterPod>& pods,
                           const ArrivalOptions& options) {
  using namespace clusters;
  const PackingOptions& packing = options.packing;
  for (const ClusterPod& pod : pods)
    if (!pod.node.empty())
      throw Error(
          text::format("pod \"{}\"", pod.name),
          text::format("is fixed to node \"{}\", but pods that arrive in shuffled order are drawn again and "
                       "left out; pods that wait and leave may be fixed (over time)",
                       pod.node));
  const Demands demands = number_demands(nodes, pods);
  ClusterState cluster(nodes, node_kinds(nodes, packing.sharing, packing.mig));
  const std::vector<PodClass> classes = pod_classes(pods);
  const FragmentMeter fragments(classes, cluster.kinds());
  Chooser chooser(demands, cluster, fragments, classes, packing);
  const auto capacity = static_cast<double>(cluster.capacity_milli());
  ArrivalRun run;
  Curves curves(run);
  double fragment = fragments.of(cluster.nodes());
  std::int64_t arrived = 0;
  for (const int p : arrivals(pods, options.arrive * capacity, packing.seed)) {
    if (packing.interrupted && run.pods % 256 == 0 && packing.interrupted()) {
      throw SimulationError("", "interrupted");
    }
    const Job& job = demands.jobs[static_cast<std::size_t>(p)];
    ++run.pods;
    arrived += milli_of(pods[static_cast<std::size_t>(p)]);
    const auto choice = chooser.choose(job);
    if (!choice) count_failure(run, cluster, demands, job);
    if (choice) {
      ++run.placed;
      fragment -= fragments.of(cluster.node(choice->node));
      cluster.take(*choice, demands.demands[static_cast<std::size_t>(job.demand)], job.memory,
                   packing.policy == PackingPolicy::mig_aware);
      fragment += fragments.of(cluster.node(choice->node));
    }
    const double idle = capacity - static_cast<double>(cluster.held_milli());
    curves.add(static_cast<std::size_t>(std::lround(100 * static_cast<double>(arrived) / capacity)),
               static_cast<double>(cluster.asked_milli()) / capacity,
               static_cast<double>(cluster.held_milli()) / capacity, fragment / capacity,
               idle > 0 ? fragment / idle : 0);
  }
  curves.finish();
  cluster.check();
  for (const NodeState& node : cluster.nodes()) {
    const Stranded stranded = fragments.stranded(node);
    run.stranded += stranded.all / capacity;
    run.stranded_for_cpu += stranded.for_cpu / capacity;
  }
  run.cpu_allocation = static_cast<double>(cluster.cpu_taken()) / static_cast<double>(cluster.cpu_capacity());
  return run;
}

}  // namespace gpushare
