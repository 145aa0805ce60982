#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gpushare/plan.hpp"
#include "planning/covering.hpp"
#include "planning/plan_search.hpp"
#include "planning/plan_space.hpp"
#include "planning/plan_staging.hpp"
#include "planning/trial_runs.hpp"

/// Judging configs and packings by simulation, under the same luck for all configs.
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

  /// Every way of sharing in turn, until one suffices; caps where the others miss by little.
  [[nodiscard]] Met config(const Config& config);
  [[nodiscard]] Met packing(const Packed& packed);
  /// Whether a config may stand there: memory, isolation, and what is offered at what it can serve at most.
  [[nodiscard]] bool possible(const Config& config);
  /// Offered load of a config's busiest resource over what it can serve, by the analytic bounds; of several the sum.
  [[nodiscard]] double load(const Config& config);

  void set_enough(const Tenant& tenant) { staging_.set_enough(tenant); }
  [[nodiscard]] Scenario answer(const Scenario& scenario, const Packed& packed) const {
    return staging_.answer(scenario, packed, ways_);
  }
  [[nodiscard]] const PackingTrial& trial_of(const Packed& packed) const {
    return packings_.at(packed.configs());
  }
  /// Why a config fails.
  [[nodiscard]] std::string why(const Config& config) const;
  [[nodiscard]] std::uint64_t runs() const { return runs_; }

 private:
  [[nodiscard]] bool improve(const Config& config, const std::vector<Way>& ways);
  [[nodiscard]] Trial try_config(const Config& config, const Way& way);
  [[nodiscard]] PackingTrial try_packing(const Scenario& scenario, const TrialOptions& options);
  [[nodiscard]] bool fits(const Config& config);
  [[nodiscard]] double offered(const Config& config, const Way& way) const;
  [[nodiscard]] std::vector<FigureBound> bounds_of(const Config& config) const;
  [[nodiscard]] bool concerns(const FigureBound& bound, const Config& config) const;

  const PlanSpace& space_;
  PlanStaging staging_;
  std::vector<FigureBound> bounds_;
  const PlanOptions& options_;
  std::uint64_t seed_;
  std::map<std::string, std::set<int>> owners_;  // services by what stands before a figure's last dot
  bool success_is_asked_ = false;
  std::map<Config, Trial> configs_;
  Ways ways_;
  std::map<Config, bool> fits_;  // with one replica of each: memory does not depend on the load
  std::map<Config, bool> possible_;
  std::map<Config, double> loads_;
  std::map<std::vector<Config>, PackingTrial> packings_;
  std::uint64_t runs_ = 0;
};

}  // namespace gpushare::planning
