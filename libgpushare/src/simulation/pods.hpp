#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/function_ref.hpp"
#include "gpushare/control.hpp"
#include "simulation/changes.hpp"
#include "simulation/fleet.hpp"
#include "simulation/pool_nodes.hpp"

namespace gpushare {

/// A replica under control, from the wish for it to its end.
struct Pod {
  enum class State : std::uint8_t { waiting, starting, serving, leaving, gone };
  int control = 0;  ///< index into Control::services
  State state = State::waiting;
  int node = -1;  ///< index into PoolNodes; -1: it has no seat
  std::uint32_t gpu = 0;
  std::size_t partition = 0;  ///< of the GPU's layout
  int server = -1;            ///< index into Fleet::servers; -1: it does not serve yet

  [[nodiscard]] bool is_wanted() const {
    return state == State::waiting || state == State::starting || state == State::serving;
  }
};

/// The replicas under control: who sits where, what begins and what ends. When and why is the controller's business.
class Pods {
 public:
  Pods(Fleet& fleet, Changes& changes, PoolNodes& nodes, const Control& control, const Workload& workload)
      : fleet_(fleet), changes_(changes), nodes_(nodes), control_(control), workload_(workload) {}

  /// Takes over those of the placement, which serve.
  void adopt();
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
  /// Those who sit on instances that go when the GPU gets its next shape.
  [[nodiscard]] std::vector<int> in_the_way(std::uint32_t gpu) const;
  /// Before the GPU gets its next shape: nobody is in the way, and those who stay keep their seats.
  void keep_seats(std::uint32_t gpu);
  /// Told of a server that was taken out of the fleet.
  void server_left(int server);

  [[nodiscard]] const std::vector<Pod>& all() const { return pods_; }
  /// Indices of those that are not gone, in the order they came.
  [[nodiscard]] const std::vector<int>& live() const { return live_; }
  [[nodiscard]] int taken(int node) const;
  /// Of a service, that are not to leave.
  [[nodiscard]] int wanted(int control) const;
  [[nodiscard]] int waiting_in(int pool) const;
  /// What the replica takes from the disk of its node before it starts, bytes.
  [[nodiscard]] double weights_of(const Pod& pod) const;
  [[nodiscard]] const ReplicaControl& control_of(const Pod& pod) const {
    return control_.services[static_cast<std::size_t>(pod.control)];
  }

 private:
  /// Of those that are not gone.
  template <class Is>
  [[nodiscard]] int count(Is is) const {
    return static_cast<int>(std::count_if(
        live_.begin(), live_.end(), [&](int index) { return is(pods_[static_cast<std::size_t>(index)]); }));
  }
  [[nodiscard]] int taken_on(std::uint32_t gpu, std::size_t partition) const;
  [[nodiscard]] bool take_seat(Pod& pod);
  [[nodiscard]] bool sit_down(Pod& pod, int node);
  [[nodiscard]] bool fits_there(const Pod& pod) const;
  [[nodiscard]] ProcessPlacement process_of_pod(const Pod& pod) const;

  Fleet& fleet_;
  Changes& changes_;
  PoolNodes& nodes_;
  const Control& control_;
  const Workload& workload_;
  std::vector<Pod> pods_;
  std::vector<int> live_;
  std::vector<int> by_server_;  // pods; -1: the server is nobody's
};

}  // namespace gpushare
