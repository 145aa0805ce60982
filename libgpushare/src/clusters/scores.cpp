#include "clusters/scores.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace gpushare::clusters {

namespace {

// The scores of the published policies (Weng et al., ATC'23, pkg/simulator/plugin): cut to whole numbers.

Scored no_score(const Scoring&, const NodeState&, const Want&) { return {}; }

Scored dot_product(const Scoring& s, const NodeState& node, const Want& want) {
  const double cpu =
      static_cast<double>(node.cpu) / s.cpu_scale * (static_cast<double>(want.cpu) / s.cpu_scale);
  const double gpu = node.gpu_left() / s.gpu_scale * (want.gpus * want.milli / s.gpu_scale);
  return {std::floor(100 * (1 - (cpu + gpu) / 2)), -1};
}

Scored clustering(const Scoring& s, const NodeState& node, const Want& want) {
  if (want.gpus == 0) return {};
  const double filled = std::floor(25 * (s.gpu_scale - node.gpu_left()) / s.gpu_scale);
  const auto own = static_cast<std::size_t>(want.shared() ? 0 : want.gpus);
  bool others = false;
  for (std::size_t kind = 0; kind < node.running.size(); ++kind) {
    others = others || (kind != own && node.running[kind] > 0);
  }
  if (node.running[own] > 0) return {filled + (others ? 50 : 75), -1};
  return {others ? filled : filled + 25, -1};
}

Scored packing(const Scoring& s, const NodeState& node, const Want& want) {
  if (want.gpus == 0) return {};
  std::array<int, kMostGpusOfNode> fitting{};
  int count = 0, free = 0;
  for (int d = 0; d < node.devices; ++d) {
    const int left = node.left[static_cast<std::size_t>(d)];
    free += left == 1000;
    if (s.cluster.device_fits(node, d, want)) fitting[static_cast<std::size_t>(count++)] = left;
  }
  if (free == node.devices) return {static_cast<double>(std::max(33 - free, free)), -1};
  std::sort(fitting.begin(), fitting.begin() + count);
  int whole = 0, per_cent_left = 0;
  for (int i = 0; i < want.gpus; ++i) {
    const int left = fitting[static_cast<std::size_t>(i)];
    whole += left == 1000;
    per_cent_left += left / 10;
  }
  if (whole > 0) return {static_cast<double>(std::max(50 - whole, 33)), -1};
  return {static_cast<double>(std::max(100 - per_cent_left / 10, 50)), -1};
}

double left_after(const Scoring& s, const NodeState& node, const Want& want) {
  return 0.5 * static_cast<double>(node.cpu - want.cpu) / s.cpu_scale +
         0.5 * (node.gpu_left() - want.gpus * want.milli) / s.gpu_scale;
}

// Stretching to 0..100 over the nodes that fit, as published, changes neither order nor ties of whole numbers below 100.
Scored best_fit(const Scoring& s, const NodeState& node, const Want& want) {
  return {std::floor(100 * (1 - left_after(s, node, want))), -1};
}

Scored worst_fit(const Scoring& s, const NodeState& node, const Want& want) {
  int device = -1;
  if (want.gpus == 1) {
    for (int d = 0; d < node.devices; ++d) {
      const auto left = node.left[static_cast<std::size_t>(d)];
      if ((device < 0 || left > node.left[static_cast<std::size_t>(device)]) &&
          s.cluster.device_fits(node, d, want)) {
        device = d;
      }
    }
  }
  return {std::floor(100 * left_after(s, node, want)), device};
}

Scored first_fit(const Scoring& s, const NodeState& node, const Want& want) {
  if (want.gpus != 1) return {};
  int device = 0;
  while (!s.cluster.device_fits(node, device, want)) ++device;
  return {0, device};
}

/// Takes the share or GPU from one device of a node that is not the cluster's own.
void take(const Scoring& s, NodeState& node, int d, const Want& want) {
  const auto i = static_cast<std::size_t>(d);
  node.left[i] = static_cast<std::int16_t>(node.left[i] - want.milli);
  if (want.instance < 0) return;
  const MigShares& mig = s.cluster.shares(node);
  const int start = s.keep_most ? mig.best_start(node.taken[i], want.instance)
                                : mig.lowest_start(node.taken[i], want.instance);
  node.taken[i] |= mig.span(want.instance, start);
}

/// Calls `value` with the node as it would be: once, or for one GPU or share with each device that differs.
template <class Value>
void each_outcome(const Scoring& s, const NodeState& node, const Want& want, Value&& value) {
  NodeState after = node;
  after.cpu -= want.cpu;
  if (want.gpus != 1) {
    int needed = want.gpus;
    for (int d = 0; d < node.devices && needed > 0; ++d) {
      if (!s.cluster.device_fits(node, d, want)) continue;
      take(s, after, d, want);
      --needed;
    }
    value(after, -1);
    return;
  }
  for (int d = 0; d < node.devices; ++d) {
    const auto i = static_cast<std::size_t>(d);
    bool seen = false;
    for (std::size_t e = 0; e < i && !seen; ++e) {
      seen = node.left[e] == node.left[i] && node.taken[e] == node.taken[i];
    }
    if (seen || !s.cluster.device_fits(node, d, want)) continue;
    take(s, after, d, want);
    value(after, d);
    after.left[i] = node.left[i];
    after.taken[i] = node.taken[i];
  }
}

Scored gradient(const Scoring& s, const NodeState& node, const Want& want) {
  const double before = s.fragments.of(node);
  Scored best{-1, -1};
  each_outcome(s, node, want, [&](const NodeState& after, int device) {
    const double gain = (before - s.fragments.of(after)) / 1000;
    const double score = std::floor(100 / (1 + std::exp(-gain)));
    if (score > best.score) best = {score, device};
  });
  return best;
}

int open_placements(const Scoring& s, const NodeState& node) {
  if (!s.cluster.kinds().mig[static_cast<std::size_t>(node.kind)]) return 0;
  int open = 0;
  for (int d = 0; d < node.devices; ++d) {
    open += s.cluster.shares(node).open_placements(node.taken[static_cast<std::size_t>(d)]);
  }
  return open;
}

// The gradient's whole numbers, and between equals the one that leaves most placements of instances open.
Scored gradient_of_instances(const Scoring& s, const NodeState& node, const Want& want) {
  const double before = s.fragments.of(node);
  const int open = open_placements(s, node);
  Scored best{-1e300, -1};
  each_outcome(s, node, want, [&](const NodeState& after, int device) {
    const double gain = (before - s.fragments.of(after)) / 1000;
    const double lost = open - open_placements(s, after);
    const double score = std::floor(100 / (1 + std::exp(-gain))) - 1e-3 * lost;
    if (score > best.score) best = {score, device};
  });
  return best;
}

// Chosen on lists derived from OpenB's default one, each the least of several sets of sequences; docs/clusters.md has lists
// that were not looked at. A milli held is charged on nodes as sought after as the mean; a milli of fragment keeps room for
// the next pod, as the worth does for all that may come; what a node is left idle, GPUs and CPU half each, makes pods that
// would do as well on several nodes meet on few.
constexpr double kDemandCharge = 1.5;
constexpr double kFragmentCharge = 0.3;
constexpr double kIdleCharge = 300;

Scored worth_left(const Scoring& s, const NodeState& node, const Want& want) {
  const double before = s.lookahead->worth(node) - kFragmentCharge * s.fragments.of(node);
  const double charge = kDemandCharge * s.lookahead->demand_for(node) * want.gpus * want.milli +
                        kIdleCharge * left_after(s, node, want);
  Scored best{-1e300, -1};
  each_outcome(s, node, want, [&](const NodeState& after, int device) {
    const double worth = s.lookahead->worth(after) - kFragmentCharge * s.fragments.of(after);
    const double score = worth - before - charge;
    if (score > best.score) best = {score, device};
  });
  return best;
}

}  // namespace

ScoreFunction score_function(PackingPolicy policy) {
  switch (policy) {
    case PackingPolicy::random:
      return no_score;
    case PackingPolicy::dotprod:
      return dot_product;
    case PackingPolicy::clustering:
      return clustering;
    case PackingPolicy::packing:
      return packing;
    case PackingPolicy::bestfit:
      return best_fit;
    case PackingPolicy::fgd:
      return gradient;
    case PackingPolicy::firstfit:
      return first_fit;
    case PackingPolicy::worstfit:
      return worst_fit;
    case PackingPolicy::mig_aware:
      return gradient_of_instances;
    case PackingPolicy::gpushare:
      break;
  }
  return worth_left;
}

}  // namespace gpushare::clusters
