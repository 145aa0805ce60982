#pragma once

#include <set>
#include <string>
#include <vector>

#include "planning/plan_space.hpp"

/// What configs and packings are as scenarios.
namespace gpushare::planning {

class PlanStaging {
 public:
  explicit PlanStaging(const PlanSpace& space);

  /// What suffices of a service on whole GPUs; more until this is known.
  void set_enough(const Tenant& tenant) { enough_[index(tenant.service)] = tenant; }

  /// Why the tenants cannot stand there so, whatever their load; empty where they can.
  [[nodiscard]] std::string obstacle(const Config& config, const Way& way) const;

  /// The config on the first GPU, and all else that its requests need on whole GPUs of its own; other services idle. Each
  /// tenant has its part of the load while the replicas that may be missing are.
  [[nodiscard]] Scenario alone(const Config& config, const Way& way) const;
  /// These services on whole GPUs of their own, in as many replicas as suffice or are asked for; others idle.
  [[nodiscard]] Scenario dedicated(const std::set<int>& services, const std::vector<Tenant>& forms) const;
  [[nodiscard]] Scenario packed(const Packed& packed, const Ways& ways) const;
  /// The same of what was handed over, in the forms that the packing has: for the answer.
  [[nodiscard]] Scenario answer(const Scenario& scenario, const Packed& packed, const Ways& ways) const;

 private:
  [[nodiscard]] Placement placement_of(const Packed& packed, const Ways& ways) const;
  [[nodiscard]] Scenario with_traffic_of(const std::set<int>& services) const;
  [[nodiscard]] int wanted(int service) const;
  void set_form(Workload& workload, const Tenant& tenant) const;
  void add_dedicated(Placement& placement, const Tenant& tenant, int replicas) const;
  void add_gpus(Placement& placement, const GpuPlacement& gpu, int count) const;

  const PlanSpace& space_;
  int gpus_of_node_ = 8;
  std::vector<Tenant> enough_;  // by service; no replicas: not known yet
  std::vector<int> ample_;
};

}  // namespace gpushare::planning
