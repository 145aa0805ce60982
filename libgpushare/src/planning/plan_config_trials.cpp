#include "planning/plan_config_trials.hpp"

#include <algorithm>

#include "core/parallel.hpp"

namespace gpushare::planning {
namespace {

constexpr std::uint32_t kMoreAlone = 4;  // times as many runs at most of services alone, on which much hangs

}  // namespace

PlanConfigTrials::PlanConfigTrials(const PlanSpace& space, const PlanAsked& asked, const PlanStaging& staging,
                                   const PlanFeasibility& feasibility, PlanDedicated& dedicated,
                                   const PlanOptions& options, std::uint64_t seed)
    : space_(space),
      asked_(asked),
      staging_(staging),
      feasibility_(feasibility),
      dedicated_(dedicated),
      options_(options),
      seed_(seed) {}

void PlanConfigTrials::prepare(const std::vector<std::pair<Config, Way>>& waiting,
                               std::uint32_t most_replications) {
  if (waiting.size() < 2) return;
  std::vector<Trial> found(waiting.size());
  in_parallel(waiting.size(), options_.threads, [&](std::size_t i, const std::atomic<bool>&) {
    const auto& [config, way] = waiting[i];
    if (!is_prepared(config)) found[i] = simulate(config, way, most_replications, 1);
  });
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    runs_ += found[i].runs;
    prepared_.try_emplace(waiting[i].first, std::move(found[i]));
  }
}

Trial PlanConfigTrials::of(const Config& config, const Way& way, std::uint32_t most_replications) {
  if (auto prepared = prepared_.extract(config)) return std::move(prepared.mapped());
  Trial found = simulate(config, way, most_replications, options_.threads);
  runs_ += found.runs;
  return found;
}

Trial PlanConfigTrials::simulate(const Config& config, const Way& way, std::uint32_t most_replications,
                                 unsigned threads) {
  Trial refused;
  refused.refused = feasibility_.obstacle(config, way);
  if (!refused.refused.empty()) return refused;
  const std::set<int> services = services_of(config.tenants);
  TrialOptions trial{
      seed_, options_.replications, most_replications, 1, kOverloaded, threads, {}, options_.cancelled, {}};
  // Good replicas elsewhere must not hide the one that is looked at.
  trial.watched_replicas.resize(space_.workload().services.size());
  int most = 1;
  for (const Tenant& tenant : config.tenants) {
    ++trial.watched_replicas[index(tenant.service)];
    most = std::max(most, tenant.replicas);
  }
  if (config.tenants.size() == 1) trial.most_replications *= kMoreAlone;
  trial.served = served(services, config.tenants, seed_, most);
  return try_scenario(staging_.alone(config, way), asked_.bounds_of(config), trial);
}

PlanConfigTrials::Served PlanConfigTrials::served(const std::set<int>& services,
                                                  const std::vector<Tenant>& forms, std::uint64_t seed,
                                                  int most) {
  const std::set<int> running = space_.companions(services);
  return [this, running, forms, seed, most](std::uint32_t runs) {
    const std::scoped_lock lock(mutex_);
    std::vector<PlanDedicated::Figures> dedicated = dedicated_.figures(running, forms, seed, runs);
    dedicated.resize(runs);  // nothing is known where they do not fit
    std::vector<std::vector<FigureBound>> bounds;
    for (const PlanDedicated::Figures& run : dedicated) bounds.push_back(asked_.served(run, most));
    return bounds;
  };
}

}  // namespace gpushare::planning
