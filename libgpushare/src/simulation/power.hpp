#pragma once

#include <cstdint>

#include "simulation/fleet.hpp"
#include "simulation/kernel.hpp"

namespace gpushare {

/// The power that the partitions of a GPU share: where it can lower the clock, and how far it does.
class Power {
 public:
  Power(Kernel& kernel, Fleet& fleet, const Workload& workload)
      : kernel_(kernel), fleet_(fleet), workload_(workload) {}

  /// Whether the GPU's present processes can together reach its limit; those that cannot do not feel each other.
  void bound(Time now, std::uint32_t gpu);
  /// Sets the clock by what its partitions draw now; they must have settled.
  void govern(Time now, std::uint32_t gpu);
  /// Sets the clock by the mean draw up to now.
  void follow(Time now, std::uint32_t gpu);

 private:
  /// Power above idle that the partition's processes can draw at most, W.
  [[nodiscard]] double largest_draw_w(std::uint32_t partition) const;
  [[nodiscard]] bool can_reach_limit(const GpuState& gpu) const;
  void set_clock(Time now, GpuState& gpu, double clock) {
    if (clock != gpu.clock) change_clock(now, gpu, clock);
  }
  void change_clock(Time now, GpuState& gpu, double clock);

  Kernel& kernel_;
  Fleet& fleet_;
  const Workload& workload_;
};

}  // namespace gpushare
