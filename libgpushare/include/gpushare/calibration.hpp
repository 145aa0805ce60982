#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gpushare/profile.hpp"
#include "gpushare/sharing.hpp"

/// Measured runs to parameters, and the replay of measured co-runs.
namespace gpushare {

/// A fitted parameter.
struct Fitted {
  double value = 0;
  double standard_error = 0;  ///< from the residuals and the Jacobian; infinite where the data do not see it
  bool determined = true;     ///< false: the data hardly change with it, or it lies on its bound
};

// --- co-runs ----------------------------------------------------------------------------------------------------

/// A step as one client sees it alone, under the sharing that is replayed.
struct CoRunStep {
  double gpu_s = 0;
  double memory_s = 0;   ///< of which bound by bandwidth
  double compute_s = 0;  ///< of which bound by the FLOP rate
  double power_w = 0;    ///< draw above idle
  Interference interference;
  int kind = -1;           ///< row of CoRunSharing::pair_factors; -1: none
  bool one_launch = true;  ///< its slice is not renewed while it runs (time-slicing)
};

/// Steps in order, each `repeats` times in a row.
struct CoRunJob {
  struct Part {
    std::uint32_t step = 0;  ///< index into the client's steps
    std::uint32_t repeats = 1;
  };
  double arrival_s = 0;
  std::vector<Part> parts;
};

/// A process that serves its jobs first come first served, one at a time, and waits for each step.
struct CoRunClient {
  std::vector<CoRunStep> steps;
  std::vector<CoRunJob> jobs;  ///< arrivals ascending
};

/// How the clients share the GPU.
struct CoRunSharing {
  SharingMode mode = SharingMode::exclusive;
  TimeSlicingConstants time_slicing;
  PowerConstants power;
  /// Corrections of pressure for kinds that were measured side by side: row the one that suffers, column the one that
  /// presses. Square, or empty.
  std::vector<double> pair_factors{};
};

/// A job served; times since its arrival, seconds.
struct CoRunRow {
  double arrival_s = 0;
  double wait_s = 0;   ///< until its first step began
  double first_s = 0;  ///< until its first step ended
  double done_s = 0;
};

/// The jobs that each client serves, in order. No job begins after `stop_after_s`.
/// Throws SimulationError on a job without steps or out of order, a step or kind out of range, or a draw without a limit.
[[nodiscard]] std::vector<std::vector<CoRunRow>> simulate_co_run(std::span<const CoRunClient> clients,
                                                                 const CoRunSharing& sharing,
                                                                 double stop_after_s);

/// Mean seconds of one step when each client repeats its step without pause for `horizon_s`, counted from the end of its
/// first one; `horizon_s` for a client that ends fewer than two. Throws SimulationError as above, or on a step of no time.
[[nodiscard]] std::vector<double> simulate_saturated(std::span<const CoRunStep> steps,
                                                     const CoRunSharing& sharing, double horizon_s);

// --- sharing constants from saturated groups --------------------------------------------------------------------

/// Two or more clients, each repeating one step without pause; one entry for each client.
struct SaturatedGroup {
  std::vector<int> kinds;        ///< index into the kinds that are fitted
  std::vector<double> alone_s;   ///< in the same mode, with the same SMs
  std::vector<double> shared_s;  ///< mean step time beside the others
  std::vector<double> sm_share;  ///< of the GPU; 1 without caps
};

/// What is known of a kind of step without a co-run: its model card, timed alone.
struct StepKind {
  double kernels = 1;
  double saturating_share = 0;  ///< of its time on the whole GPU: what more SMs or bandwidth would shorten
  double flop = 0;
  double bytes = 0;
  Precision precision = Precision::bf16;
};

/// Costs of time-slicing, and how much a step that draws more than the power limit gains beside one that does not.
struct TimeSlicingFit {
  Fitted switch_idle_s, switch_preempted_s, refill_s;
  Fitted throttle;                      ///< time of a power-limited step, saturated over unthrottled, less 1
  std::vector<double> relative_errors;  ///< predicted over measured less 1, for each client of each group
};
/// Steps above `kPowerLimitedShare` of the peak FLOP rate while alone count as power-limited.
[[nodiscard]] TimeSlicingFit fit_time_slicing(std::span<const SaturatedGroup> groups,
                                              std::span<const StepKind> kinds, const GpuProfile& profile,
                                              double slice_s);
inline constexpr double kPowerLimitedShare = 0.45;
/// Share of the peak FLOP rate that compute-bound steps reach: what is beyond it of a step's rate is all compute.
inline constexpr double kReachableFlopShare = 0.6;

/// Pressure and susceptibility of each kind, rate_i = 1 / (1 + s_i * sum of the others' d). With caps
/// d = launch + sm_share / 0.5 * proportional; without, d = launch.
struct InterferenceFit {
  std::vector<Fitted> susceptibility, launch, proportional;
  std::vector<double> relative_errors;  ///< as in TimeSlicingFit
};
/// The profile's power limit slows compute-bound steps that run side by side; the fit does not count that as pressure.
[[nodiscard]] InterferenceFit fit_interference(std::span<const SaturatedGroup> groups,
                                               std::span<const StepKind> kinds, const GpuProfile& profile,
                                               bool capped);

/// The laws that predict both numbers of a kind from its card; standard errors in the order of the law's fields.
struct UncappedLawFit {
  UncappedLaw law;
  std::vector<Fitted> parameters;
  std::vector<double> relative_errors;
};
struct CappedLawFit {
  CappedLaw law;
  std::vector<Fitted> parameters;
  std::vector<double> relative_errors;
};
[[nodiscard]] UncappedLawFit fit_uncapped_law(std::span<const SaturatedGroup> groups,
                                              std::span<const StepKind> kinds, const GpuProfile& profile);
[[nodiscard]] CappedLawFit fit_capped_law(std::span<const SaturatedGroup> groups,
                                          std::span<const StepKind> kinds, const GpuProfile& profile);

/// What a kind looks like to its neighbours when one of its steps takes `alone_s` on a share of the GPU's SMs.
[[nodiscard]] StepCharacter step_character(const StepKind& kind, const GpuProfile& profile, double alone_s,
                                           double sm_share);
/// Its draw above idle, watts.
[[nodiscard]] double step_draw_w(const StepKind& kind, const GpuProfile& profile, double alone_s);

/// The step as a client of a co-run that takes `alone_s` on a share of the SMs; its interference by the profile's law.
[[nodiscard]] CoRunStep predict_co_run_step(const StepKind& kind, const GpuProfile& profile, double alone_s,
                                            double sm_share, bool capped);

// --- step demands -----------------------------------------------------------------------------------------------

/// One row of a step table.
struct MeasuredStep {
  double flop = 0;
  double bytes = 0;
  double sms = 0;
  double gpu_s = 0;     ///< back to back
  double synced_s = 0;  ///< with one wait a step
};

/// gpu_s = floor + flop / (efficiency * peak of its SMs) + bytes / (efficiency * bandwidth that its SMs reach).
struct StepDemandFit {
  Fitted floor_s, flop_efficiency, bandwidth_efficiency;
  Fitted host_s;                        ///< mean of synced_s - gpu_s, at least 0
  std::vector<double> relative_errors;  ///< of gpu_s
};
[[nodiscard]] StepDemandFit fit_step_demand(std::span<const MeasuredStep> rows, const GpuProfile& profile,
                                            Precision precision);

}  // namespace gpushare
