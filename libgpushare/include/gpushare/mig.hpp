#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/profile.hpp"

namespace gpushare {

/// One GPU instance of a layout.
struct Instance {
  int profile = 0;  ///< index into GpuProfile::mig
  int start = 0;    ///< first memory slot
  /// Compute instances inside it, in compute slices; empty means one that takes all of them.
  std::vector<int> compute_instances;

  friend bool operator==(const Instance&, const Instance&) = default;
};

/// How one GPU is cut. No instances: the whole GPU with MIG off. Instances are sorted by start.
struct Layout {
  std::vector<Instance> instances;

  [[nodiscard]] bool whole() const { return instances.empty(); }
  friend bool operator==(const Layout&, const Layout&) = default;
};

/// What enumeration may use.
struct LayoutOptions {
  bool double_memory = false;  ///< also the 1g profiles with twice the memory
  bool before_r510 = false;    ///< drivers before R510 refuse 4g beside 3g
};

/// Layouts to which no instance can be added, one for each set of placements, largest instances first (19 on A100).
[[nodiscard]] std::vector<Layout> maximal_layouts(const GpuProfile& profile, LayoutOptions options = {});
/// The maximal layouts that differ in their multiset of profiles; each with its first placement (14 on A100).
[[nodiscard]] std::vector<Layout> maximal_multisets(const GpuProfile& profile, LayoutOptions options = {});
/// Every legal state, the empty one included (298 on A100).
[[nodiscard]] std::vector<Layout> all_states(const GpuProfile& profile, LayoutOptions options = {});

/// Why a card is not cut: "Tesla T4 has no MIG (source)", or "MIG is not described in the profile of ..."; empty where it
/// has instances.
[[nodiscard]] std::string why_uncut(const GpuProfile& profile);

/// "whole", "3g.40gb@0+3g.40gb@4", "3g.40gb+3g.40gb" (starts are found), "7x1g.10gb", "3g+1g+me" (the plain profile
/// with that many slices on any card), and compute instances as "3g.40gb@0(1c,2c)". As NVIDIA's tools write it: "9:0,9:4"
/// and "19,19,14" (ids), "MIG 3g.40gb", "nvidia.com/mig-1g.10gb.me", "1g.10gb:7" and "1g.10gb*7" (counts),
/// "all-1g.10gb", "all-balanced", "all-disabled", "1c.3g.40gb" (compute instances, which share instances while they fit).
/// Instances without a start are placed the biggest first, each as low as the others allow. Throws LayoutError that says
/// which spans clash or which profiles exist.
[[nodiscard]] Layout parse_layout(const GpuProfile& profile, std::string_view text);
/// The inverse: "3g.40gb@0+3g.40gb@4", "whole".
[[nodiscard]] std::string format_layout(const GpuProfile& profile, const Layout& layout);
/// Without starts and grouped: "3g.40gb+3g.40gb", "7x1g.10gb".
[[nodiscard]] std::string short_name(const GpuProfile& profile, const Layout& layout);
/// Throws LayoutError when the instances overlap, start where they must not, exceed a profile's count or use two media extensions.
void check_layout(const GpuProfile& profile, const Layout& layout, LayoutOptions options = {});

/// A part that owns SMs, bandwidth, L2 and memory: the whole GPU, a GPU instance, or a compute instance
/// (which owns SMs and shares the rest of its GPU instance).
struct Partition {
  std::string name;       ///< "whole", "3g.40gb@4", "3g.40gb@4/1c.0"
  int memory_domain = 0;  ///< partitions with equal numbers share memory, L2 and bandwidth
  int sms = 0;
  double bandwidth_bytes_per_s = 0;  ///< theoretical peak of its memory slices
  double l2_bytes = 0;
  double memory_bytes = 0;  ///< usable; of the whole domain
  double nominal_memory_bytes = 0;
  int copy_engines = 0;
  int decoders = 0;
};

/// What kind of instance it is: "3g.40gb" of "3g.40gb@4".
[[nodiscard]] std::string instance_name(const Partition& partition);
/// The number of the partition of that name; their size where there is none.
[[nodiscard]] std::size_t index_of(const std::vector<Partition>& partitions, std::string_view name);
/// The partitions of a GPU cut that way, by start. Throws LayoutError as check_layout does.
[[nodiscard]] std::vector<Partition> partitions(const GpuProfile& profile, const Layout& layout);

/// A GPU that is cut, with its partitions. It does not change, so that placements share it.
struct CutGpu {
  std::shared_ptr<const GpuProfile> profile;
  Layout layout;
  std::vector<Partition> partitions;
};
/// Throws LayoutError as check_layout does.
[[nodiscard]] std::shared_ptr<const CutGpu> cut_gpu(std::shared_ptr<const GpuProfile> profile,
                                                    Layout layout = {});

}  // namespace gpushare
