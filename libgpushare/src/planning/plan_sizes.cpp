#include "planning/plan_sizes.hpp"

#include <algorithm>
#include <numeric>

namespace gpushare::planning {
namespace {

constexpr int kMoreReplicas = 2;  // beyond those that surely suffice alone

}  // namespace

std::vector<int> PlanSizes::replicas(int service) {
  int least = 0, most = 0;
  why_.clear();
  for (int kind = 0; kind < static_cast<int>(space_.kinds().size()); ++kind) {
    const int enough = fewest(service, kind);
    if (enough == 0) continue;
    least = least == 0 ? enough : std::min(least, enough);
    int clear = enough;
    const int ranks = space_.ranks()[static_cast<std::size_t>(service)];
    const int limit = std::min(space_.gpus() / ranks, enough + std::max(2, enough / 2));
    while (clear < limit && met(service, kind, clear) != Met::yes) ++clear;
    most = std::max(most, clear);
  }
  if (least == 0) return {};
  trials_.set_enough(service, least);
  std::vector<int> options(static_cast<std::size_t>(most + kMoreReplicas - least + 1));
  std::iota(options.begin(), options.end(), least);
  return options;
}

// Doubles until there are enough, then halves the interval; 0: all GPUs of all kinds would not be.
int PlanSizes::fewest(int service, int kind) {
  const int most = space_.gpus() / space_.ranks()[static_cast<std::size_t>(service)];
  int low = 0, high = 1;
  while (high <= most && met(service, kind, high) == Met::no) {
    low = high;
    high = high < most ? std::min(2 * high, most) : most + 1;
  }
  if (high > most) return 0;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (met(service, kind, middle) == Met::no ? low : high) = middle;
  }
  return high;
}

Met PlanSizes::met(int service, int kind, int replicas) {
  const Config config{{kind, {}, space_.ranks()[static_cast<std::size_t>(service)]}, {{service, replicas}}};
  const auto known = known_.find(config);
  if (known != known_.end()) return known->second;
  const Met met = trials_.config(config);
  if (met == Met::no) why_ = space_.name_of(config) + ": " + trials_.why(config);
  return known_[config] = met;
}

}  // namespace gpushare::planning
