#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "results/recorder.hpp"
#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/gpu_side.hpp"
#include "simulation/run_logger.hpp"

namespace gpushare {

/// A step's way: host before, copy, GPU, host after. On the GPUs of all its ranks it starts at once, and the slowest
/// ends it. Where its kernels are launched one by one, for longer than the GPU takes for them, and others share the GPU,
/// the last one comes by itself: it waits for its turn once more.
class Steps {
 public:
  enum class Phase : std::uint8_t { free, host_before, copy, gpu, launch, host_after };
  struct State {
    Step step;  ///< but for a server's own: see step_of
    StepTime time;
    Work work;                           ///< of a step that comes again, where it is `known`
    bool known = false, capped = false;  ///< likewise, as its partition was
    int server = 0;
    Phase phase = Phase::free;
    bool on_core = false;
    bool last_launched = false;  ///< after the others: see launch_last
    std::uint32_t whole = 0;     ///< the step that this is a rank's part of; itself for the first rank
    std::size_t ranks_left = 0;  ///< of a whole step, still on their GPUs
    Time planned{}, gpu_start = kNever, gpu_end = kNever;
    EventQueue::Slot slot = 0;
  };

  Steps(Kernel& kernel, Fleet& fleet, GpuSide& gpus, Recorder& recorder, RunLogger* log = nullptr)
      : kernel_(kernel), fleet_(fleet), gpus_(gpus), recorder_(recorder), log_(log) {}

  /// A server that has one step in hand at most gets it here, with one for each further rank.
  void add_own_step(std::uint32_t server);
  void start(Time now, int server, const Step& step);
  /// Drops what the server has in hand.
  void kill(Time now, int server);

  // Events: a host part is over; work on a partition, or a copy over a GPU's link.
  void end_host(Time now, std::uint32_t step);
  void on_partition(Time now, std::uint32_t partition);
  void on_link(Time now, std::uint32_t gpu);

  // For those who go through the steps of a server one after the other, without events.
  [[nodiscard]] State& state(StepId step) { return steps_[step]; }
  /// A server's own step stays with its engine, which may have changed no more than a figure of it since the last one.
  [[nodiscard]] const Step& step_of(const State& state);
  /// A server of one rank goes on with its next step.
  void plan(Time now, std::uint32_t step, int server, const Step& planned);
  void submit(Time now, std::uint32_t step);
  /// What the host has to do after the GPU, which is done now.
  [[nodiscard]] double host_after_s(Time now, const State& step);
  /// Has a core, of which there are enough, or gives it back.
  void hold_core(State& step) { step.on_core = host_of(step).start({}); }
  void give_core_back(State& step) {
    if (std::exchange(step.on_core, false)) static_cast<void>(host_of(step).release());
  }

 private:
  [[nodiscard]] Server& server_of(const State& step) {
    return fleet_.servers[static_cast<std::size_t>(step.server)];
  }
  [[nodiscard]] HostCores& host_of(const State& step) { return fleet_.nodes[server_of(step).node].cores; }
  [[nodiscard]] std::uint32_t take(const Server& server);
  void release(std::uint32_t step);
  void begin_host(Time now, std::uint32_t step, double seconds);
  void release_core(Time now, State& step);
  void end_rank(Time now, std::uint32_t step);
  void launch_last(Time now, std::uint32_t step, double launching_s);
  void after_gpu(Time now, std::uint32_t step);
  void finish(Time now, std::uint32_t step);
  void write_down(Time now, const State& step);

  Kernel& kernel_;
  Fleet& fleet_;
  GpuSide& gpus_;
  Recorder& recorder_;
  RunLogger* log_;  // null: none
  std::vector<State> steps_;
  std::vector<std::uint32_t> free_;
};

}  // namespace gpushare
