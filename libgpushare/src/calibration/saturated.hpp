#pragma once

#include <span>

#include "gpushare/calibration.hpp"

namespace gpushare {

/// Share of a step's time that follows the clock.
[[nodiscard]] double compute_bound_share(const StepCharacter& step);

[[nodiscard]] std::size_t client_count(std::span<const SaturatedGroup> groups);
/// Throws CalibrationError that names the group.
void check_groups(std::span<const SaturatedGroup> groups, std::span<const StepKind> kinds);

/// A client's step time over its time alone when all clients of a group run without pause: interference first, then the
/// clock that their draw leaves. `interference` and `character` of each client.
[[nodiscard]] std::vector<double> saturated_slowdowns(std::span<const Interference> interference,
                                                      std::span<const StepCharacter> character,
                                                      std::span<const double> draw_w,
                                                      const PowerConstants& power);

}  // namespace gpushare
