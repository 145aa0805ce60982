#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "simulation/events.hpp"
#include "simulation/fleet.hpp"
#include "simulation/shared_runs.hpp"

namespace gpushare {

/// Steps that follow each other in a server that has one in hand at most, advanced together while nothing joins or leaves:
/// iterations of continuous batching, and frames of speech with the synthesis of the chunks that they fill.
///
/// Only servers whose steps nothing but themselves can slow run so. A run never crosses a boundary: an event that
/// looks at every server, or may change the fleet. Boundaries are set while no run goes on: before the first event, or
/// while another boundary is handled.
class MergedIterations {
 public:
  MergedIterations(Kernel& kernel, Fleet& fleet, const Workload& workload, SharedRuns& shared, bool wanted)
      : kernel_(kernel), fleet_(fleet), workload_(workload), shared_(shared), wanted_(wanted) {}

  void add_boundary(Kernel::Slot slot) { boundaries_.push_back(slot); }
  /// A server that has one step in hand at most gets its timers.
  void add(std::uint32_t server);
  /// Which servers may run so, after processes came or went.
  void refresh();

  /// Starts a run with the step that the engine has just planned; false when it has to go through its partition.
  template <class Engine>
  [[nodiscard]] bool begin(Time now, int server, const Engine& engine, const Step& first);
  /// A job is about to come to the server, which shares its partition with others.
  void before_job(Time now, int server) {
    shared_.end(now, fleet_.servers[static_cast<std::size_t>(server)]);
  }
  /// A job has come to the server: if it could admit it, its run is over at the end of the step in progress.
  void job_came(Time now, int server, const Job& job);
  /// The run is over at the end of the step in progress.
  void cut(Time now, int server);
  /// Goes past the iterations that have ended, for those who look into the engine.
  void catch_up(Time now, int server);
  /// The next event that looks at every server, or may change the fleet.
  [[nodiscard]] Time next_boundary() const;
  /// Event: the last iteration of a run is over.
  void on_end(Time now, std::uint32_t server);

 private:
  [[nodiscard]] bool host_never_full(std::size_t node) const;
  [[nodiscard]] bool undisturbed(const Rank& rank) const;
  [[nodiscard]] bool at_full_clock(Time now, const Rank& rank) const;
  /// Above standing by, that a step there may draw without lowering the clock.
  [[nodiscard]] double most_power_w(const Rank& rank) const;
  [[nodiscard]] RunStep run_step(Time planned, const StepTime& time, const Step& step,
                                 const Server& server) const;
  /// Of a step that comes again; `step()` where it is not known.
  template <class MakeStep>
  [[nodiscard]] RunStep known_run_step(Time planned, Server& server, std::uint64_t form, double items,
                                       const MakeStep& step) const;
  [[nodiscard]] static RunStep run_step(Time planned, const StepTime& time, double power_w,
                                        const StepLengths& lengths, double items);
  // Appends the steps that follow the first one.
  void look_ahead(Server& server, StepRun& run, const ContinuousEngine& engine, const Step& first,
                  std::size_t most) const;
  void look_ahead(Server& server, StepRun& run, const SlotEngine& engine, const Step& first,
                  std::size_t most) const;
  /// False when the step has to wait for what may happen before it ends.
  [[nodiscard]] bool append(StepRun& run, const RunStep& step) const;
  void schedule(const StepRun& run);
  [[nodiscard]] bool has_ended(Time now, const Server& server, const RunStep& step) const;
  [[nodiscard]] std::size_t steps_ended(Time now, const Server& server) const;
  void account_for(Server& server, std::size_t steps);
  void account_on(const Rank& rank, std::span<const RunStep> steps);
  void skip(Server& server, std::size_t steps);

  Kernel& kernel_;
  Fleet& fleet_;
  const Workload& workload_;
  SharedRuns& shared_;
  bool wanted_;
  std::vector<Kernel::Slot> boundaries_;
  Time boundary_{}, next_event_{};  // while a run begins
  double most_power_w_ = 0;         // likewise
  KnownWhere where_;                // likewise
  std::vector<Time> ends_;          // scratch of skip
};

}  // namespace gpushare
