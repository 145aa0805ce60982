#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/provenance.hpp"

namespace gpushare {

/// Arithmetic formats that a profile gives a FLOP rate for (dense tensor-core rates where the format has them).
enum class Precision : std::uint8_t { fp64, fp32, tf32, fp16, bf16, fp8, int8, int4 };
inline constexpr std::size_t kPrecisionCount = 8;
[[nodiscard]] std::string_view to_string(Precision precision);

/// A GPU-instance profile: a row of `nvidia-smi mig -lgip`.
struct MigProfile {
  std::string name;  ///< "3g.40gb"
  int id = 0;        ///< as nvidia-smi numbers it
  int compute_slices = 0;
  int memory_slices = 0;
  std::vector<int> starts;  ///< legal first memory slots
  int max_count = 0;
  int sms = 0;
  double memory_bytes = 0;          ///< usable, the smallest listing known
  double nominal_memory_bytes = 0;  ///< as in the name, for allocation accounting: 40e9
  double l2_fraction = 0;
  double bandwidth_fraction = 0;
  int copy_engines = 0;
  int decoders = 0;
  int jpeg_engines = 0;
  int optical_flow_engines = 0;
  bool media_extension = false;  ///< "+me"
  bool double_memory = false;    ///< 1g with the memory of 2g
};

/// Constants of the driver's time-slicing; the profiles name the measurements.
struct TimeSlicingConstants {
  double slice_s = 0;
  double switch_preempted_s = 0;  ///< hand-over when the outgoing process still had work
  double switch_idle_s = 0;       ///< hand-over when it had gone idle
  double refill_s = 0;  ///< more on a hand-over from a pre-empted step, times its memory-bound share
  double kernel_saving_s =
      0;  ///< that a kernel follows the one before sooner than where one process has the card
};

/// Constants of MPS without caps: kernels of different clients take turns wherever they fill the machine.
///
/// With mean kernel time t and u the share of a step's time in which more SMs or bandwidth would help it,
/// u' = u + (1 - u) * min(1, launch_s / t) and T = (t u' / 10 us)^exponent, a step presses by d = T and suffers by
/// s = u' / T. So two equal clients take floor + 2 * work, n of them n times as long where they fill the machine, and a
/// long kernel makes a short one wait; but blocks of a long kernel end unevenly, and the shorter a kernel is beside it,
/// the more of them slip in there: `slip` of Interference.
struct UncappedLaw {
  double launch_s = 0;  ///< of each kernel, that the clients pass one after the other
  double exponent = 1;
  double slip = 0;  ///< up to 1, so that longer kernels press more; 0: none slips in
};

/// Constants of MPS with caps: clients own their SMs and meet in bandwidth, L2 and the launch path.
///
/// A step presses by d = launch + (a / 0.5) * (bandwidth * u + compute * c), where a is its share of the partition's
/// SMs, u its share of the saturated bandwidth and c its share of the FLOP rate of its SMs while it runs alone. It
/// suffers by s = (t / 10 us)^s_exponent * exp(s_bandwidth * u), with t its mean kernel time.
struct CappedLaw {
  double launch = 0, bandwidth = 0, compute = 0, s_exponent = 0, s_bandwidth = 0;
};

/// Constants of MPS; the profiles name the measurements.
struct MpsConstants {
  int max_clients = 0;
  int sm_granularity = 0;  ///< caps are rounded down to a multiple of this many SMs
  double kernel_s = 0;     ///< that a client's kernel follows the one before later than without MPS
  UncappedLaw uncapped;
  CappedLaw capped;
};

/// What an all-reduce between GPUs of one host costs; the profiles name the measurements. Zeros: not known.
struct InterconnectConstants {
  double latency_s = 0;
  double bandwidth_bytes_per_s =
      0;  ///< that a GPU sends at while it receives as much (bus bandwidth of nccl-tests)
  double one_shot_latency_s = 0;  ///< where each GPU reads all others' numbers at once; 0: none does

  friend bool operator==(const InterconnectConstants&, const InterconnectConstants&) = default;
};

/// What running work draws above that of a card that stands by.
///
/// When steps would draw more than the limit leaves, the clock falls by (left / draw)^(1 / clock_exponent), and what is
/// bound by arithmetic or latency with it. With `averaging_s` it follows the mean draw of late, of a step alone too;
/// otherwise the draw of steps side by side at once, and a step's time alone holds its own throttling.
struct PowerConstants {
  double limit_w = 0;
  double idle_w = 0;     ///< without a process
  double ready_w = 0;    ///< with one that does nothing: its clocks are up; 0: as idle
  double active_w = 0;   ///< of the whole GPU's SMs while arithmetic binds them, at whatever rate, full clock
  double compute_w = 0;  ///< on top of that at the peak FLOP rate
  double bandwidth_w = 0;  ///< at the peak HBM bandwidth
  double clock_exponent = 1;
  double averaging_s = 0;  ///< time constant of the mean; 0: there is none

  [[nodiscard]] double standby_w() const { return ready_w > 0 ? ready_w : idle_w; }
  /// Above standing by.
  [[nodiscard]] double left_w() const { return limit_w - standby_w(); }
  /// Above standing by at full clock, of shares of its SMs that arithmetic binds, of its peak FLOP rate and bandwidth.
  [[nodiscard]] double draw_w(double active, double compute, double bandwidth) const {
    return active * active_w + compute * compute_w + bandwidth * bandwidth_w;
  }
  /// Whether it says what work draws.
  [[nodiscard]] bool known() const { return compute_w > 0 || bandwidth_w > 0; }
};

/// A GPU model, read from profiles/*.json.
struct GpuProfile {
  std::string name;   ///< "a100"
  std::string title;  ///< "NVIDIA A100-SXM4-80GB"
  int sms = 0;
  double clock_hz = 0;
  std::array<double, kPrecisionCount> flop_per_s{};  ///< 0: not supported
  /// What kernels reach of the bandwidth, of what they reach on the card that models state their efficiencies for, an A100.
  double relative_bandwidth_efficiency = 1;
  /// Likewise, latency-bound time of language models; 0: as the SM clocks have it, which all others' follows.
  double relative_llm_latency = 0;
  /// Kernels on more than this share of the SMs are no faster than on this. Of what they reach on an A100.
  double sustained_flop_share = 1;
  /// Likewise those of language models; 0: as all others.
  double sustained_llm_flop_share = 0;
  /// What kernels reach of the bandwidth at most: what one leaves of that, others can draw under MPS.
  double most_bandwidth_share = 0.9;
  double memory_bytes = 0;           ///< usable with MIG off
  double nominal_memory_bytes = 0;   ///< 80e9, for allocation accounting
  double bandwidth_bytes_per_s = 0;  ///< theoretical peak
  /// Share of the saturated bandwidth that a share of the SMs can draw: ascending (SM share, bandwidth share).
  std::vector<std::array<double, 2>> bandwidth_by_sm_share;
  double l2_bytes = 0;
  double pcie_bytes_per_s = 0;  ///< achieved, host to device
  double context_bytes = 0;     ///< memory taken by each process's CUDA context
  InterconnectConstants interconnect;
  PowerConstants power;
  int copy_engines = 0;
  int decoders = 0;
  int memory_slots = 0;      ///< MIG lattice width; 0: no MIG, or it is not described
  bool without_mig = false;  ///< the card has none; its source is in the provenance
  int mig_sms = 0;           ///< SMs usable with MIG on in the largest instance
  std::vector<MigProfile> mig;
  TimeSlicingConstants time_slicing;
  MpsConstants mps;
  std::vector<ProvenanceEntry> provenance;
  std::string
      carried_from;    ///< the profile whose figures stand in for those that this card was not measured for
  std::string origin;  ///< the name or path it was loaded by; empty: it was parsed, or made by hand

  /// What latency-bound time takes on this card, of what it takes on the A100 that models state it for.
  [[nodiscard]] double latency_share() const;
  [[nodiscard]] double llm_latency_share() const;
  [[nodiscard]] double llm_flop_share() const {
    return sustained_llm_flop_share > 0 ? sustained_llm_flop_share : sustained_flop_share;
  }
  [[nodiscard]] double flops(Precision precision) const {
    return flop_per_s[static_cast<std::size_t>(precision)];
  }
};

/// The bandwidth share that `sm_share` of the SMs reaches, by linear interpolation of the profile's curve through (0, 0).
[[nodiscard]] double reachable_bandwidth_share(const GpuProfile& profile, double sm_share);

/// Reads a profile by file path, or by name ("a100", "a100-40gb", "a30", "h100", "h200") from the profile folders.
/// Throws ProfileError with file and JSON pointer.
[[nodiscard]] GpuProfile load_profile(const std::string& name_or_path);
[[nodiscard]] GpuProfile parse_profile(std::string_view json, const std::string& source = {});
/// The JSON document that load_profile reads, what it carries over from another card included; the keys come sorted.
[[nodiscard]] std::string profile_document(const std::string& name_or_path);
/// The cards of a cloud's machine, by their profile where there is one: "a100-40gb" of "p4d.24xlarge"; empty for other names.
[[nodiscard]] std::string profile_of_machine(std::string_view machine);
/// Names of the profiles that load_profile finds, ascending.
[[nodiscard]] std::vector<std::string> profile_names();

}  // namespace gpushare
