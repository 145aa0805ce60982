#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/demand.hpp"
#include "gpushare/profile.hpp"

namespace gpushare {

enum class SharingMode : std::uint8_t { exclusive, time_slicing, mps };
inline constexpr std::size_t kSharingModeCount = 3;
[[nodiscard]] std::string_view to_string(SharingMode mode);
/// Their names, in the order of the enumeration.
[[nodiscard]] const std::vector<std::string>& sharing_modes();

/// Whose turn it is under time-slicing. Fair: in proportion to weights, whoever has work. Strict: at most a fraction of
/// every plan, also when the GPU is free.
enum class SlicePolicy : std::uint8_t { round_robin, fair, strict };
[[nodiscard]] std::string_view to_string(SlicePolicy policy);
/// Their names, in the order of the enumeration.
[[nodiscard]] const std::vector<std::string>& slice_policies();

/// How the processes of one partition share it. Times below zero take the profile's constants.
struct Sharing {
  SharingMode mode = SharingMode::exclusive;
  double slice_s = -1;             ///< time-slicing; 0 is the limit of ideal processor sharing
  double switch_preempted_s = -1;  ///< hand-over from a process that still had work
  double switch_idle_s = -1;       ///< hand-over from a process that had gone idle
  SlicePolicy policy = SlicePolicy::round_robin;
  // As Run:ai's time-slicing has them by default (run-ai/docs, GPU-time-slicing-scheduler, 0222156).
  double lease_s = 0.25;  ///< fair and strict: a turn while others wait; they have no slices
  double plan_s = 5;      ///< strict: of which fractions are

  friend bool operator==(const Sharing&, const Sharing&) = default;
};

/// SMs that an MPS client sees under CUDA_MPS_ACTIVE_THREAD_PERCENTAGE, rounded as the hardware does.
[[nodiscard]] int mps_sms(const GpuProfile& profile, int partition_sms, double active_thread_percentage);

/// A step's part in the interference law rate_i = 1 / (1 + susceptibility_i * P_i), P_i the pressure of the others.
///
/// One neighbour leaves gaps between its kernels; several that fill the machine close each other's, and a short kernel
/// waits for all of them: P_i = g_i sum_j d_j + (1 - o_i) * sum_{j != k} o_j d_j o_k d_k / sum_j d_j over the others, with
/// o the occupancy. (Found on groups of three and four clients without caps on one H200; with caps o is 0.) Beside
/// kernels longer than its own, q_i = s_i sum_j d_j^2 / sum_j d_j > 1, a step's kernels slip in where their blocks end:
/// g_i = 1 / sqrt(1 + slip_i * (q_i - 1)), otherwise 1. Of kernels that hold the SMs while they wait for memory, others that
/// wait for memory too draw what is left of it, and those that compute find no SMs: for a step of which a share a_i of what
/// fills the machine is arithmetic, d_j is d_j + a_i h_j. (Found on decodes of a language model beside networks.)
struct Interference {
  double susceptibility = 0;
  double pressure = 0;
  double occupancy = 0;   ///< share of its time in which it fills the machine
  double slip = 0;        ///< how readily its kernels slip in where those of longer ones end; 0: they wait
  double held = 0;        ///< h: pressure beyond d on arithmetic, of kernels that hold the SMs and wait
  double arithmetic = 0;  ///< a: of the time that it fills the machine, how much it computes
};

/// What a step looks like to its neighbours while it runs alone on its SMs.
struct StepCharacter {
  double mean_kernel_s = 0;     ///< its time over its kernels
  double saturating_share = 0;  ///< of its time: what more SMs or bandwidth would shorten
  double bandwidth_share = 0;   ///< of the partition's bandwidth
  double compute_share = 0;     ///< of the FLOP rate of its SMs
  double sm_share = 1;          ///< its SMs of the partition's
  double held_share =
      0;  ///< of its time, in which kernels hold the SMs; 0: not known, or launched one by one, with gaps
  double arithmetic_share = 0;  ///< of the time that more SMs or bandwidth would shorten, what SMs would
};
/// Of a step on `sm_share` of the SMs of a partition with that bandwidth, outside of its all-reduces.
[[nodiscard]] StepCharacter character_of(const StepTime& alone, const Demand& demand,
                                         double bandwidth_bytes_per_s, double sm_share);
/// The share of the SMs that CappedLaw and fitted pressures refer to.
inline constexpr double kReferenceShare = 0.5;
/// The mean kernel time, s, that both laws refer to.
inline constexpr double kReferenceKernelS = 10e-6;
/// A step's part predicted from its character, under MPS with or without caps.
[[nodiscard]] Interference predict_interference(const UncappedLaw& law, const StepCharacter& step);
[[nodiscard]] Interference predict_interference(const CappedLaw& law, const StepCharacter& step);

}  // namespace gpushare
