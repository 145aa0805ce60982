#pragma once

#include <vector>

#include "gpushare/bounds.hpp"

namespace gpushare::planning {

/// The least that any step of a process suffers from a pressure, and the least that it presses. Zeros: nothing is known.
struct MildestInterference {
  double susceptibility = 0;
  double pressure = 0;
  double slip = 0;  ///< the most that its kernels slip in
};

/// Of the steps of a service's process under MPS; `capped`: some process of the partition has a cap.
[[nodiscard]] MildestInterference mildest_interference(const Service& service, const VisitSizes& sizes,
                                                       const ProcessSite& site, const MemoryNeed& memory,
                                                       bool capped);

/// What a process brings: seconds on the GPU for each second, alone.
struct MpsLoad {
  double busy = 0;
  MildestInterference mildest;
};
/// How far all loads could grow together. While a set A of processes runs, each of them goes at
/// 1 / (1 + s_i sum of d_j over the others of A) at most, where one kernel as long as all of theirs would press so, and the
/// work of each is done in a mix of such sets: so for any weights y_i, sum of y_i busy_i is at most the largest sum of
/// y_i rate_i over the sets.
[[nodiscard]] double mps_factor(const std::vector<MpsLoad>& loads);

}  // namespace gpushare::planning
