#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "clusters/demands.hpp"

namespace gpushare::clusters {

/// What is left of a node.
struct NodeState {
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  int pods = 0;
  int kind = 0;
  int group = 0;  ///< nodes with the same number were alike when empty
  int devices = 0;
  std::array<std::int16_t, kMostGpusOfNode> left{};  ///< milli of each device
  /// Running pods by GPUs they asked for: index 0 for shares, those without GPU not counted.
  std::array<std::int16_t, kMostGpusOfNode + 1> running{};
  std::uint32_t version = 1;  ///< of what is left: it changes with every pod that comes or goes
  std::array<lattice::Slots, kMostGpusOfNode> taken{};  ///< memory slots of each device that instances hold

  [[nodiscard]] int gpu_left() const {
    int sum = 0;
    for (int d = 0; d < devices; ++d) sum += left[static_cast<std::size_t>(d)];
    return sum;
  }
};

/// Where a pod goes: a node, and the device of a share when the policy chose it (-1: the best that fits).
struct Choice {
  int node = -1;
  int device = -1;
};

/// What a pod holds.
struct Hold {
  int node = -1;
  Want want;
  std::int64_t memory = 0;
  std::vector<std::uint8_t> devices;
  std::vector<Instance> instances;  ///< one on each of the devices, if the share is held by instances
  int asked_milli = 0;              ///< of each device
};

/// Nodes that pods come to and leave. Nothing is ever negative, and what is given back is what was taken.
class ClusterState {
 public:
  ClusterState(const std::vector<ClusterNode>& nodes, NodeKinds kinds);

  /// Whether device `d` of the node can hold the share or GPU.
  [[nodiscard]] bool device_fits(const NodeState& node, int d, const Want& want) const {
    const auto i = static_cast<std::size_t>(d);
    return node.left[i] >= want.milli &&
           (want.instance < 0 || shares(node).fits(node.taken[i], want.instance));
  }
  /// Whether CPU, pods and GPUs suffice (memory is asked for by itself: demands that differ in it share scores).
  [[nodiscard]] bool fits(const NodeState& node, const Want& want) const;
  /// The device that fits with the least left, the first of equals; -1 when none does.
  [[nodiscard]] int best_device(const NodeState& node, const Want& want) const;

  /// Takes what the pod wants; the choice fits. `keep_most`: an instance starts where most placements stay open,
  /// otherwise as low as it can.
  Hold take(const Choice& choice, const Demand& demand, std::int64_t memory, bool keep_most);
  /// Takes one share where it was found a place before.
  Hold take_instance(int node, const PlacedInstance& place, const Demand& demand, std::int64_t memory);
  /// Whether what the pod wants is left at that place; if its share is an instance, at the start that the place says.
  [[nodiscard]] bool fits_at(const Place& place, const Want& want) const;
  /// Takes it there; it fits.
  Hold take_at(const Place& place, const Demand& demand, std::int64_t memory);
  void give_back(const Hold& hold);

  /// How the node's GPUs are cut; they must be.
  [[nodiscard]] const MigShares& shares(const NodeState& node) const {
    return *kinds_.mig[static_cast<std::size_t>(node.kind)];
  }
  [[nodiscard]] const NodeKinds& kinds() const { return kinds_; }
  [[nodiscard]] const std::vector<NodeState>& nodes() const { return nodes_; }
  [[nodiscard]] const NodeState& node(int n) const { return nodes_[static_cast<std::size_t>(n)]; }
  [[nodiscard]] std::int64_t capacity_milli() const { return capacity_; }
  [[nodiscard]] std::int64_t cpu_capacity() const { return cpu_capacity_; }
  [[nodiscard]] std::int64_t asked_milli() const { return asked_; }  ///< of what runs
  [[nodiscard]] std::int64_t held_milli() const { return held_; }
  [[nodiscard]] std::int64_t cpu_taken() const { return cpu_taken_; }
  /// Throws SimulationError when something is negative, beyond its node, or not where it should be.
  void check() const;

 private:
  void count(const Hold& hold, int sign);

  NodeKinds kinds_;
  std::vector<NodeState> nodes_;
  std::vector<NodeState> empty_;
  std::int64_t capacity_ = 0, cpu_capacity_ = 0, asked_ = 0, held_ = 0, cpu_taken_ = 0;
};

}  // namespace gpushare::clusters
