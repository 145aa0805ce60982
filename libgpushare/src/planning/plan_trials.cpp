#include "planning/plan_trials.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "core/text.hpp"
#include "gpushare/bounds.hpp"
#include "gpushare/errors.hpp"
#include "planning/plan_failures.hpp"
#include "results/figure_names.hpp"

namespace gpushare::planning {
namespace {

constexpr double kNear = 0.5;    // a config that misses a bound by less may pass with caps on its clients
constexpr double kHopeless = 2;  // what misses a bound by more is beyond doubt after one run
constexpr double kEnd = std::numeric_limits<double>::infinity();
constexpr std::uint64_t kAfresh = 1'000'003;  // added to seeds for luck that has not been seen
// Figures of the whole run that more GPUs do not change by being there.
constexpr std::array<std::string_view, 5> kOfRequests{"success_rate", "goodput", "goodput_rate",
                                                      "request_throughput", "output_token_throughput"};

std::string owner_of(const std::string& figure) {
  const auto dot = figure.rfind('.');
  return dot == std::string::npos ? std::string() : figure.substr(0, dot);
}

std::map<std::string, std::set<int>> owners_in(const Workload& workload) {
  std::map<std::string, std::set<int>> owners;
  for (int s = 0; s < static_cast<int>(workload.services.size()); ++s)
    owners[workload.services[static_cast<std::size_t>(s)].name] = {s};
  for (const Pipeline& pipeline : workload.pipelines) {
    std::set<int>& visited = owners[pipeline.name];
    for (const Stage& stage : pipeline.stages) {
      if (stage.service < 0) continue;
      visited.insert(stage.service);
      owners[stage.name] = owners[pipeline.name + "." + stage.name] = {stage.service};
    }
  }
  return owners;
}

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

PlanTrials::PlanTrials(const PlanSpace& space, std::vector<FigureBound> bounds, const PlanOptions& options,
                       std::uint64_t seed)
    : space_(space),
      staging_(space),
      bounds_(std::move(bounds)),
      options_(options),
      seed_(seed),
      owners_(owners_in(space.workload())) {
  const auto& asked = space.workload().objectives.figures;
  success_is_asked_ = std::any_of(asked.begin(), asked.end(),
                                  [](const FigureBound& bound) { return bound.name == "success_rate"; });
}

Met PlanTrials::config(const Config& config) {
  const bool suffices = improve(config, space_.ways(config));
  if (!suffices && configs_.at(config).excess() < kNear)
    static_cast<void>(improve(config, space_.capped(config)));
  return configs_.at(config).met();
}

// Keeps the best way; whether one suffices.
bool PlanTrials::improve(const Config& config, const std::vector<Way>& ways) {
  for (const Way& way : ways) {
    Trial trial = try_config(config, way);
    const auto known = configs_.find(config);
    const bool better = known == configs_.end() || trial.met() < known->second.met() ||
                        (trial.met() == known->second.met() && trial.excess() < known->second.excess());
    if (better) {
      configs_[config] = std::move(trial);
      ways_[config] = way;
    }
    if (configs_.at(config).met() == Met::yes) return true;
  }
  return false;
}

Trial PlanTrials::try_config(const Config& config, const Way& way) {
  Trial refused;
  refused.refused = staging_.obstacle(config, way);
  if (!refused.refused.empty()) return refused;
  if (const double load = offered(config, way); load > 1) {
    refused.refused = text::format("offered {:.3g} times what it can serve", load);
    return refused;
  }
  TrialOptions trial{seed_, options_.replications, options_.most_replications, kHopeless, options_.threads,
                     {},    options_.cancelled};
  // Good replicas elsewhere must not hide the one that is looked at.
  trial.watched_replicas.resize(space_.workload().services.size());
  for (const Tenant& tenant : config.tenants) ++trial.watched_replicas[index(tenant.service)];
  Trial found = try_scenario(staging_.alone(config, way), bounds_of(config), trial);
  runs_ += found.runs;
  return found;
}

// Users who wait offer less than the bounds take them to; of them nothing is said.
double PlanTrials::offered(const Config& config, const Way& way) const {
  const Scenario scenario = staging_.alone(config, way);
  return has_users(scenario.workload) ? 0 : load_of(scenario);
}

Met PlanTrials::packing(const Packed& packed) {
  const std::uint64_t fresh = seed_ + kAfresh * (1 + packings_.size());
  const TrialOptions options{
      fresh, 2 * options_.replications, 4 * options_.most_replications, kEnd, options_.threads,
      {},    options_.cancelled};
  PackingTrial found = try_packing(staging_.packed(packed, ways_), options);
  return packings_.insert_or_assign(packed.configs(), std::move(found)).first->second.met;
}

PackingTrial PlanTrials::try_packing(const Scenario& scenario, const TrialOptions& options) {
  PackingTrial found;
  const std::vector<Failure> failures = failures_of(scenario, space_.workload().objectives.tolerate);
  if (std::any_of(failures.begin(), failures.end(), [](const Failure& one) { return !one.lacking.empty(); }))
    return found;
  found.whole = try_scenario(scenario, bounds_, options);
  runs_ += found.whole.runs;
  found.met = found.whole.met();
  for (const Failure& failure : failures) {
    if (found.met == Met::no) break;
    Scenario without = scenario;
    without.faults = {failure.fault};
    const Trial trial = try_scenario(without, bounds_, options);
    runs_ += trial.runs;
    found.met = std::max(found.met, trial.met());
    for (const Judged& judged : trial.judged) {
      // That all succeed says little unless it is asked for.
      if (!success_is_asked_ && judged.bound.name == "success_rate" && judged.met == Met::yes) continue;
      if (!found.worst_loss || misses_by_less(found.worst_loss->judged, judged))
        found.worst_loss = Loss{failure.lost, judged};
    }
  }
  return found;
}

bool PlanTrials::possible(const Config& config) {
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

bool PlanTrials::fits(const Config& config) {
  const Config key = without_load(config);
  const auto known = fits_.find(key);
  if (known != fits_.end()) return known->second;
  const std::vector<Way> ways = space_.ways(key);
  return fits_[key] = std::any_of(ways.begin(), ways.end(),
                                  [&](const Way& way) { return staging_.obstacle(key, way).empty(); });
}

double PlanTrials::load(const Config& config) {
  if (config.tenants.size() > 1) {
    double sum = 0;
    for (const Tenant& tenant : config.tenants) sum += load({config.part, {tenant}});
    return sum;
  }
  const auto known = loads_.find(config);
  if (known != loads_.end()) return known->second;
  return loads_[config] = load_of(staging_.alone(config, {}));
}

std::string PlanTrials::why(const Config& config) const {
  const auto found = configs_.find(config);
  return found == configs_.end() ? std::string() : worst_of(found->second.judged, found->second.refused);
}

std::vector<FigureBound> PlanTrials::bounds_of(const Config& config) const {
  std::vector<FigureBound> bounds;
  for (const FigureBound& bound : bounds_)
    if (concerns(bound, config)) bounds.push_back(bound);
  return bounds;
}

bool PlanTrials::concerns(const FigureBound& bound, const Config& config) const {
  const std::set<int> looked_at = space_.services_of(config), running = space_.companions(looked_at);
  const auto owner = owners_.find(owner_of(bound.name));
  if (owner == owners_.end()) {
    if (bound.name == "success_rate" && !success_is_asked_) return true;
    const bool of_requests = is_of_latency(bound.name) || std::find(kOfRequests.begin(), kOfRequests.end(),
                                                                    bound.name) != kOfRequests.end();
    return of_requests && running.size() == space_.workload().services.size();
  }
  return std::any_of(owner->second.begin(), owner->second.end(),
                     [&](int service) { return looked_at.contains(service); });
}

}  // namespace gpushare::planning
