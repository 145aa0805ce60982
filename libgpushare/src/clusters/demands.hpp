#pragma once

#include <cstdint>
#include <vector>

#include "clusters/mig_shares.hpp"
#include "gpushare/clusters.hpp"

namespace gpushare::clusters {

/// What a pod wants of a node of one kind. Milli are what it holds there, which an instance may make more than it asks for.
struct Want {
  std::int64_t cpu = 0;
  int gpus = 0;
  int milli = 0;
  int instance = -1;  ///< the profile that holds the share; -1: none, it is a plain share or whole GPUs

  [[nodiscard]] bool shared() const { return gpus == 1 && milli < 1000; }
};

/// Demands by number: pods that ask for the same CPU and GPUs share their scores.
struct Demand {
  std::int64_t cpu = 0;
  int gpus = 0;
  int milli = 0;
  friend auto operator<=>(const Demand&, const Demand&) = default;
};

/// A pod as a run needs it.
struct Job {
  int demand = 0;
  int filter = 0;  ///< which nodes may take it
  std::int64_t memory = 0;
  int place = -1;  ///< of Demands::places, the only one that it takes; -1: any
};

/// Devices of a node, and where the instance on each of them starts (empty: at any legal start).
struct Place {
  int node = -1;
  std::vector<int> devices;
  std::vector<int> starts;
};

/// Pods and nodes by number.
struct Demands {
  std::vector<Demand> demands;
  std::vector<Job> jobs;                           ///< of each pod
  std::vector<std::vector<std::uint8_t>> allowed;  ///< by filter and node
  std::vector<Place> places;                       ///< of pods that have one
};
[[nodiscard]] Demands number_demands(const std::vector<ClusterNode>& nodes,
                                     const std::vector<ClusterPod>& pods);

/// Kinds of node: those with the same GPU model.
struct NodeKinds {
  std::vector<std::string> models;
  std::vector<int> of_node;
  std::vector<std::shared_ptr<const MigShares>> mig;  ///< by kind; null: shares are held as they are

  [[nodiscard]] Want want(int kind, const Demand& demand) const;
};
[[nodiscard]] NodeKinds node_kinds(const std::vector<ClusterNode>& nodes, ShareMode mode,
                                   const MigModels& mig);

}  // namespace gpushare::clusters
