#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/plan.hpp"
#include "planning/covering.hpp"

/// What configs and packings are as scenarios.
namespace gpushare::planning {

/// Replicas of each service that suffice on whole GPUs; 0: not known yet.
using Replicas = std::vector<int>;

class PlanSpace {
 public:
  PlanSpace(const Scenario& scenario, const Objectives& objectives, std::span<const GpuOffer> offers,
            const PlanOptions& options);

  [[nodiscard]] const Workload& workload() const { return base_.workload; }
  [[nodiscard]] std::vector<CoveringProblem::Kind> kinds() const;
  [[nodiscard]] std::vector<int> ranks() const;
  [[nodiscard]] int gpus() const;  ///< that there are
  /// These services and all that requests visit on their way through them.
  [[nodiscard]] std::set<int> companions(std::set<int> services) const;
  [[nodiscard]] std::set<int> services_of(const Config& config) const;

  /// Ways in which the tenants may share the part.
  [[nodiscard]] std::vector<SharingMode> sharings(const Config& config) const;
  /// Why the tenants cannot stand there so, whatever their load; empty where they can.
  [[nodiscard]] std::string obstacle(const Config& config, SharingMode sharing) const;

  /// The config on the first GPU, and all else that its requests need on whole GPUs of its own; other services idle.
  [[nodiscard]] Scenario alone(const Config& config, SharingMode sharing, const Replicas& enough) const;
  [[nodiscard]] Scenario packed(const Packed& packed, const std::map<Config, SharingMode>& sharing) const;

  [[nodiscard]] std::string name_of(const Config& config) const;

 private:
  [[nodiscard]] GpuPlacement gpu_of(const Config& config, SharingMode sharing) const;
  [[nodiscard]] GpuPlacement gpu_of(const Pattern& pattern,
                                    const std::map<Config, SharingMode>& sharing) const;
  [[nodiscard]] int ample(int service) const;
  void add_dedicated(Placement& placement, int service, int replicas) const;
  void add_gpus(Placement& placement, const GpuPlacement& gpu, int count) const;

  Scenario base_;
  std::span<const GpuOffer> offers_;
  const PlanOptions& options_;
  int roomiest_ = 0;  // offer with the most memory
  std::vector<std::shared_ptr<const CutGpu>> wholes_;
  std::vector<std::vector<std::shared_ptr<const CutGpu>>> layouts_;
  std::map<std::pair<int, std::string>, std::shared_ptr<const CutGpu>> instances_;
  std::vector<int> ample_;
};

}  // namespace gpushare::planning
