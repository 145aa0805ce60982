#include <algorithm>

#include "calibration/saturated.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
StepCharacter step_character(const StepKind& kind, const GpuProfile& profile, double alone_s,
                             double sm_share) {
  return {alone_s / std::max(1.0, kind.kernels), kind.saturating_share,
          kind.bytes / alone_s / profile.bandwidth_bytes_per_s,
          kind.flop / alone_s / (profile.flops(kind.precision) * sm_share), sm_share};
}

double step_draw_w(const StepKind& kind, const GpuProfile& profile, double alone_s) {
  const StepCharacter whole = step_character(kind, profile, alone_s, 1);
  const PowerConstants& power = profile.power;
  return std::min(power.left_w(),
                  power.draw_w(compute_bound_share(whole), whole.compute_share, whole.bandwidth_share));
}

CoRunStep predict_co_run_step(const StepKind& kind, const GpuProfile& profile, double alone_s,
                              double sm_share, bool capped) {
  const StepCharacter step = step_character(kind, profile, alone_s, sm_share);
  return {alone_s, alone_s * std::min(1.0, step.bandwidth_share), alone_s * compute_bound_share(step),
          step_draw_w(kind, profile, alone_s),
          capped ? predict_interference(profile.mps.capped, step)
                 : predict_interference(profile.mps.uncapped, step)};
}

double compute_bound_share(const StepCharacter& step) {
  return std::min(1.0, step.compute_share / kReachableFlopShare);
}

std::size_t client_count(std::span<const SaturatedGroup> groups) {
  std::size_t clients = 0;
  for (const SaturatedGroup& group : groups) clients += group.kinds.size();
  return clients;
}

void check_groups(std::span<const SaturatedGroup> groups, std::span<const StepKind> kinds) {
  if (groups.empty()) throw CalibrationError("groups", "expected at least one saturated group");
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const SaturatedGroup& group = groups[g];
    const auto where = "group " + std::to_string(g);
    const std::size_t clients = group.kinds.size();
    if (clients < 2 || group.alone_s.size() != clients || group.shared_s.size() != clients ||
        group.sm_share.size() != clients)
      throw CalibrationError(where, "expected the kind, both times and the SM share of two or more clients");
    for (std::size_t i = 0; i < clients; ++i) {
      if (group.kinds[i] < 0 || static_cast<std::size_t>(group.kinds[i]) >= kinds.size())
        throw CalibrationError(where, "kind " + std::to_string(group.kinds[i]) + " is not one of the kinds");
      if (!(group.alone_s[i] > 0) || !(group.shared_s[i] > 0) || !(group.sm_share[i] > 0))
        throw CalibrationError(where, "times and SM shares must be above zero");
    }
  }
}

}  // namespace gpushare
