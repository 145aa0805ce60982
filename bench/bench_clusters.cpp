#include <benchmark/benchmark.h>

#include <random>

#include "gpushare/clusters.hpp"

namespace {

using namespace gpushare;

/// A thousand nodes and eight thousand pods of some thirty kinds, drawn as lists of production clusters look.
std::vector<ClusterNode> thousand_nodes() {
  std::vector<ClusterNode> nodes;
  for (int i = 0; i < 1000; ++i) {
    ClusterNode node;
    node.name = std::to_string(i);
    node.gpus = i % 5 < 3 ? 8 : 2;
    node.cpu_milli = node.gpus * (i % 5 < 3 ? 12000 : 40000);
    node.memory_mib = 400000;
    node.model = node.gpus == 8 ? "G2" : "T4";
    nodes.push_back(node);
  }
  return nodes;
}

std::vector<ClusterPod> eight_thousand_pods() {
  std::mt19937 luck(1);
  std::vector<ClusterPod> pods;
  for (int i = 0; i < 8000; ++i) {
    ClusterPod pod;
    pod.name = std::to_string(i);
    const unsigned kind = luck() % 32;
    pod.cpu_milli = 3000 + 1000 * static_cast<int>(kind % 12);
    pod.memory_mib = 16000;
    pod.gpus = kind < 4 ? 0 : 1;
    pod.gpu_milli = kind < 4 ? 0 : kind < 16 ? 1000 : 160 + 50 * static_cast<int>(kind % 14);
    pods.push_back(pod);
  }
  return pods;
}

void pack(benchmark::State& state) {
  const PackingPolicyInfo& policy = packing_policies()[static_cast<std::size_t>(state.range(0))];
  const std::vector<ClusterNode> nodes = thousand_nodes();
  const std::vector<ClusterPod> pods = eight_thousand_pods();
  ArrivalOptions options;
  options.packing.policy = policy.policy;
  for (auto _ : state) benchmark::DoNotOptimize(replay_arrivals(nodes, pods, options));
  state.SetLabel(std::string(policy.name));
}
BENCHMARK(pack)->DenseRange(0, 9)->Unit(benchmark::kMillisecond);

}  // namespace
