#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "planning/covering.hpp"
#include "planning/plan_space.hpp"
#include "planning/plan_trials.hpp"

/// How many replicas of each service, in each of its forms, suffice on whole GPUs of their own.
namespace gpushare::planning {

class PlanSizes {
 public:
  PlanSizes(const PlanSpace& space, PlanTrials& trials) : space_(space), trials_(trials) {}

  /// What a service may be: in each form from the fewest replicas that may suffice on any kind of GPU to some more than
  /// surely do; nothing where none suffice.
  [[nodiscard]] std::vector<Tenant> tenants(int service);
  /// The fewest replicas of a tenant's service and form that surely suffice alone.
  [[nodiscard]] int clear(const Tenant& tenant) const { return clear_.at({tenant.service, tenant.variant}); }
  /// Why no number of replicas suffices.
  [[nodiscard]] const std::string& why() const { return why_; }
  /// What was judged.
  [[nodiscard]] const std::map<Config, Met>& known() const { return known_; }

 private:
  [[nodiscard]] std::vector<Tenant> tenants(int service, int form);
  [[nodiscard]] int fewest(int kind, const Tenant& tenant);
  [[nodiscard]] Met met(int kind, Tenant tenant, int replicas);

  const PlanSpace& space_;
  PlanTrials& trials_;
  std::map<Config, Met> known_;
  std::map<std::pair<int, int>, int> clear_;  // by service and form
  std::string why_;
};

}  // namespace gpushare::planning
