#pragma once

#include <compare>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/plan.hpp"
#include "planning/covering.hpp"

/// What a plan may use: GPUs and their parts, forms of services, ways of sharing.
namespace gpushare::planning {

/// How the tenants of a part share it.
struct Way {
  SharingMode sharing = SharingMode::exclusive;
  std::vector<double> percentages{};  ///< caps of MPS clients, by tenant; empty: none

  friend auto operator<=>(const Way&, const Way&) = default;
};

using Ways = std::map<Config, Way>;

class PlanSpace {
 public:
  /// Throws ScenarioError for variants of services that do not exist or become something else by them.
  PlanSpace(const Scenario& scenario, const Objectives& objectives, std::span<const GpuOffer> offers,
            const PlanOptions& options);

  /// As it was handed over, without faults, with the objectives.
  [[nodiscard]] const Scenario& scenario() const { return base_; }
  [[nodiscard]] const Workload& workload() const { return base_.workload; }
  /// What each service may be; the first is as it stands.
  [[nodiscard]] const std::vector<Service>& forms(int service) const { return forms_[index(service)]; }
  /// The merge patch of a form but the first.
  [[nodiscard]] const std::string& variant(const Tenant& tenant) const;
  /// All but who the tenants are and what is possible.
  [[nodiscard]] CoveringProblem problem() const;
  [[nodiscard]] int kinds() const { return static_cast<int>(offers_.size()); }
  [[nodiscard]] int gpus() const;                           ///< that there are
  [[nodiscard]] int roomiest() const { return roomiest_; }  ///< offer with the most memory
  [[nodiscard]] int spare() const;                          ///< replicas of each service that may be missing

  /// These services and all that requests visit on their way through them.
  [[nodiscard]] std::set<int> companions(std::set<int> services) const;

  /// Ways in which the tenants may share the part.
  [[nodiscard]] std::vector<Way> ways(const Config& config) const;
  /// With caps, for two MPS clients.
  [[nodiscard]] std::vector<Way> capped(const Config& config) const;

  [[nodiscard]] GpuPlacement gpu_of(const Config& config, const Way& way) const;
  [[nodiscard]] GpuPlacement gpu_of(const Pattern& pattern, const Ways& ways) const;

  [[nodiscard]] std::string name_of(const Config& config) const;

 private:
  void cut(int kind);
  void add_forms(const Scenario& scenario);
  [[nodiscard]] bool is_lesser(const Part& part, const Part& than) const;
  [[nodiscard]] const Partition& partition_of(const Part& part) const;

  Scenario base_;
  std::span<const GpuOffer> offers_;
  const PlanOptions& options_;
  int roomiest_ = 0;
  std::vector<std::vector<Service>> forms_;
  std::vector<std::shared_ptr<const CutGpu>> wholes_;
  std::vector<std::vector<std::shared_ptr<const CutGpu>>> layouts_;
  std::map<std::pair<int, std::string>, std::shared_ptr<const CutGpu>> instances_;
};

/// Services that a pipeline visits.
[[nodiscard]] std::set<int> services_of(const Pipeline& pipeline);
[[nodiscard]] std::set<int> services_of(const std::vector<Tenant>& tenants);
/// Services that are something else than the document says, and their forms.
using Forms = std::set<std::pair<int, int>>;
[[nodiscard]] Forms forms_of(const std::vector<Tenant>& tenants);
[[nodiscard]] bool meet(const std::set<int>& a, const std::set<int>& b);

}  // namespace gpushare::planning
