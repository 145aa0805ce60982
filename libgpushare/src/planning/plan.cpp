#include "gpushare/plan.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "planning/plan_search.hpp"
#include "planning/plan_sizes.hpp"
#include "planning/plan_space.hpp"
#include "planning/plan_trials.hpp"

namespace gpushare {
namespace {

using planning::Config;
using planning::CoveringProblem;
using planning::Packed;

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
        trials_(space_, planning::bounds_of(objectives, scenario), options_,
                options_.seed.value_or(scenario.seed)),
        sizes_(space_, trials_) {}

  Plan run() {
    problem_ = space_.problem();
    problem_.possible = [this](const Config& config) { return trials_.possible(config); };
    plan_.gpus.resize(offers_.size());
    if (find_sizes()) find_packing();
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

  void find_packing() {
    planning::Judge judge;
    judge.config = [this](const Config& config) { return trials_.config(config); };
    judge.packing = [this](const Packed& packed) { return trials_.packing(packed); };
    planning::SearchOptions how;
    how.known = sizes_.known();
    how.load = [this](const Config& config) { return trials_.load(config); };
    how.cancelled = options_.cancelled;
    const planning::PlanSearch found = planning::search(problem_, judge, how);
    plan_.lower_bound = found.bound;
    plan_.complete = found.done;
    for (const Config& config : found.refuted)
      plan_.rejected.push_back({space_.name_of(config), trials_.why(config)});
    const auto& best = found.best ? found.best : found.unclear;
    if (best)
      take(*best);
    else
      plan_.why = found.done ? too_few(found) : "cancelled";
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
  }

  // How many would be needed if there were more.
  [[nodiscard]] std::string too_few(const planning::PlanSearch& found) const {
    CoveringProblem more = problem_;
    for (CoveringProblem::Kind& kind : more.kinds) kind.count = 1'000;
    planning::Covering covering(more);
    for (const Config& config : found.refuted) covering.refute(config);
    const double bound = covering.solve([](const Config&) { return 0.0; }).bound;
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
