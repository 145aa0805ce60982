#include "clusters/lookahead.hpp"

#include <algorithm>
#include <functional>

#include "gpushare/random.hpp"

namespace gpushare::clusters {

namespace {

// Chosen on lists derived from OpenB's default list, docs/clusters.md has them: more sequences or longer ones cost time and
// gain nothing beyond the luck of a shuffle.
constexpr int kSequences = 24;
constexpr int kOffers = 90;
/// Beyond that many states those known are forgotten: what they need of memory is bounded in runs of any length.
constexpr std::size_t kMostKnown = 1u << 20;

bool may_run(const PodClass& c, const std::string& model) {
  return c.models.empty() || std::find(c.models.begin(), c.models.end(), model) != c.models.end();
}

}  // namespace

Lookahead::Lookahead(const std::vector<PodClass>& classes, const ClusterState& empty)
    : kinds_(empty.kinds()) {
  for (std::size_t k = 0; k < kinds_.models.size(); ++k) {
    std::vector<Want>& wants = wants_.emplace_back();
    for (const PodClass& c : classes) {
      wants.push_back(kinds_.want(static_cast<int>(k), {c.cpu_milli, c.gpus, c.gpu_milli}));
      if (!may_run(c, kinds_.models[k])) wants.back().gpus = kMostGpusOfNode + 1;
    }
  }
  for (const PodClass& c : classes) asked_.push_back(c.gpu_milli);
  std::vector<double> sums;
  sums.reserve(classes.size());
  for (const PodClass& c : classes) sums.push_back((sums.empty() ? 0 : sums.back()) + c.weight);
  const Stream stream(0, 0, "cluster lookahead");
  for (int s = 0; s < kSequences && !sums.empty(); ++s) {
    Stream own = stream.at(static_cast<std::uint64_t>(s));
    std::vector<int>& sequence = sequences_.emplace_back();
    for (int i = 0; i < kOffers; ++i) {
      const auto c = std::lower_bound(sums.begin(), sums.end() - 1, own.uniform() * sums.back());
      const auto number = static_cast<int>(c - sums.begin());
      if (classes[static_cast<std::size_t>(number)].gpus > 0) sequence.push_back(number);
    }
  }
  count_demand(classes, empty);
}

void Lookahead::count_demand(const std::vector<PodClass>& classes, const ClusterState& empty) {
  std::vector<NodeState> like;  // one node of each group
  std::vector<double> gpus;     // of each group
  for (const NodeState& node : empty.nodes()) {
    const auto group = static_cast<std::size_t>(node.group);
    if (group == like.size()) {
      like.push_back(node);
      gpus.push_back(0);
    }
    gpus[group] += node.devices;
  }
  demand_.assign(like.size(), 0);
  double all = 0, capacity = 0;
  for (const double g : gpus) capacity += g;
  for (std::size_t m = 0; m < classes.size(); ++m) {
    if (classes[m].gpus == 0) continue;
    std::vector<std::size_t> able;
    double room = 0;
    for (std::size_t g = 0; g < like.size(); ++g) {
      const Want& want = wants_[static_cast<std::size_t>(like[g].kind)][m];
      if (want.gpus > like[g].devices || want.cpu > like[g].cpu) continue;
      able.push_back(g);
      room += gpus[g];
    }
    const double asked = classes[m].weight * classes[m].gpus * classes[m].gpu_milli;
    if (room > 0) all += asked;
    for (const std::size_t g : able) demand_[g] += asked / room;
  }
  for (double& demand : demand_) demand = all > 0 ? demand * capacity / all : 1;
}

std::size_t Lookahead::Hash::operator()(const Key& key) const {
  std::uint64_t hash = static_cast<std::uint64_t>(key.cpu) * 31 + static_cast<std::uint64_t>(key.kind);
  const auto mix = [&hash](std::uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  };
  for (std::size_t d = 0; d < key.left.size(); ++d) {
    mix(static_cast<std::uint64_t>(key.left[d]) << 8 | key.taken[d]);
  }
  return hash;
}

double Lookahead::worth(const NodeState& node) const {
  std::array<std::pair<std::int16_t, std::uint8_t>, kMostGpusOfNode> devices{};
  for (std::size_t d = 0; d < devices.size(); ++d) {
    devices[d] = {node.left[d], static_cast<std::uint8_t>(node.taken[d])};
  }
  std::sort(devices.begin(), devices.begin() + node.devices, std::greater<>());
  Key key{node.cpu, node.kind, {}, {}};
  for (std::size_t d = 0; d < devices.size(); ++d) {
    key.left[d] = devices[d].first;
    key.taken[d] = devices[d].second;
  }
  if (known_.size() >= kMostKnown) known_.clear();
  const auto [entry, is_new] = known_.try_emplace(key, 0.0);
  if (!is_new) return entry->second;
  NodeState sorted = node;
  sorted.left = key.left;
  for (std::size_t d = 0; d < devices.size(); ++d) sorted.taken[d] = key.taken[d];
  double sum = 0;
  for (const std::vector<int>& sequence : sequences_) sum += fill(sorted, sequence);
  return entry->second = sequences_.empty() ? 0 : sum / static_cast<double>(sequences_.size());
}

double Lookahead::fill(NodeState node, const std::vector<int>& sequence) const {
  const auto kind = static_cast<std::size_t>(node.kind);
  const MigShares* mig = kinds_.mig[kind].get();
  const auto holds = [&](const Want& want, std::size_t d) {
    return node.left[d] >= want.milli && (want.instance < 0 || mig->fits(node.taken[d], want.instance));
  };
  const auto devices = static_cast<std::size_t>(node.devices);
  int left = node.gpu_left();
  int given = 0;
  for (const int c : sequence) {
    if (left == 0) break;
    const Want& want = wants_[kind][static_cast<std::size_t>(c)];
    if (want.cpu > node.cpu || want.gpus > node.devices) continue;
    std::array<std::size_t, kMostGpusOfNode> chosen{};
    int found = 0;
    for (std::size_t d = 0; d < devices; ++d) {
      if (!holds(want, d)) continue;
      if (want.gpus == 1) {  // the fullest that holds it
        if (found == 0 || node.left[d] < node.left[chosen[0]]) chosen[0] = d;
        found = 1;
      } else if (found < want.gpus) {
        chosen[static_cast<std::size_t>(found++)] = d;
      }
    }
    if (found < want.gpus) continue;
    for (int i = 0; i < found; ++i) {
      const std::size_t d = chosen[static_cast<std::size_t>(i)];
      node.left[d] = static_cast<std::int16_t>(node.left[d] - want.milli);
      if (want.instance >= 0) {
        node.taken[d] |= mig->span(want.instance, mig->best_start(node.taken[d], want.instance));
      }
    }
    left -= found * want.milli;
    given += found * asked_[static_cast<std::size_t>(c)];
    node.cpu -= want.cpu;
  }
  return given;
}

}  // namespace gpushare::clusters
