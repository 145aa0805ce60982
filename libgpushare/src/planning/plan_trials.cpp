#include "planning/plan_trials.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "planning/plan_failures.hpp"

namespace gpushare::planning {
namespace {

constexpr double kNear = 0.5;  // a config that misses a bound by less may pass with caps on its clients
constexpr std::uint64_t kAfresh = 1'000'003;  // added to seeds for luck that has not been seen
// Of what counts as failing by prediction one in so many of the first is simulated nevertheless, and of all beyond these one
// in many more.
constexpr std::uint64_t kChecked = 20, kFirstForetold = 1'000, kCheckedLater = 400;

bool is_checked(std::uint64_t number) {
  return (number - 1) % (number <= kFirstForetold ? kChecked : kCheckedLater) == 0;
}

std::vector<Tenant> tenants_of(const Packed& packed) {
  std::vector<Tenant> tenants;
  for (const Config& config : packed.configs())
    tenants.insert(tenants.end(), config.tenants.begin(), config.tenants.end());
  return tenants;
}

}  // namespace

PlanTrials::PlanTrials(const PlanSpace& space, std::vector<FigureBound> bounds, const PlanOptions& options,
                       std::uint64_t seed)
    : space_(space),
      asked_(space, std::move(bounds)),
      staging_(space),
      feasibility_(space, staging_),
      dedicated_(space, staging_, options),
      config_trials_(space, asked_, staging_, feasibility_, dedicated_, options, seed),
      foresight_(space, asked_, options.threads),
      options_(options),
      seed_(seed),
      most_replications_(options.most_replications) {}

void PlanTrials::trust(double beyond) {
  hopeless_ = foresights_.beyond = beyond;
  most_replications_ = std::min(options_.most_replications, 4 * options_.replications);
}

Met PlanTrials::config(const Config& config) {
  const bool foretold = !config_trials_.is_prepared(config) && hopeless(config),
             checked = foretold && is_checked(++foresights_.foretold);
  if (foretold && !checked) {
    foretold_.insert(config);
    configs_[config].refused = text::format("predicted to miss a bound by {:.3g} %", 100 * foreseen(config));
    return Met::no;
  }
  const auto likely = trusting() ? foresight_.best_way(config) : std::nullopt;
  const bool suffices = improve(config, likely ? std::vector<Way>{*likely} : space_.ways(config));
  if (!suffices && !trusting() && configs_.at(config).excess() < kNear)
    static_cast<void>(improve(config, space_.capped(config)));
  const Met met = configs_.at(config).met();
  if (checked) {
    ++foresights_.checked;
    foresights_.confirmed += met == Met::no ? 1 : 0;
  }
  return met;
}

void PlanTrials::prepare(const std::vector<Config>& configs) {
  if (!trusting()) return;
  std::vector<std::pair<Config, Way>> waiting;
  for (const Config& config : configs)
    if (const auto way = foresight_.best_way(config); way && !hopeless(config))
      waiting.push_back({config, *way});
  config_trials_.prepare(waiting, most_replications_);
}

void PlanTrials::foresee(const std::vector<Config>& configs) {
  if (options_.cancelled()) throw SimulationError("", "cancelled");
  if (trusting()) foresight_.prepare(configs);
}

double PlanTrials::foreseen(const Config& config) {
  return trusting() ? worst_of(foresight_.best(config)) : -kInfinite;
}

bool PlanTrials::hopeless(const Config& config) { return foreseen(config) > hopeless_; }

double PlanTrials::guess(const Config& config) {
  const double beyond = trusting() ? worst_of(foresight_.likely(config)) : -kInfinite;
  return std::isfinite(beyond) ? logarithm_of(beyond) : std::log(feasibility_.load(config));
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
  Trial found = config_trials_.of(config, way, most_replications_);
  if (trusting() && found.refused.empty())
    foresight_.learn(config, way, asked_.excess(found.judged, services_of(config.tenants)));
  return found;
}

Met PlanTrials::packing(const Packed& packed) {
  TrialOptions options{seed_ + kAfresh,
                       2 * options_.replications,
                       (trusting() ? 2 : 4) * most_replications_,
                       2,
                       kInfinite,
                       options_.threads,
                       {},
                       options_.cancelled,
                       {}};
  // Much of a fleet shows at once.
  if (!trusting()) options.first = options.replications;
  const std::vector<Tenant> tenants = tenants_of(packed);
  options.served = config_trials_.served(services_of(tenants), tenants, *options.seed, 1);
  PackingTrial found = try_packing(staging_.packed(packed, ways_), options);
  return packings_.insert_or_assign(packed.configs(), std::move(found)).first->second.met;
}

PackingTrial PlanTrials::try_packing(const Scenario& scenario, const TrialOptions& options) {
  PackingTrial found;
  const std::vector<Failure> failures = failures_of(scenario, space_.workload().objectives.tolerate);
  if (std::any_of(failures.begin(), failures.end(), [](const Failure& one) { return !one.lacking.empty(); }))
    return found;
  found.whole = try_scenario(scenario, asked_.bounds(), options);
  runs_ += found.whole.runs;
  found.met = found.whole.met();
  for (const Failure& failure : failures) {
    if (found.met == Met::no) break;
    Scenario without = scenario;
    without.faults = {failure.fault};
    const Trial trial = try_scenario(without, asked_.bounds(), options);
    runs_ += trial.runs;
    found.met = std::max(found.met, trial.met());
    for (std::size_t b = 0; b < trial.judged.size(); ++b) {
      const Judged& judged = trial.judged[b];
      // That all succeed says little unless it is asked for.
      if (b >= asked_.bounds().size() && judged.met == Met::yes) continue;
      if (!found.worst_loss || misses_by_less(found.worst_loss->judged, judged))
        found.worst_loss = Loss{failure.lost, judged};
    }
  }
  return found;
}

std::vector<int> PlanTrials::failing(const Packed& packed) const {
  const PackingTrial& trial = trial_of(packed);
  // What a failure leaves says nothing of the services by themselves.
  if (trial.met != trial.whole.met()) return {};
  return asked_.with(trial.met, trial.whole.judged);
}

Trial PlanTrials::under(const Packed& packed, double load) {
  Scenario scenario = staging_.packed(packed, ways_);
  for (const VariedLoad what : {VariedLoad::rate, VariedLoad::users})
    scenario.workload = scaled(scenario.workload, what, load);
  const TrialOptions options{seed_,
                             options_.replications,
                             options_.replications,
                             options_.replications,
                             kInfinite,
                             options_.threads,
                             {},
                             options_.cancelled,
                             {}};
  const std::vector<FigureBound> bounds = bounds_of(space_.workload().objectives, scenario);
  Trial trial = try_scenario(scenario, bounds, options);
  runs_ += trial.runs;
  return trial;
}

PlanDedicated::Figures PlanTrials::alone(const Packed& packed) {
  const std::vector<Tenant> tenants = tenants_of(packed);
  PlanDedicated::Figures mean;
  const auto runs = dedicated_.figures(services_of(tenants), tenants, seed_, options_.replications);
  for (const PlanDedicated::Figures& run : runs)
    for (const auto& [name, value] : run) mean[name] += value / static_cast<double>(runs.size());
  return mean;
}

std::string PlanTrials::why(const Config& config) const {
  const auto found = configs_.find(config);
  return found == configs_.end() ? std::string() : worst_of(found->second.judged, found->second.refused);
}

std::map<Config, Trial> PlanTrials::simulated() const {
  std::map<Config, Trial> simulated = configs_;
  for (const Config& config : foretold_) simulated.erase(config);
  return simulated;
}

}  // namespace gpushare::planning
