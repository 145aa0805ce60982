#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "core/function_ref.hpp"
#include "gpushare/control.hpp"
#include "simulation/changes.hpp"
#include "simulation/fleet.hpp"

namespace gpushare {

/// A node of a pool, there or gone.
struct PoolNode {
  enum class State : std::uint8_t { booting, ready, leaving, gone };
  int pool = 0;
  int node = 0;                     ///< index into Fleet::nodes
  std::vector<std::uint32_t> gpus;  ///< indices into Fleet::gpus
  State state = State::booting;
  std::set<int> images;  ///< services whose image is there
};

/// A replica under control, from the wish for it to its end.
struct Pod {
  enum class State : std::uint8_t { waiting, starting, serving, leaving, gone };
  int control = 0;  ///< index into Control::services
  State state = State::waiting;
  int node = -1;  ///< index into Pods::nodes(); -1: it has no seat
  std::uint32_t gpu = 0;
  std::size_t partition = 0;  ///< of the GPU's layout
  int server = -1;            ///< index into Fleet::servers; -1: it does not serve yet

  [[nodiscard]] bool is_wanted() const {
    return state == State::waiting || state == State::starting || state == State::serving;
  }
  [[nodiscard]] bool holds_seat() const { return node >= 0 && state != State::gone; }
};

/// The nodes of all pools and the replicas on them: who sits where, what begins and what ends. When and why is the
/// controller's business.
class Pods {
 public:
  Pods(Fleet& fleet, Changes& changes, const Control& control, const Workload& workload);

  /// Takes over what the placement has of the pools: their nodes are ready, their replicas serve.
  void adopt();
  /// Its index; it boots.
  int add_node(Time now, int pool);
  void remove_node(Time now, int node);
  /// A wish for a replica, without a seat.
  int add(int control);
  /// Gives waiting replicas a seat on nodes that are ready, in the order they came; those that got one start.
  [[nodiscard]] std::vector<int> take_seats();
  /// The replica serves from now on.
  void serve(Time now, int pod);
  /// It takes nothing new, and is gone when it has finished; what does not serve yet is gone at once.
  void leave(Time now, int pod);
  /// It is gone; what it has is handed to others, or fails.
  void stop(Time now, int pod, bool moves);
  /// Starting on a node that leaves, or an instance that goes: it looks for another seat.
  void unseat(int pod);
  /// A GPU is to have this shape once those who sit on instances that go have left; until then nobody sits down there.
  void want_shape(std::uint32_t gpu, const GpuShape& shape);
  /// Those who sit on instances that go.
  [[nodiscard]] std::vector<int> in_the_way(std::uint32_t gpu) const;
  /// The GPU gets the shape that it is to have; nobody is in the way.
  void reshape(Time now, std::uint32_t gpu);
  /// Whether it is to have another shape.
  [[nodiscard]] bool is_closed(std::uint32_t gpu) const { return shapes_[gpu].next != nullptr; }
  [[nodiscard]] int pool_of_gpu(std::uint32_t gpu) const { return shapes_[gpu].pool; }
  [[nodiscard]] const GpuShape& shape_of(std::uint32_t gpu) const { return *shapes_[gpu].now; }
  [[nodiscard]] const GpuShape& next_shape_of(std::uint32_t gpu) const { return *shapes_[gpu].next; }
  /// Told of a server that was taken out of the fleet.
  void server_left(int server);

  [[nodiscard]] const std::vector<Pod>& all() const { return pods_; }
  /// Indices of those that are not gone, in the order they came.
  [[nodiscard]] const std::vector<int>& live() const { return live_; }
  [[nodiscard]] std::vector<PoolNode>& nodes() { return nodes_; }
  [[nodiscard]] int seats(const PoolNode& node) const;
  [[nodiscard]] int taken(int node) const;
  /// Of a service that are wanted, and of those the ones that serve.
  [[nodiscard]] int wanted(int control) const;
  [[nodiscard]] int serving(int control) const;
  [[nodiscard]] int waiting_in(int pool) const;
  /// What the replica takes from the disk of its node before it starts, bytes.
  [[nodiscard]] double weights_of(const Pod& pod) const;
  [[nodiscard]] const ReplicaControl& control_of(const Pod& pod) const {
    return control_.services[static_cast<std::size_t>(pod.control)];
  }

 private:
  struct Shapes {
    const GpuShape* now = nullptr;
    const GpuShape* next = nullptr;
    int pool = -1;
  };
  void set_up(const PoolNode& node);
  [[nodiscard]] int taken_on(std::uint32_t gpu, std::size_t partition) const;
  [[nodiscard]] bool take_seat(Pod& pod);
  [[nodiscard]] bool sit_down(Pod& pod, int node);
  [[nodiscard]] bool fits_there(const Pod& pod) const;
  [[nodiscard]] ProcessPlacement process_of_pod(const Pod& pod) const;

  Fleet& fleet_;
  Changes& changes_;
  const Control& control_;
  const Workload& workload_;
  std::vector<PoolNode> nodes_;
  std::vector<Shapes> shapes_;  // by GPU of the fleet; null: not of a pool
  std::vector<Pod> pods_;
  std::vector<int> live_;
  std::vector<int> by_server_;  // pods; -1: the server is nobody's
};

}  // namespace gpushare
