#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "planning/plan_staging.hpp"
#include "planning/trial_runs.hpp"

/// What services on whole GPUs of their own serve, which those that share are held to.
namespace gpushare::planning {

class PlanDedicated {
 public:
  PlanDedicated(const PlanSpace& space, const PlanStaging& staging, const PlanOptions& options)
      : space_(space), staging_(staging), options_(options) {}

  using Figures = std::map<std::string, double>;

  /// Of each of the first so many runs: success_rate and request_throughput of services in some forms, and "NAME.busy" of
  /// each. What no request visits together runs apart. Empty where they do not fit. Throws SimulationError when it is
  /// cancelled.
  [[nodiscard]] std::vector<Figures> figures(const std::set<int>& services, const std::vector<Tenant>& forms,
                                             std::uint64_t seed, std::uint32_t runs);
  [[nodiscard]] std::uint64_t runs() const { return runs_; }

 private:
  // Services that requests visit together, their forms, and the seed.
  struct Key {
    std::set<int> services;
    Forms forms;
    std::uint64_t seed = 0;

    friend auto operator<=>(const Key&, const Key&) = default;
  };
  [[nodiscard]] const std::vector<Figures>& runs_of(const Key& key, const std::vector<Tenant>& forms,
                                                    std::uint32_t runs);

  void add(const Figures& known, const std::set<int>& together, Figures& sum) const;

  const PlanSpace& space_;
  const PlanStaging& staging_;
  const PlanOptions& options_;
  std::map<Key, std::vector<Figures>> known_;  // by run; none: they do not fit
  std::uint64_t runs_ = 0;
};

}  // namespace gpushare::planning
