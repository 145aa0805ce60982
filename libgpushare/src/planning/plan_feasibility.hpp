#pragma once

#include <map>
#include <string>

#include "planning/plan_staging.hpp"

/// Whether configs may stand where they are: memory, isolation, and what is offered at what they can serve at most.
namespace gpushare::planning {

class PlanFeasibility {
 public:
  PlanFeasibility(const PlanSpace& space, const PlanStaging& staging) : space_(space), staging_(staging) {}

  /// Under some way of sharing.
  [[nodiscard]] bool possible(const Config& config);
  /// What stands in the way of one; empty: nothing.
  [[nodiscard]] std::string obstacle(const Config& config, const Way& way) const;
  /// Offered load of a config's busiest resource over what it can serve, by the analytic bounds; of several the sum.
  [[nodiscard]] double load(const Config& config);

 private:
  [[nodiscard]] bool fits(const Config& config);
  [[nodiscard]] double offered(const Config& config, const Way& way) const;

  const PlanSpace& space_;
  const PlanStaging& staging_;
  std::map<Config, bool> fits_;  // with one replica of each: memory does not depend on the load
  std::map<Config, bool> possible_;
  std::map<Config, double> loads_;
};

}  // namespace gpushare::planning
