#include "planning/plan_feasibility.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "gpushare/bounds.hpp"

namespace gpushare::planning {
namespace {

bool has_users(const Workload& workload) {
  return std::any_of(workload.traffic.begin(), workload.traffic.end(),
                     [](const Traffic& traffic) { return traffic.kind == Traffic::Kind::closed; });
}

double load_of(const Scenario& scenario) {
  const double factor =
      load_bound(scenario.workload, service_traffic(scenario.workload), scenario.placement).factor;
  return factor > 0 ? 1 / factor : kNoBound;
}

// With as many replicas as there are tenants: the memory of a part is the same under any load.
Config without_load(Config config) {
  for (Tenant& tenant : config.tenants) tenant.replicas = static_cast<int>(config.tenants.size());
  return config;
}

}  // namespace

std::string PlanFeasibility::obstacle(const Config& config, const Way& way) const {
  std::string obstacle = staging_.obstacle(config, way);
  if (!obstacle.empty()) return obstacle;
  const double load = offered(config, way);
  return load > 1 ? text::format("offered {:.3g} times what it can serve", load) : std::string();
}

// Users who wait offer less than the bounds take them to; of them nothing is said.
double PlanFeasibility::offered(const Config& config, const Way& way) const {
  const Scenario scenario = staging_.alone(config, way);
  return has_users(scenario.workload) ? 0 : load_of(scenario);
}

bool PlanFeasibility::possible(const Config& config) {
  const auto known = possible_.find(config);
  if (known != possible_.end()) return known->second;
  bool possible = fits(config);
  if (possible) {
    const std::vector<Way> ways = space_.ways(config);
    possible =
        std::any_of(ways.begin(), ways.end(), [&](const Way& way) { return offered(config, way) <= 1; });
  }
  return possible_[config] = possible;
}

bool PlanFeasibility::fits(const Config& config) {
  const Config key = without_load(config);
  const auto known = fits_.find(key);
  if (known != fits_.end()) return known->second;
  const std::vector<Way> ways = space_.ways(key);
  return fits_[key] = std::any_of(ways.begin(), ways.end(),
                                  [&](const Way& way) { return staging_.obstacle(key, way).empty(); });
}

double PlanFeasibility::load(const Config& config) {
  if (config.tenants.size() > 1) {
    double sum = 0;
    for (const Tenant& tenant : config.tenants) sum += load({config.part, {tenant}});
    return sum;
  }
  const auto known = loads_.find(config);
  if (known != loads_.end()) return known->second;
  return loads_[config] = load_of(staging_.alone(config, {}));
}

}  // namespace gpushare::planning
