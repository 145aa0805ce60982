#include "planning/plan_sizes.hpp"

#include <algorithm>

namespace gpushare::planning {
namespace {

constexpr int kMoreReplicas = 2;  // beyond those that surely suffice alone

}  // namespace

std::vector<Tenant> PlanSizes::tenants(int service) {
  std::vector<Tenant> all;
  why_.clear();
  for (int form = 0; form < static_cast<int>(space_.forms(service).size()); ++form) {
    const std::vector<Tenant> found = tenants(service, form);
    if (all.empty() && !found.empty()) trials_.set_enough(found.front());
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

std::vector<Tenant> PlanSizes::tenants(int service, int form) {
  int least = 0, most = 0;
  Tenant tenant{service, 1, form};
  const int ranks = space_.workload().services[index(service)].tensor_parallel;
  for (int kind = 0; kind < space_.kinds(); ++kind) {
    const int enough = fewest(kind, tenant);
    if (enough == 0) continue;
    least = least == 0 ? enough : std::min(least, enough);
    int clear = enough;
    const int limit = std::min(space_.gpus() / ranks, enough + std::max(2, enough / 2));
    while (clear < limit && met(kind, tenant, clear) != Met::yes) ++clear;
    most = std::max(most, clear);
  }
  std::vector<Tenant> found;
  if (least == 0) return found;
  clear_[{service, form}] = most;
  for (tenant.replicas = least; tenant.replicas <= most + kMoreReplicas; ++tenant.replicas)
    found.push_back(tenant);
  return found;
}

// Doubles until there are enough, then halves the interval; 0: all GPUs of all kinds would not be.
int PlanSizes::fewest(int kind, const Tenant& tenant) {
  const int most = space_.gpus() / space_.workload().services[index(tenant.service)].tensor_parallel;
  int low = space_.spare(), high = 1 + space_.spare();
  while (high <= most && met(kind, tenant, high) == Met::no) {
    low = high;
    high = high < most ? std::min(2 * high, most) : most + 1;
  }
  if (high > most) return 0;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (met(kind, tenant, middle) == Met::no ? low : high) = middle;
  }
  return high;
}

Met PlanSizes::met(int kind, Tenant tenant, int replicas) {
  tenant.replicas = replicas;
  const int ranks = space_.workload().services[index(tenant.service)].tensor_parallel;
  const Config config{{kind, {}, ranks}, {tenant}};
  const auto known = known_.find(config);
  if (known != known_.end()) return known->second;
  const Met met = trials_.config(config);
  if (met == Met::no) why_ = space_.name_of(config) + ": " + trials_.why(config);
  return known_[config] = met;
}

}  // namespace gpushare::planning
