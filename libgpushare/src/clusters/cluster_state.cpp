#include "clusters/cluster_state.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::clusters {

ClusterState::ClusterState(const std::vector<ClusterNode>& nodes, NodeKinds kinds)
    : kinds_(std::move(kinds)) {
  std::map<std::tuple<std::int64_t, int, int>, int> groups;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    NodeState& state = nodes_.emplace_back();
    state.cpu = nodes[n].cpu_milli;
    state.memory = nodes[n].memory_mib;
    state.devices = nodes[n].gpus;
    state.kind = kinds_.of_node[n];
    for (int d = 0; d < state.devices; ++d) state.left[static_cast<std::size_t>(d)] = 1000;
    state.group = groups.try_emplace({state.cpu, state.kind, state.devices}, static_cast<int>(groups.size()))
                      .first->second;
    capacity_ += std::int64_t{1000} * state.devices;
    cpu_capacity_ += state.cpu;
  }
  empty_ = nodes_;
}

bool ClusterState::fits(const NodeState& node, const Want& want) const {
  if (node.cpu < want.cpu || node.pods >= kMostPodsOfNode) return false;
  int needed = want.gpus;
  for (int d = 0; d < node.devices && needed > 0; ++d) needed -= device_fits(node, d, want);
  return needed <= 0;
}

int ClusterState::best_device(const NodeState& node, const Want& want) const {
  int best = -1;
  for (int d = 0; d < node.devices; ++d) {
    const auto left = node.left[static_cast<std::size_t>(d)];
    if (best >= 0 && left >= node.left[static_cast<std::size_t>(best)]) continue;
    if (device_fits(node, d, want)) best = d;
  }
  return best;
}

void ClusterState::count(const Hold& hold, int sign) {
  const auto devices = static_cast<std::int64_t>(hold.devices.size());
  asked_ += sign * devices * hold.asked_milli;
  held_ += sign * devices * hold.want.milli;
  cpu_taken_ += sign * hold.want.cpu;
  NodeState& node = nodes_[static_cast<std::size_t>(hold.node)];
  node.cpu -= sign * hold.want.cpu;
  node.memory -= sign * hold.memory;
  node.pods += sign;
  if (hold.want.gpus > 0) {
    const auto kind = static_cast<std::size_t>(hold.asked_milli < 1000 ? 0 : hold.want.gpus);
    node.running[kind] = static_cast<std::int16_t>(node.running[kind] + sign);
  }
  for (const int d : hold.devices) {
    auto& left = node.left[static_cast<std::size_t>(d)];
    left = static_cast<std::int16_t>(left - sign * hold.want.milli);
  }
  for (std::size_t i = 0; i < hold.instances.size(); ++i) {
    const Instance& instance = hold.instances[i];
    node.taken[static_cast<std::size_t>(hold.devices[i])] ^=
        shares(node).span(instance.profile, instance.start);
  }
  ++node.version;
}

Hold ClusterState::take(const Choice& choice, const Demand& demand, std::int64_t memory, bool keep_most) {
  NodeState& node = nodes_[static_cast<std::size_t>(choice.node)];
  Hold hold{choice.node, kinds_.want(node.kind, demand), memory, {}, {}, demand.milli};
  if (hold.want.gpus == 1) {
    const int d = choice.device >= 0 ? choice.device : best_device(node, hold.want);
    hold.devices.push_back(static_cast<std::uint8_t>(d));
  } else {
    for (int d = 0; d < node.devices && static_cast<int>(hold.devices.size()) < hold.want.gpus; ++d) {
      if (device_fits(node, d, hold.want)) hold.devices.push_back(static_cast<std::uint8_t>(d));
    }
  }
  if (hold.want.instance >= 0) {
    for (const int d : hold.devices) {
      const lattice::Slots taken = node.taken[static_cast<std::size_t>(d)];
      const int start = keep_most ? shares(node).best_start(taken, hold.want.instance)
                                  : shares(node).lowest_start(taken, hold.want.instance);
      hold.instances.push_back({hold.want.instance, start, {}});
    }
  }
  count(hold, 1);
  return hold;
}

Hold ClusterState::take_instance(int node, const PlacedInstance& place, const Demand& demand,
                                 std::int64_t memory) {
  Hold hold{node, kinds_.want(this->node(node).kind, demand), memory, {}, {}, demand.milli};
  hold.devices.push_back(static_cast<std::uint8_t>(place.device));
  hold.instances.push_back(place.instance);
  count(hold, 1);
  return hold;
}

bool ClusterState::fits_at(const Place& place, const Want& want) const {
  const NodeState& at = node(place.node);
  if (at.cpu < want.cpu || at.pods >= kMostPodsOfNode) return false;
  for (std::size_t i = 0; i < place.devices.size(); ++i) {
    if (!device_fits(at, place.devices[i], want)) return false;
    if (want.instance < 0 || place.starts.empty()) continue;
    const auto& starts = lattice::row(shares(at).profile(), want.instance).starts;
    const bool legal = std::find(starts.begin(), starts.end(), place.starts[i]) != starts.end();
    const lattice::Slots taken = at.taken[static_cast<std::size_t>(place.devices[i])];
    if (!legal || (shares(at).span(want.instance, place.starts[i]) & taken) != 0) return false;
  }
  return true;
}

Hold ClusterState::take_at(const Place& place, const Demand& demand, std::int64_t memory) {
  const NodeState& at = node(place.node);
  Hold hold{place.node, kinds_.want(at.kind, demand), memory, {}, {}, demand.milli};
  for (std::size_t i = 0; i < place.devices.size(); ++i) {
    const int d = place.devices[i];
    hold.devices.push_back(static_cast<std::uint8_t>(d));
    if (hold.want.instance < 0) continue;
    const int start = place.starts.empty()
                          ? shares(at).lowest_start(at.taken[static_cast<std::size_t>(d)], hold.want.instance)
                          : place.starts[i];
    hold.instances.push_back({hold.want.instance, start, {}});
  }
  count(hold, 1);
  return hold;
}

void ClusterState::give_back(const Hold& hold) { count(hold, -1); }

void ClusterState::check() const {
  std::int64_t held = 0, cpu = 0;
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const NodeState& node = nodes_[n];
    const NodeState& whole = empty_[n];
    bool sound = node.cpu >= 0 && node.cpu <= whole.cpu && node.memory >= 0 && node.memory <= whole.memory &&
                 node.pods >= 0 && node.pods <= kMostPodsOfNode;
    cpu += whole.cpu - node.cpu;
    for (int d = 0; d < node.devices; ++d) {
      const int left = node.left[static_cast<std::size_t>(d)];
      sound = sound && left >= 0 && left <= 1000;
      held += 1000 - left;
    }
    if (!sound)
      throw SimulationError(text::format("/nodes/{}", n), "less than nothing, or more than all, is left");
  }
  if (held != held_ || cpu != cpu_taken_)
    throw SimulationError("/nodes", "what pods hold is not what nodes lack");
}

}  // namespace gpushare::clusters
