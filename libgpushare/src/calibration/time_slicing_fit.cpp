#include <algorithm>
#include <cmath>

#include "calibration/least_squares.hpp"
#include "calibration/saturated.hpp"

namespace gpushare {
namespace {

using Vector = Eigen::VectorXd;

// A run long enough that the step in progress at its end hardly matters.
constexpr double kStepsOfLongest = 60;

/// A group as it is replayed: who draws more than the limit alone, and gains beside one that does not.
struct Replay {
  std::vector<CoRunStep> steps;
  std::vector<bool> unthrottled;
  double horizon_s = 0;
};

Replay replay_of(const SaturatedGroup& group, std::span<const StepKind> kinds, const GpuProfile& profile) {
  Replay replay;
  std::vector<bool> limited;
  double longest = 0;
  for (std::size_t i = 0; i < group.kinds.size(); ++i) {
    const StepKind& kind = kinds[static_cast<std::size_t>(group.kinds[i])];
    const StepCharacter step = step_character(kind, profile, group.alone_s[i], 1);
    replay.steps.push_back(
        {group.alone_s[i], std::min(1.0, step.bandwidth_share) * group.alone_s[i], 0, 0, {}});
    limited.push_back(step.compute_share > kPowerLimitedShare);
    longest = std::max(longest, group.alone_s[i]);
  }
  const bool all_limited = std::all_of(limited.begin(), limited.end(), [](bool one) { return one; });
  for (const bool one : limited) replay.unthrottled.push_back(one && !all_limited);
  replay.horizon_s = kStepsOfLongest * longest * static_cast<double>(group.kinds.size());
  return replay;
}

CoRunSharing sharing_of(const GpuProfile& profile, double slice_s, const Vector& x) {
  CoRunSharing sharing;
  sharing.mode = SharingMode::time_slicing;
  sharing.time_slicing = {slice_s, x[1], x[0], x[2]};
  sharing.power = profile.power;
  return sharing;
}

}  // namespace

TimeSlicingFit fit_time_slicing(std::span<const SaturatedGroup> groups, std::span<const StepKind> kinds,
                                const GpuProfile& profile, double slice_s) {
  check_groups(groups, kinds);
  std::vector<Replay> replays;
  for (const SaturatedGroup& group : groups) replays.push_back(replay_of(group, kinds, profile));
  LeastSquaresProblem search;
  search.difference = 0.02;
  search.start = Vector{{0.14e-3, 0.2e-3, 0.03e-3, 0.05}};
  search.lower = Vector{{0, 0, 0, 0}};
  search.upper = Vector{{2e-3, 2e-3, 2e-3, 0.5}};
  search.scale = Vector{{0.1e-3, 0.1e-3, 0.1e-3, 0.1}};
  search.residuals = [&](const Vector& x) {
    Vector errors(static_cast<Eigen::Index>(client_count(groups)));
    Eigen::Index row = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      std::vector<CoRunStep> steps = replays[g].steps;
      for (std::size_t i = 0; i < steps.size(); ++i)
        if (replays[g].unthrottled[i]) steps[i].gpu_s /= 1 + x[3];
      const auto means = simulate_saturated(steps, sharing_of(profile, slice_s, x), replays[g].horizon_s);
      for (std::size_t i = 0; i < means.size(); ++i)
        errors[row++] = std::log(means[i] / groups[g].shared_s[i]);
    }
    return errors;
  };
  const auto found = least_squares(search);
  TimeSlicingFit fit{found.parameters[0], found.parameters[1], found.parameters[2], found.parameters[3], {}};
  for (const double error : found.residuals) fit.relative_errors.push_back(std::expm1(error));
  return fit;
}

}  // namespace gpushare
