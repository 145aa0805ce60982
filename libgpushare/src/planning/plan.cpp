#include "gpushare/plan.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "planning/plan_answer.hpp"
#include "planning/plan_search.hpp"
#include "planning/plan_sizes.hpp"
#include "planning/plan_space.hpp"
#include "planning/plan_trials.hpp"
#include "planning/trial_runs.hpp"

namespace gpushare {
namespace {

using planning::Config;
using planning::CoveringProblem;
using planning::index;
using planning::Packed;
using planning::Tenant;

// What services may be altogether, beyond which predictions come first, with so many tenants on a part at most; beyond which more
// counts as failing by them; and beyond which services stand in no more replicas than surely suffice alone.
constexpr std::size_t kSmall = 16, kMore = 30, kMany = 48;
constexpr int kTenantsOfFleets = 4;
// By how much, as a share of it, a prediction has to miss a bound to count as failing, up to so many choices and beyond.
constexpr double kSurely = 0.5, kProbably = 0.15;

void check(const Objectives& objectives, std::span<const GpuOffer> offers, const PlanOptions& options) {
  if (offers.empty()) throw ScenarioError("gpus", "none are offered");
  for (std::size_t i = 0; i < offers.size(); ++i) {
    const std::string where = text::format("gpus/{}", i);
    if (!offers[i].gpu) throw ScenarioError(where, "it has no profile");
    if (offers[i].count < 1)
      throw ScenarioError(where + "/count", text::format("found {}; at least 1 is needed", offers[i].count));
    if (!(offers[i].price > 0) || !std::isfinite(offers[i].price))
      throw ScenarioError(where + "/price",
                          text::format("found {}; a number above 0 is needed", offers[i].price));
  }
  if (options.replications < 2 || options.most_replications < options.replications)
    throw ScenarioError("replications",
                        text::format("found {} to {}; at least 2 are needed, and no fewer at most",
                                     options.replications, options.most_replications));
  if (options.most_tenants < 1)
    throw ScenarioError("most_tenants", text::format("found {}; at least 1 is needed", options.most_tenants));
  if (objectives.figures.empty())
    throw ScenarioError("objectives", "no figure is bounded; a plan is the cheapest placement within bounds");
  planning::check_bounds(objectives);
  for (const FigureBound& bound : objectives.figures)
    if (bound.name.find('/') != std::string::npos)
      throw ScenarioError("objectives/" + bound.name, "it is of a partition, which is what a plan chooses");
}

// Remembers that it was told to stop, so that what ends for it is told from what fails.
std::function<bool()> remembered(const std::function<bool()>& cancelled) {
  if (!cancelled) return [] { return false; };
  return [cancelled, told = std::make_shared<std::atomic<bool>>(false)] {
    if (!*told && cancelled()) *told = true;
    return told->load();
  };
}

class Planner {
 public:
  Planner(const Scenario& scenario, const Objectives& objectives, std::span<const GpuOffer> offers,
          PlanOptions options)
      : scenario_(scenario),
        offers_(offers),
        options_(std::move(options)),
        space_(scenario, objectives, offers, options_),
        trials_(space_, planning::checked_bounds(objectives, scenario), options_,
                options_.seed.value_or(scenario.seed)),
        sizes_(space_, trials_) {}

  Plan run() {
    problem_ = space_.problem();
    problem_.possible = [this](const Config& config) { return trials_.possible(config); };
    plan_.gpus.resize(offers_.size());
    if (find_sizes()) {
      narrow();
      find_packing();
    }
    plan_.most_tenants = problem_.most_tenants;
    plan_.foresights = trials_.foresights();
    planning::tell_rejected(space_, trials_, plan_);
    plan_.runs = trials_.runs();
    return std::move(plan_);
  }

 private:
  // Whether every service can be served at all; otherwise the plan says why not.
  bool find_sizes() {
    const auto& services = space_.workload().services;
    try {
      for (std::size_t s = 0; s < services.size(); ++s) {
        problem_.tenants.push_back(sizes_.tenants(static_cast<int>(s)));
        if (!problem_.tenants.back().empty()) continue;
        plan_.why = text::format("no number of replicas of {} suffices on {} GPUs of its own; {}",
                                 services[s].name, space_.gpus(), sizes_.why());
        plan_.lower_bound = std::numeric_limits<double>::infinity();
        plan_.complete = true;
        return false;
      }
    } catch (const SimulationError&) {
      if (!options_.cancelled()) throw;
      plan_.why = "cancelled";
      return false;
    }
    return true;
  }

  // Leaves out much of what seldom helps where there are many services; the bound is then of what is left.
  void narrow() {
    std::size_t choices = 0;
    for (const auto& options : problem_.tenants) choices += options.size();
    is_fleet_ = choices > kSmall;
    if (!is_fleet_) return;
    problem_.most_tenants = std::min(problem_.most_tenants, kTenantsOfFleets);
    trials_.trust(choices > kMore ? kProbably : kSurely);
    plan_.narrowed = choices > kMany;
    if (!plan_.narrowed) return;
    for (auto& options : problem_.tenants)
      std::erase_if(options, [this](const Tenant& tenant) { return tenant.replicas > sizes_.clear(tenant); });
  }

  void find_packing() {
    planning::Judge judge;
    judge.config = [this](const Config& config) { return trials_.config(config); };
    judge.will_judge = [this](const std::vector<Config>& configs) { trials_.prepare(configs); };
    judge.will_guess = [this](const std::vector<Config>& configs) { trials_.foresee(configs); };
    judge.packing = [this](const Packed& packed) { return trials_.packing(packed); };
    judge.failing = [this](const Packed& packed) { return trials_.failing(packed); };
    judge.hopeless = [this](const Config& config) { return trials_.hopeless(config); };
    planning::SearchOptions how;
    how.known = known();
    how.guess = [this](const Config& config) { return trials_.guess(config); };
    how.cancelled = options_.cancelled;
    const planning::PlanSearch found =
        is_fleet_ ? planning::search_fleet(problem_, judge, how) : planning::search(problem_, judge, how);
    plan_.lower_bound = found.bound;
    plan_.complete = found.done;
    const auto& best = found.best ? found.best : found.unclear;
    if (best)
      take(*best);
    else
      plan_.why = found.done ? too_few(found) : options_.cancelled() ? "cancelled" : "none was found so far";
    if (found.runner_up) plan_.runner_up = planning::alternative(space_, *found.runner_up);
  }

  // What was judged of services alone, of those in so many replicas that are left.
  [[nodiscard]] std::map<Config, Met> known() const {
    std::map<Config, Met> known = sizes_.known();
    std::erase_if(known, [this](const auto& one) {
      const Tenant& tenant = one.first.tenants.front();
      const auto& options = problem_.tenants[index(tenant.service)];
      return one.second != Met::no && std::find(options.begin(), options.end(), tenant) == options.end();
    });
    return known;
  }

  void take(const Packed& packed) {
    plan_.scenario = trials_.answer(scenario_, packed);
    plan_.cost = packed.cost;
    for (const planning::Pattern& pattern : packed.patterns)
      plan_.gpus[static_cast<std::size_t>(pattern.kind)] += pattern.gpus;
    const planning::PackingTrial& trial = trials_.trial_of(packed);
    plan_.objectives = trial.whole.judged;
    plan_.worst_loss = trial.worst_loss;
    plan_.met = trial.met;
    planning::look_around(space_, trials_, packed, plan_);
  }

  // How many would be needed if there were more.
  [[nodiscard]] std::string too_few(const planning::PlanSearch& found) const {
    CoveringProblem more = problem_;
    for (CoveringProblem::Kind& kind : more.kinds) kind.count = 1'000;
    planning::Covering covering(more);
    for (const Config& config : found.refuted) covering.refute(config);
    const double bound = covering.settle().bound;
    std::string text = "no placement on the GPUs that are offered meets the objectives";
    if (std::isfinite(bound)) text += text::format("; with more of them the cost is at least {:.4g}", bound);
    return text;
  }

  const Scenario& scenario_;
  std::span<const GpuOffer> offers_;
  PlanOptions options_;
  planning::PlanSpace space_;
  planning::PlanTrials trials_;
  planning::PlanSizes sizes_;
  CoveringProblem problem_;
  bool is_fleet_ = false;
  Plan plan_;
};

}  // namespace

double Plan::gap() const {
  return scenario && lower_bound > 0 && std::isfinite(lower_bound) ? cost / lower_bound - 1 : 0;
}

Plan find_plan(const Scenario& scenario, const Objectives& objectives, std::span<const GpuOffer> offers,
               const PlanOptions& options) {
  check(objectives, offers, options);
  PlanOptions own = options;
  own.cancelled = remembered(options.cancelled);
  return Planner(scenario, objectives, offers, std::move(own)).run();
}

}  // namespace gpushare
