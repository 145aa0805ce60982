#include "planning/plan_staging.hpp"

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "gpushare/bounds.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/fits.hpp"

namespace gpushare::planning {
namespace {

constexpr int kAmple = 8;  // replicas of a service that must not be in the way, where nothing else is known

std::vector<int> ample_replicas(const PlanSpace& space) {
  std::vector<int> ample;
  const Workload& workload = space.workload();
  const auto traffic = service_traffic(workload);
  const GpuPlacement whole = space.gpu_of(Config{{space.roomiest(), {}, 1}, {}}, {});
  for (std::size_t s = 0; s < traffic.size(); ++s) {
    const double each =
        capacity_bound(workload.services[s], traffic[s].mean, {whole.profile(), whole.parts().front()});
    const double needed = each > 0 ? std::min(1'000.0, 2 * std::ceil(traffic[s].per_s / each)) : 0;
    ample.push_back(std::max({kAmple, workload.services[s].replicas, static_cast<int>(needed)}));
  }
  return ample;
}

}  // namespace

PlanStaging::PlanStaging(const PlanSpace& space) : space_(space), ample_(ample_replicas(space)) {
  const auto& services = space.workload().services;
  if (space.workload().objectives.tolerate == Tolerance::node) {
    // No placement on one node tolerates its loss.
    gpus_of_node_ = 1;
    for (const Service& service : services) gpus_of_node_ = std::max(gpus_of_node_, service.tensor_parallel);
  }
  for (int s = 0; s < static_cast<int>(services.size()); ++s) enough_.push_back({s, 0, 0});
  // The first form that fits stands in for the others.
  for (Tenant& tenant : enough_) {
    const int forms = static_cast<int>(space.forms(tenant.service).size());
    const auto fits = [&](int form) {
      const Part whole{space.roomiest(), {}, services[index(tenant.service)].tensor_parallel};
      return obstacle({whole, {{tenant.service, 1, form}}}, {}).empty();
    };
    while (tenant.variant + 1 < forms && !fits(tenant.variant)) ++tenant.variant;
  }
}

std::string PlanStaging::obstacle(const Config& config, const Way& way) const {
  const Scenario scenario = alone(config, way);
  try {
    check_placement(scenario.workload, scenario.placement);
  } catch (const ScenarioError& error) {
    return error.what();
  }
  const Fit fit = fits(scenario.workload, scenario.placement);
  for (const Misfit& misfit : fit.misfits)
    if (misfit.gpu < config.part.gpus) return explain(misfit, scenario.workload, scenario.placement);
  const double headroom = space_.workload().objectives.memory_headroom;
  for (const Fit::Part& part : fit.parts) {
    if (part.gpu >= config.part.gpus) continue;
    const GpuPlacement& gpu = scenario.placement.gpus[index(part.gpu)];
    const double memory = gpu.parts()[index(part.partition)].memory_bytes;
    if (part.free_bytes < headroom * memory)
      return text::format("{:.3g} % of the memory stay free, {:.3g} % are asked for",
                          100 * part.free_bytes / memory, 100 * headroom);
  }
  return {};
}

Scenario PlanStaging::alone(const Config& config, const Way& way) const {
  const std::set<int> running = space_.companions(services_of(config.tenants));
  Scenario scenario = with_traffic_of(running);
  for (const Tenant& tenant : enough_) set_form(scenario.workload, tenant);
  for (const Tenant& tenant : config.tenants) set_form(scenario.workload, tenant);
  resolve_roles(scenario.workload);
  Placement& placement = scenario.placement;
  placement = {{}, {}};
  add_gpus(placement, space_.gpu_of(config, way), config.part.gpus);
  for (const Tenant& companion : enough_) {
    const int s = companion.service;
    const auto looked_at = std::count_if(config.tenants.begin(), config.tenants.end(),
                                         [s](const Tenant& tenant) { return tenant.service == s; });
    int replicas = running.contains(s) ? wanted(s) : 1;
    for (const Tenant& tenant : config.tenants)
      if (tenant.service == s) replicas = tenant.replicas - space_.spare();
    add_dedicated(placement, companion, replicas - static_cast<int>(looked_at));
  }
  return scenario;
}

Scenario PlanStaging::dedicated(const std::set<int>& services, const std::vector<Tenant>& forms) const {
  Scenario scenario = with_traffic_of(services);
  for (const Tenant& tenant : enough_) set_form(scenario.workload, tenant);
  for (const Tenant& tenant : forms) set_form(scenario.workload, tenant);
  resolve_roles(scenario.workload);
  scenario.placement = {{}, {}};
  for (const Tenant& tenant : enough_) {
    const int asked = space_.workload().services[index(tenant.service)].replicas;
    add_dedicated(scenario.placement, tenant,
                  services.contains(tenant.service) ? std::max({1, asked, tenant.replicas}) : 1);
  }
  return scenario;
}

Scenario PlanStaging::with_traffic_of(const std::set<int>& services) const {
  Scenario scenario = space_.scenario();
  std::erase_if(scenario.workload.traffic, [&](const Traffic& traffic) {
    return !meet(services_of(space_.workload().pipelines[index(traffic.pipeline)]), services);
  });
  return scenario;
}

int PlanStaging::wanted(int service) const {
  const int enough = enough_[index(service)].replicas;
  return enough > 0 ? enough : ample_[index(service)];
}

Scenario PlanStaging::packed(const Packed& packed, const Ways& ways) const {
  Scenario scenario = space_.scenario();
  for (const Pattern& pattern : packed.patterns)
    for (const Config& config : pattern.configs)
      for (const Tenant& tenant : config.tenants) set_form(scenario.workload, tenant);
  resolve_roles(scenario.workload);
  scenario.placement = placement_of(packed, ways);
  return scenario;
}

Scenario PlanStaging::answer(const Scenario& scenario, const Packed& packed, const Ways& ways) const {
  Scenario answer = scenario.faults.empty() ? scenario : with_faults(scenario, "[]");
  std::set<Tenant> changed;
  for (const Pattern& pattern : packed.patterns)
    for (const Config& config : pattern.configs)
      for (const Tenant& tenant : config.tenants)
        if (tenant.variant > 0) changed.insert(tenant);
  for (const Tenant& tenant : changed)
    answer =
        with_service(answer, space_.workload().services[index(tenant.service)].name, space_.variant(tenant));
  answer = with_objectives(answer, space_.workload().objectives);
  return with_placement(answer, placement_of(packed, ways), "plan");
}

Placement PlanStaging::placement_of(const Packed& packed, const Ways& ways) const {
  Placement placement{{}, {}};
  for (const Pattern& pattern : packed.patterns)
    add_gpus(placement, space_.gpu_of(pattern, ways), pattern.gpus);
  return placement;
}

void PlanStaging::set_form(Workload& workload, const Tenant& tenant) const {
  workload.services[index(tenant.service)] = space_.forms(tenant.service)[index(tenant.variant)];
}

void PlanStaging::add_dedicated(Placement& placement, const Tenant& tenant, int replicas) const {
  const int ranks = space_.workload().services[index(tenant.service)].tensor_parallel;
  const GpuPlacement gpu = space_.gpu_of(Config{{space_.roomiest(), {}, ranks}, {tenant}}, {});
  for (int r = 0; r < replicas; ++r) add_gpus(placement, gpu, ranks);
}

// On one node, because the ranks of a replica must reach each other.
void PlanStaging::add_gpus(Placement& placement, const GpuPlacement& gpu, int count) const {
  int here = 0;
  for (const GpuPlacement& other : placement.gpus)
    here += other.node + 1 == static_cast<int>(placement.nodes.size()) ? 1 : 0;
  if (placement.nodes.empty() || here + count > gpus_of_node_)
    placement.nodes.push_back(space_.scenario().placing.node);
  for (int i = 0; i < count; ++i) {
    placement.gpus.push_back(gpu);
    placement.gpus.back().node = static_cast<int>(placement.nodes.size()) - 1;
  }
}

}  // namespace gpushare::planning
