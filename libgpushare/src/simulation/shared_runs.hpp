#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/gpu_side.hpp"
#include "simulation/steps.hpp"

namespace gpushare {

/// Iterations of processes that share a partition, while nobody joins or leaves their batches: gone through together,
/// without events, up to a time before which none of them can have anything to tell.
///
/// A run is gone through when its timer fires, which is the partition's, or when somebody is about to look into the
/// partition or one of its servers. After it all is as if every iteration had been taken by itself.
class SharedRuns {
 public:
  SharedRuns(Kernel& kernel, Fleet& fleet, GpuSide& gpus, Steps& steps)
      : kernel_(kernel), fleet_(fleet), gpus_(gpus), steps_(steps) {}

  /// Which partitions may have runs, after processes came or went.
  void refresh();
  /// A server with an iteration in hand that others are sure to follow: a run of its partition may begin at the end of
  /// the event.
  void propose(const Server& server, const ContinuousEngine& engine) {
    if (engine.silent_steps() >= kLeastSteps) propose(static_cast<std::uint32_t>(server.partition));
  }
  [[nodiscard]] bool proposed() const { return proposed_ != kNone; }
  /// Partitions have settled. The run will be over before `boundary()`.
  template <class Boundary>
  void begin_proposed(Time now, const Boundary& boundary) {
    const std::uint32_t partition = std::exchange(proposed_, kNone);
    if (all_are_silent(fleet_.partitions[partition])) begin(now, partition, boundary());
  }

  /// Whether the partition is in a run.
  [[nodiscard]] bool runs(std::uint32_t partition) const {
    return partition < runs_.size() && runs_[partition].goes_on;
  }
  /// If the server's partition is in a run, goes through it up to the event that is being handled.
  void end(Time now, const Server& server) {
    const auto partition = static_cast<std::uint32_t>(server.partition);
    if (runs(partition)) go_through(now, partition);
  }
  /// Event: a run is over; the next one may begin.
  void on_timer(Time now, std::uint32_t partition);

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::size_t kLeastSteps = 3;  // of each process, for which a run is worth looking for
  /// A process with a step in hand.
  struct Member {
    std::uint32_t step = 0;
    Time host_end = kNever;  ///< of a step that is on the host
  };
  struct Run {
    bool possible = false, goes_on = false;
    std::vector<Member> members{};
    Time clock_at = kNever;  ///< when the GPU's clock is to be looked at again
  };
  struct Outlook {
    Time end{};            ///< of the step in hand, at the earliest
    Duration iteration{};  ///< that follows it, at least
  };

  void propose(std::uint32_t partition) {
    if (partition < runs_.size() && runs_[partition].possible) proposed_ = partition;
  }
  [[nodiscard]] bool may_run(const PartitionState& partition) const;
  [[nodiscard]] Outlook outlook(const Server& server, const Steps::State& state);
  [[nodiscard]] bool all_are_silent(const PartitionState& partition) const;
  [[nodiscard]] Time over_before(Time now, const PartitionState& partition, Time boundary);
  void begin(Time now, std::uint32_t partition, Time boundary);
  void go_through(Time now, std::uint32_t partition);
  // What would be events: a step ends on the GPU, or on the host.
  void on_partition(Time now, std::uint32_t partition);
  void on_host(Time now, Member& member);
  void after_gpu(Time now, Member& member);
  void go_on(Time now, Member& member);

  Kernel& kernel_;
  Fleet& fleet_;
  GpuSide& gpus_;
  Steps& steps_;
  std::vector<Run> runs_;  // by partition
  std::uint32_t proposed_ = kNone;
};

}  // namespace gpushare
