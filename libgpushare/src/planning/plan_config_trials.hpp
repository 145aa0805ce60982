#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "planning/plan_asked.hpp"
#include "planning/plan_dedicated.hpp"
#include "planning/plan_feasibility.hpp"
#include "planning/plan_staging.hpp"
#include "planning/trial_runs.hpp"

/// Simulating configs by themselves, one by one or several at once.
namespace gpushare::planning {

class PlanConfigTrials {
 public:
  PlanConfigTrials(const PlanSpace& space, const PlanAsked& asked, const PlanStaging& staging,
                   const PlanFeasibility& feasibility, PlanDedicated& dedicated, const PlanOptions& options,
                   std::uint64_t seed);

  /// Several at once, each in a thread, of which it will be asked.
  void prepare(const std::vector<std::pair<Config, Way>>& waiting, std::uint32_t most_replications);
  [[nodiscard]] bool is_prepared(const Config& config) const { return prepared_.contains(config); }
  /// Of a config under the way that it was prepared with, if it was. Throws SimulationError when it is cancelled.
  [[nodiscard]] Trial of(const Config& config, const Way& way, std::uint32_t most_replications);

  using Served = decltype(TrialOptions::served);
  /// What services in some forms are asked to serve, one of so many replicas at most.
  [[nodiscard]] Served served(const std::set<int>& services, const std::vector<Tenant>& forms,
                              std::uint64_t seed, int most);
  [[nodiscard]] std::uint64_t runs() const { return runs_; }

 private:
  [[nodiscard]] Trial simulate(const Config& config, const Way& way, std::uint32_t most_replications,
                               unsigned threads);

  const PlanSpace& space_;
  const PlanAsked& asked_;
  const PlanStaging& staging_;
  const PlanFeasibility& feasibility_;
  PlanDedicated& dedicated_;
  std::mutex mutex_;  // of the dedicated
  const PlanOptions& options_;
  std::uint64_t seed_;
  std::map<Config, Trial> prepared_;
  std::uint64_t runs_ = 0;
};

}  // namespace gpushare::planning
