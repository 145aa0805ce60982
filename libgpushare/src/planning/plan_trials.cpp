#include "planning/plan_trials.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "core/text.hpp"
#include "gpushare/bounds.hpp"
#include "gpushare/errors.hpp"
#include "results/figure_names.hpp"

namespace gpushare::planning {
namespace {

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
      bounds_(std::move(bounds)),
      options_(options),
      seed_(seed),
      owners_(owners_in(space.workload())),
      enough_(space.workload().services.size()) {
  const auto& asked = space.workload().objectives.figures;
  success_is_asked_ = std::any_of(asked.begin(), asked.end(),
                                  [](const FigureBound& bound) { return bound.name == "success_rate"; });
}

Met PlanTrials::config(const Config& config) {
  for (const SharingMode sharing : space_.sharings(config)) {
    Trial trial = try_config(config, sharing);
    const auto known = configs_.find(config);
    const bool better = known == configs_.end() || trial.met() < known->second.met() ||
                        (trial.met() == known->second.met() && trial.excess() < known->second.excess());
    if (better) {
      configs_[config] = std::move(trial);
      sharing_[config] = sharing;
    }
    if (configs_.at(config).met() == Met::yes) break;
  }
  return configs_.at(config).met();
}

Trial PlanTrials::try_config(const Config& config, SharingMode sharing) {
  Trial refused;
  refused.refused = space_.obstacle(config, sharing);
  if (!refused.refused.empty()) return refused;
  const Scenario scenario = space_.alone(config, sharing, enough_);
  // Users who wait offer less than the bounds take them to.
  if (!has_users(scenario.workload)) {
    if (const double load = load_of(scenario); load > 1) {
      refused.refused = text::format("offered {:.3g} times what it can serve", load);
      return refused;
    }
  }
  TrialOptions trial{seed_, options_.replications, options_.most_replications, options_.threads,
                     {},    options_.cancelled};
  // Good replicas elsewhere must not hide the one that is looked at.
  trial.watched_replicas.resize(enough_.size());
  for (const Tenant& tenant : config.tenants)
    ++trial.watched_replicas[static_cast<std::size_t>(tenant.service)];
  Trial found = try_scenario(scenario, bounds_of(config), trial);
  runs_ += found.runs;
  return found;
}

Met PlanTrials::packing(const Packed& packed) {
  const std::uint64_t fresh = seed_ + kAfresh * (1 + packings_.size());
  const TrialOptions options{
      fresh, 2 * options_.replications, 4 * options_.most_replications, options_.threads,
      {},    options_.cancelled};
  const Trial found = try_scenario(space_.packed(packed, sharing_), bounds_, options);
  runs_ += found.runs;
  return packings_.insert_or_assign(packed.configs(), found).first->second.met();
}

bool PlanTrials::possible(const Config& config) { return obstacle(config).empty(); }

const std::string& PlanTrials::obstacle(const Config& config) {
  const Config key = without_load(config);
  const auto known = obstacles_.find(key);
  if (known != obstacles_.end()) return known->second;
  std::string obstacle = "they are to be kept apart, or may not share";
  for (const SharingMode sharing : space_.sharings(key)) {
    obstacle = space_.obstacle(key, sharing);
    if (obstacle.empty()) break;
  }
  return obstacles_.emplace(key, std::move(obstacle)).first->second;
}

double PlanTrials::load(const Config& config) {
  if (config.tenants.size() > 1) {
    double sum = 0;
    for (const Tenant& tenant : config.tenants) sum += load({config.part, {tenant}});
    return sum;
  }
  const auto known = loads_.find(config);
  if (known != loads_.end()) return known->second;
  return loads_[config] = load_of(space_.alone(config, SharingMode::exclusive, enough_));
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
