#pragma once

#include "planning/plan_search.hpp"
#include "planning/plan_trials.hpp"

/// What a plan says beside its placement.
namespace gpushare::planning {

/// What fails, and what misses its bound by least.
void tell_rejected(const PlanSpace& space, const PlanTrials& trials, Plan& plan);
[[nodiscard]] Alternative alternative(const PlanSpace& space, const Packed& packed);
/// What breaks first under more load, and what the rules of thumb say; until it is cancelled.
void look_around(const PlanSpace& space, PlanTrials& trials, const Packed& packed, Plan& plan);

}  // namespace gpushare::planning
