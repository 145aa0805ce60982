#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gpushare/mig.hpp"
#include "gpushare/profile.hpp"

namespace gpushare {

/// What a step does.
enum class StepPhase : std::uint8_t {
  batch,    ///< a batch of any network
  chunk,    ///< a chunk of speech recognition
  text,     ///< speech synthesis: text encoding
  frame,    ///< speech synthesis: one codec frame
  vocode,   ///< speech synthesis: frames to sound
  prefill,  ///< an LLM's prompts only
  decode,   ///< an LLM's next tokens only
  mixed     ///< both in one iteration
};

/// Kernels that share one bottleneck: t = (floor^p + compute^p + memory^p)^(1/p).
///
/// p = 1 adds the terms (the form that fits published MIG tables best), p = 2 is a smooth maximum (matrix products
/// around the knee of the roofline).
struct OperatorGroup {
  double floor_s = 0;  ///< launch- and latency-bound time on an A100, the same on any partition
  double flop = 0;
  double bytes = 0;                 ///< HBM traffic when nothing is found in L2
  double flop_efficiency = 1;       ///< of the peak rate of the precision
  double bandwidth_efficiency = 1;  ///< of the peak bandwidth
  double working_set_bytes = 0;     ///< what is read again, and found in L2 as far as it fits
  double reuse = 0;                 ///< share of `bytes` that the working set saves when it fits L2 whole
  Precision precision = Precision::fp16;
  std::uint8_t norm = 1;  ///< p: 1 or 2
  bool of_llm = false;    ///< a language model's, whose latency-bound time the profile may know by itself
};

/// Work handed to the GPU in one go, in units of the work and not of any card.
struct Demand {
  double host_before_s = 0;  ///< CPU time before the launch; the GPU is free for others meanwhile
  double host_after_s = 0;   ///< CPU time after the wait
  double launch_s = 0;  ///< CPU time of the launches, beside the GPU's work: the step lasts at least so long
  double eager_launch_s =
      0;                  ///< of launch_s: of kernels that are launched one by one, outside of CUDA graphs
  double pcie_bytes = 0;  ///< copied before the launch; the copies of a card's processes share its link
  std::array<OperatorGroup, 3> groups{};
  std::uint8_t group_count = 0;
  std::vector<OperatorGroup> further;  ///< groups beyond those, of steps that run several networks
  int segments = 1;    ///< equal parts that depend on each other through the host: each gives the GPU away
  double kernels = 1;  ///< launches; with the step's time they give the mean kernel length
  bool one_launch =
      false;  ///< the kernels are one CUDA graph: under time-slicing its slice is not renewed meanwhile
  double fixed_gpu_s = 0;  ///< GPU time that is known as such: of synthetic services, of all-reduces
  double fixed_sm_share = 0, fixed_bandwidth_share = 0;  ///< of the whole card, that it keeps busy meanwhile
  double collective_s = 0;  ///< of fixed_gpu_s: in all-reduces, which leave the GPU to others
  double collectives = 0;   ///< of the kernels: all-reduces

  void add(const OperatorGroup& group) {
    if (group_count < groups.size()) {
      groups[group_count++] = group;
    } else {
      further.push_back(group);
    }
  }
  /// What another network does `times` over in the same step, beside what is here.
  void add(const Demand& other, double times);
  /// The host launches each kernel by itself, in so long.
  void launch_one_by_one(double kernel_s) {
    launch_s += kernels * kernel_s;
    eager_launch_s += kernels * kernel_s;
  }
};

/// What a process may use of a partition.
struct Resources {
  double sms = 0;
  double bandwidth_bytes_per_s = 0;  ///< theoretical rate it can draw at most
  double l2_bytes = 0;
  double partition_bytes_per_s = 0;  ///< bandwidth of the whole partition; 0: as what it can draw
  double kernel_s =
      0;  ///< that each kernel takes more, or less, than in a process that has the card to itself

  friend bool operator==(const Resources&, const Resources&) = default;
};

/// The resources of a whole partition, or of `sm_cap` of its SMs under MPS; bandwidth follows the profile's curve for few SMs.
[[nodiscard]] Resources resources_of(const GpuProfile& profile, const Partition& partition, int sm_cap = 0);

/// Time of a step alone on given resources, and what it uses.
struct StepTime {
  double gpu_s = 0;           ///< on the GPU, from first to last kernel
  double memory_s = 0;        ///< of which bound by bandwidth
  double compute_s = 0;       ///< of which bound by the FLOP rate
  double peak_compute_s = 0;  ///< what its FLOP would take at the peak rate of its SMs
  double saturating_s = 0;    ///< in which it fills the SMs, or the bandwidth that kernels reach at most
  double held_s = 0;          ///< in which its kernels hold the SMs, though they may wait
  double flop = 0;
  double bytes = 0;         ///< HBM traffic after L2
  double floor_s = 0;       ///< of gpu_s, latency
  double filled_s = 0;      ///< of a fixed time: in which it fills its SMs, while it may draw bandwidth too
  double collective_s = 0;  ///< of gpu_s, in all-reduces
};
[[nodiscard]] StepTime step_time(const Demand& demand, const GpuProfile& profile, const Resources& resources);

}  // namespace gpushare
