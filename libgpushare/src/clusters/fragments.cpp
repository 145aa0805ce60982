#include "clusters/fragments.hpp"

#include <algorithm>
#include <array>

namespace gpushare::clusters {

namespace {

/// Distinct shares among the classes that are kept: lists with more are only slower.
constexpr std::size_t kInline = 64;

}  // namespace

FragmentMeter::FragmentMeter(const std::vector<PodClass>& classes, const NodeKinds& kinds) {
  for (std::size_t k = 0; k < kinds.models.size(); ++k) {
    Kind& kind = kinds_.emplace_back();
    kind.mig = kinds.mig[k];
    std::vector<Want> wants;
    std::vector<double> weights;
    for (const PodClass& c : classes) {
      const bool legal =
          c.models.empty() || std::find(c.models.begin(), c.models.end(), kinds.models[k]) != c.models.end();
      if (c.gpus == 0 || !legal) {
        kind.useless += c.weight;
        continue;
      }
      wants.push_back(kinds.want(static_cast<int>(k), {c.cpu_milli, c.gpus, c.gpu_milli}));
      weights.push_back(c.weight);
      kind.steps.push_back({wants.back().milli, wants.back().instance});
    }
    std::sort(kind.steps.begin(), kind.steps.end());
    kind.steps.erase(std::unique(kind.steps.begin(), kind.steps.end()), kind.steps.end());
    for (std::size_t i = 0; i < wants.size(); ++i) {
      const Step own{wants[i].milli, wants[i].instance};
      const auto step = std::lower_bound(kind.steps.begin(), kind.steps.end(), own) - kind.steps.begin();
      kind.rows.push_back({wants[i].cpu, wants[i].gpus, static_cast<int>(step), weights[i]});
    }
  }
}

double FragmentMeter::of(const NodeState& node) const {
  const int all = node.gpu_left();
  if (all == 0) return 0;
  const Kind& kind = kinds_[static_cast<std::size_t>(node.kind)];
  std::array<std::array<int, 2>, kInline> few;
  std::vector<std::array<int, 2>> many;
  std::array<int, 2>* of_step = few.data();  // milli on devices that cannot hold it, and devices that can
  if (kind.steps.size() > kInline) {
    many.resize(kind.steps.size());
    of_step = many.data();
  }
  for (std::size_t s = 0; s < kind.steps.size(); ++s) {
    int sum = 0, devices = 0;
    for (int d = 0; d < node.devices; ++d) {
      const bool enough = holds(kind, node, d, kind.steps[s]);
      sum += enough ? 0 : node.left[static_cast<std::size_t>(d)];
      devices += enough;
    }
    of_step[s] = {sum, devices};
  }
  double sum = kind.useless * all;
  for (const Row& row : kind.rows) {
    const auto& [less, devices] = of_step[row.step];
    const bool runs = node.cpu >= row.cpu && devices >= row.gpus;
    sum += row.weight * (runs ? less : all);
  }
  return sum;
}

double FragmentMeter::of(const std::vector<NodeState>& nodes) const {
  double sum = 0;
  for (const NodeState& node : nodes) sum += of(node);
  return sum;
}

Stranded FragmentMeter::stranded(const NodeState& node) const {
  const Kind& kind = kinds_[static_cast<std::size_t>(node.kind)];
  std::array<bool, kMostGpusOfNode> useful{}, given_cpu{};
  for (const Row& row : kind.rows) {
    const Step& step = kind.steps[static_cast<std::size_t>(row.step)];
    int devices = 0;
    for (int d = 0; d < node.devices; ++d) devices += holds(kind, node, d, step);
    if (devices < row.gpus) continue;
    for (int d = 0; d < node.devices; ++d) {
      const auto i = static_cast<std::size_t>(d);
      if (!holds(kind, node, d, step)) continue;
      given_cpu[i] = true;
      useful[i] = useful[i] || node.cpu >= row.cpu;
    }
  }
  Stranded found;
  for (int d = 0; d < node.devices; ++d) {
    const auto i = static_cast<std::size_t>(d);
    if (!useful[i]) found.all += node.left[i];
    if (!useful[i] && given_cpu[i]) found.for_cpu += node.left[i];
  }
  return found;
}

}  // namespace gpushare::clusters
