#include "control/node_policy.hpp"

#include <algorithm>

namespace gpushare::control {

int NodePolicy::to_add(int waiting, const std::vector<ObservedNode>& nodes) const {
  int free = 0, staying = 0;
  for (const ObservedNode& node : nodes) {
    if (node.leaving) continue;
    staying += 1;
    free += node.seats - node.taken;
  }
  const int per_node = pool_.gpus_per_node * pool_.shape.places();
  const int lacking = std::max(0, waiting - free);
  const int wanted = std::max((lacking + per_node - 1) / per_node, pool_.min - staying);
  return std::clamp(wanted, 0, std::max(0, pool_.max - static_cast<int>(nodes.size())));
}

NodeDecision NodePolicy::decide(double now_s, int waiting, const std::vector<ObservedNode>& nodes) {
  NodeDecision decision;
  decision.add = to_add(waiting, nodes);
  if (decision.add > 0) last_added_s_ = now_s;
  int staying = 0, free = 0;
  for (const ObservedNode& node : nodes) {
    staying += node.leaving ? 0 : 1;
    if (node.ready && !node.leaving) free += node.seats - node.taken;
  }
  for (const ObservedNode& node : nodes) {
    const auto number = static_cast<std::size_t>(node.number);
    if (number >= unneeded_since_s_.size()) unneeded_since_s_.resize(number + 1, -1);
    double& since = unneeded_since_s_[number];
    const bool room_elsewhere = free - (node.seats - node.taken) >= node.taken;
    const bool needed = !node.ready || node.leaving || waiting > 0 ||
                        node.taken >= pool_.needed_from * node.seats || !room_elsewhere;
    if (needed) {
      since = -1;
      continue;
    }
    if (since < 0) since = now_s;
    const bool long_enough = now_s - since >= pool_.remove_after_s;
    const bool quiet = now_s - last_added_s_ >= pool_.remove_after_add_s;
    if (!long_enough || !quiet || staying <= pool_.min) continue;
    decision.remove.push_back(node.number);
    --staying;
    free -= node.seats;  // its own free ones, and those that its replicas take elsewhere
  }
  return decision;
}

}  // namespace gpushare::control
