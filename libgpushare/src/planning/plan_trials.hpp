#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gpushare/capacity.hpp"
#include "gpushare/plan.hpp"
#include "planning/covering.hpp"
#include "planning/plan_asked.hpp"
#include "planning/plan_config_trials.hpp"
#include "planning/plan_dedicated.hpp"
#include "planning/plan_feasibility.hpp"
#include "planning/plan_foresight.hpp"
#include "planning/plan_space.hpp"
#include "planning/plan_staging.hpp"
#include "planning/trial_runs.hpp"

/// Judging configs and packings by simulation, under the same luck for all configs and for all packings.
namespace gpushare::planning {

/// How a packing fared, and how it does while something of it is lost.
struct PackingTrial {
  Trial whole;
  std::optional<Loss> worst_loss;  ///< of what was simulated
  Met met = Met::no;               ///< of all together
};

class PlanTrials {
 public:
  /// `cancelled` as PlanOptions; what is thrown for it is a SimulationError.
  PlanTrials(const PlanSpace& space, std::vector<FigureBound> bounds, const PlanOptions& options,
             std::uint64_t seed);

  /// Every way of sharing in turn, until one suffices; caps where the others miss by little. Once predictions are trusted
  /// the way that they say is best, and what they put far beyond its bounds fails.
  [[nodiscard]] Met config(const Config& config);
  /// Simulates several at once that will be judged, under the ways that predictions say are best.
  void prepare(const std::vector<Config>& configs);
  [[nodiscard]] Met packing(const Packed& packed);
  /// Services that surely do not get what is asked for them in one that fails; in one that is too close to say those of which
  /// that is so.
  [[nodiscard]] std::vector<int> failing(const Packed& packed) const;
  [[nodiscard]] bool possible(const Config& config) { return feasibility_.possible(config); }

  // ---- Predictions ----

  /// From now on predictions are made, what they put beyond a bound by such a share of it counts as failing, and each trial
  /// has fewer runs.
  void trust(double beyond);
  /// Predicts several at once of which it will be asked.
  void foresee(const std::vector<Config>& configs);
  [[nodiscard]] bool trusting() const { return std::isfinite(hopeless_); }
  [[nodiscard]] bool hopeless(const Config& config);
  /// How far beyond its bound a config should be, as a logarithm: by prediction, or by what is offered.
  [[nodiscard]] double guess(const Config& config);
  [[nodiscard]] const Foresights& foresights() const { return foresights_; }

  // ---- For the answer ----

  void set_enough(const Tenant& tenant) { staging_.set_enough(tenant); }
  [[nodiscard]] Scenario answer(const Scenario& scenario, const Packed& packed) const {
    return staging_.answer(scenario, packed, ways_);
  }
  [[nodiscard]] const PackingTrial& trial_of(const Packed& packed) const {
    return packings_.at(packed.configs());
  }
  /// Everything that was judged but by prediction.
  [[nodiscard]] std::map<Config, Trial> simulated() const;
  [[nodiscard]] const Ways& ways() const { return ways_; }
  /// A packing under so many times the load.
  [[nodiscard]] Trial under(const Packed& packed, double load);
  /// Figures of its services on whole GPUs of their own.
  [[nodiscard]] PlanDedicated::Figures alone(const Packed& packed);
  /// Why a config fails.
  [[nodiscard]] std::string why(const Config& config) const;
  [[nodiscard]] std::uint64_t runs() const { return runs_ + config_trials_.runs() + dedicated_.runs(); }

 private:
  [[nodiscard]] bool improve(const Config& config, const std::vector<Way>& ways);
  [[nodiscard]] Trial try_config(const Config& config, const Way& way);
  [[nodiscard]] PackingTrial try_packing(const Scenario& scenario, const TrialOptions& options);
  [[nodiscard]] double foreseen(const Config& config);

  const PlanSpace& space_;
  PlanAsked asked_;
  PlanStaging staging_;
  PlanFeasibility feasibility_;
  PlanDedicated dedicated_;
  PlanConfigTrials config_trials_;
  PlanForesight foresight_;
  const PlanOptions& options_;
  std::uint64_t seed_;
  std::uint32_t most_replications_;
  double hopeless_ = std::numeric_limits<double>::infinity();
  Foresights foresights_;
  std::set<Config> foretold_;
  std::map<Config, Trial> configs_;
  Ways ways_;
  std::map<std::vector<Config>, PackingTrial> packings_;
  std::uint64_t runs_ = 0;
};

}  // namespace gpushare::planning
