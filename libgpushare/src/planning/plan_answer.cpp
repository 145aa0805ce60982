#include "planning/plan_answer.hpp"

#include <algorithm>
#include <tuple>

#include "gpushare/errors.hpp"
#include "planning/plan_advice.hpp"

namespace gpushare::planning {
namespace {

constexpr std::size_t kMostRejected = 10;
constexpr double kLoads[] = {1.1, 1.2, 1.5};

bool has_smaller(const Config& config, const std::map<Config, Trial>& failed) {
  return std::any_of(failed.begin(), failed.end(), [&](const auto& other) {
    return other.first != config && other.first.part == config.part &&
           harder(config.tenants, other.first.tenants);
  });
}

bool comes_first(const Config& a, const Config& b) {
  return std::tuple(!a.part.whole(), a.tenants.size()) < std::tuple(!b.part.whole(), b.tenants.size());
}

// The objective that is furthest beyond its bound, chance aside.
std::optional<Judged> missed_by(const Trial& trial) {
  const auto worst = std::max_element(trial.judged.begin(), trial.judged.end(), misses_by_less);
  if (worst == trial.judged.end() || worst->excess() <= 0) return std::nullopt;
  return *worst;
}

}  // namespace

void tell_rejected(const PlanSpace& space, const PlanTrials& trials, Plan& plan) {
  std::map<Config, Trial> failed = trials.simulated();
  std::erase_if(failed, [](const auto& one) { return one.second.met() != Met::no; });
  std::vector<Config> smallest;
  const Config* nearest = nullptr;
  for (const auto& [config, trial] : failed) {
    if (!has_smaller(config, failed)) smallest.push_back(config);
    if (nearest == nullptr || trial.excess() < failed.at(*nearest).excess()) nearest = &config;
  }
  std::stable_sort(smallest.begin(), smallest.end(), comes_first);
  smallest.resize(std::min(smallest.size(), kMostRejected));
  for (const Config& config : smallest) plan.rejected.push_back({space.name_of(config), trials.why(config)});
  if (nearest != nullptr) plan.nearest = RejectedConfig{space.name_of(*nearest), trials.why(*nearest)};
}

Alternative alternative(const PlanSpace& space, const Packed& packed) {
  Alternative other{{}, packed.cost, std::vector<int>(index(space.kinds()))};
  for (const Config& config : packed.configs())
    other.placement += (other.placement.empty() ? "" : "; ") + space.name_of(config);
  for (const Pattern& pattern : packed.patterns) other.gpus[index(pattern.kind)] += pattern.gpus;
  return other;
}

void look_around(const PlanSpace& space, PlanTrials& trials, const Packed& packed, Plan& plan) {
  try {
    for (const double load : kLoads) plan.breaks.push_back({load, missed_by(trials.under(packed, load))});
    plan.advice = advise(habits_of(space.workload(), trials.alone(packed)),
                         sharing_of(packed, trials.ways(), space.workload().objectives));
  } catch (const SimulationError&) {  // the plan is known
  }
}

}  // namespace gpushare::planning
