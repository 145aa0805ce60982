#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gpushare/placement.hpp"

/// What can be done to a fleet while it serves. Indices of GPUs and nodes are those of the placement, and of what was
/// started since, in that order.
namespace gpushare::control {

/// A partition of a GPU, and a process there.
struct Seat {
  std::uint32_t gpu = 0;
  std::string partition = "whole";  ///< as partitions() names it: "3g.40gb@0"
  ProcessPlacement process;
};

/// A new replica begins to serve, one process for each rank. A partition where nobody is yet is shared by `sharing`.
struct StartServer {
  std::vector<Seat> ranks;
  std::optional<Sharing> sharing{};
};
/// A replica takes no more jobs, and leaves when its last one has.
struct DrainServer {
  int service = 0;
  int replica = 0;
};
/// A replica leaves at once: what it works on fails, or begins again at another replica.
struct StopServer {
  int service = 0;
  int replica = 0;
  bool moves_requests = false;
};
/// A GPU is cut anew. Instances that both layouts have stay, and so do their processes; the others must be empty.
struct Recut {
  std::uint32_t gpu = 0;
  Layout layout;
};
/// A host with GPUs joins, and the processes placed on them begin to serve.
struct StartNode {
  Node node;
  std::vector<GpuPlacement> gpus;
};
/// A host leaves with all its GPUs: what its processes work on fails.
struct StopNode {
  int node = 0;
};

using Action = std::variant<StartServer, DrainServer, StopServer, Recut, StartNode, StopNode>;

struct TimedAction {
  double at_s = 0;
  Action action;
};

}  // namespace gpushare::control
