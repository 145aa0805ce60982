#pragma once

#include <array>
#include <vector>

#include "gpushare/demand.hpp"
#include "gpushare/placement.hpp"
#include "planning/latencies.hpp"
#include "sharing/contention.hpp"

namespace gpushare::planning {

/// What a process does to its neighbours while it has work on the GPU.
struct Presence {
  /// Steps of a kind: an LLM's iterations with prompts are another than those without.
  struct State {
    double share = 0;      ///< of the time
    double length_s = 0;   ///< of a step
    double pressure = 0;   ///< under MPS
    double occupancy = 0;  ///< under MPS
    double held = 0;       ///< likewise
    double hold_s = 0;     ///< of a turn under time-slicing
  };
  std::array<State, 2> states{};
  double idle_s = 0;       ///< how long it is away at a time
  double bytes_per_s = 0;  ///< that it would move alone
  double sms = 0;
  double slots_taken = 0;  ///< by sequences in their reply

  [[nodiscard]] double busy() const { return states[0].share + states[1].share; }
};

/// The neighbours of a process, and how long its steps take among them.
class Neighbourhood {
 public:
  Neighbourhood(const GpuProfile& gpu, const Partition& partition, const Sharing& sharing, bool capped);
  void add(const Presence& other);

  /// Seconds from a step's launch to its end on the GPU, of a process that has these resources.
  [[nodiscard]] double elapsed_s(const Demand& demand, const StepTime& alone,
                                 const Resources& resources) const {
    return elapsed_s(demand, alone, resources, mean_, 0.5);
  }
  /// How much longer or shorter that is, by what the neighbours happen to be at while a request of such steps waits and
  /// is served, which lasts about `span_s`.
  [[nodiscard]] std::vector<Luck> lucks(const Demand& demand, const StepTime& alone,
                                        const Resources& resources, double span_s) const;
  /// A kind of step as others see it.
  [[nodiscard]] Presence::State state(const Demand& demand, const StepTime& alone, const Resources& resources,
                                      double elapsed_s, double share) const;

 private:
  // What all neighbours do together.
  struct Together {
    Neighbours pressing;
    double processes = 0;  // that have work
    double holds_s = 0;    // of a turn of each of them
    double bytes_per_s = 0, sms = 0;
  };
  struct Case {
    double share = 1;
    Together together;
  };
  // A step, how long it takes on average, and how long a request of such steps.
  struct Asked {
    const Demand& demand;
    const StepTime& alone;
    const Resources& resources;
    double mean_s, span_s;
  };
  static void add_to(Together& all, const Presence& other, const Presence::State& state, double weight);
  static void add_to(Together& all, const Together& more, double weight);
  [[nodiscard]] std::vector<Case> cases_of(const Presence& other, const Asked& asked) const;
  [[nodiscard]] double elapsed_s(const Demand& demand, const StepTime& alone, const Resources& resources,
                                 const Together& others, double first) const;
  [[nodiscard]] Interference interference(const Demand& demand, const StepTime& alone,
                                          const Resources& resources) const;

  const GpuProfile& gpu_;
  const Partition& partition_;
  SharingMode mode_;
  bool capped_;
  double slice_s_, switch_s_;
  std::vector<Presence> others_;
  Together mean_;
};

}  // namespace gpushare::planning
