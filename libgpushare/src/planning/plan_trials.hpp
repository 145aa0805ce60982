#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gpushare/plan.hpp"
#include "planning/covering.hpp"
#include "planning/plan_search.hpp"
#include "planning/plan_space.hpp"
#include "planning/trial_runs.hpp"

/// Judging configs and packings by simulation, under the same luck for all configs.
namespace gpushare::planning {

class PlanTrials {
 public:
  /// `cancelled` as PlanOptions; what is thrown for it is a SimulationError.
  PlanTrials(const PlanSpace& space, std::vector<FigureBound> bounds, const PlanOptions& options,
             std::uint64_t seed);

  [[nodiscard]] Met config(const Config& config);
  [[nodiscard]] Met packing(const Packed& packed);
  [[nodiscard]] bool possible(const Config& config);
  /// Offered load of a config's busiest resource over what it can serve, by the analytic bounds; of several the sum.
  [[nodiscard]] double load(const Config& config);

  void set_enough(int service, int replicas) { enough_[static_cast<std::size_t>(service)] = replicas; }
  [[nodiscard]] Scenario scenario(const Packed& packed) const { return space_.packed(packed, sharing_); }
  [[nodiscard]] const Trial& trial_of(const Packed& packed) const { return packings_.at(packed.configs()); }
  /// Why a config fails.
  [[nodiscard]] std::string why(const Config& config) const;
  [[nodiscard]] const std::string& obstacle(const Config& config);  ///< empty: it is possible
  [[nodiscard]] std::uint64_t runs() const { return runs_; }

 private:
  [[nodiscard]] Trial try_config(const Config& config, SharingMode sharing);
  [[nodiscard]] std::vector<FigureBound> bounds_of(const Config& config) const;
  [[nodiscard]] bool concerns(const FigureBound& bound, const Config& config) const;

  const PlanSpace& space_;
  std::vector<FigureBound> bounds_;
  const PlanOptions& options_;
  std::uint64_t seed_;
  std::map<std::string, std::set<int>> owners_;  // services by what stands before a figure's last dot
  bool success_is_asked_ = false;
  Replicas enough_;
  std::map<Config, Trial> configs_;
  std::map<Config, SharingMode> sharing_;
  std::map<Config, std::string> obstacles_;  // with one replica of each: memory does not depend on the load
  std::map<Config, double> loads_;
  std::map<std::vector<Config>, Trial> packings_;
  std::uint64_t runs_ = 0;
};

}  // namespace gpushare::planning
