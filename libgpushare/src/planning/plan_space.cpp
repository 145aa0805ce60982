#include "planning/plan_space.hpp"

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "gpushare/bounds.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/fits.hpp"

namespace gpushare::planning {
namespace {

constexpr int kGpusOfNode = 8;
constexpr int kAmple = 8;  // replicas of a service that must not be in the way, where nothing else is known

std::size_t index(int number) { return static_cast<std::size_t>(number); }

std::set<int> services_of(const Pipeline& pipeline) {
  std::set<int> services;
  for (const Stage& stage : pipeline.stages)
    if (stage.service >= 0) services.insert(stage.service);
  return services;
}

bool meet(const std::set<int>& a, const std::set<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int one) { return b.contains(one); });
}

bool is_apart(const Isolation& rule, const Workload& workload, const std::set<int>& services) {
  const auto here = std::count_if(services.begin(), services.end(), [&](int s) {
    return std::find(rule.between.begin(), rule.between.end(), workload.services[index(s)].name) !=
           rule.between.end();
  });
  return here < 2;
}

}  // namespace

PlanSpace::PlanSpace(const Scenario& scenario, const Objectives& objectives, std::span<const GpuOffer> offers,
                     const PlanOptions& options)
    : base_(scenario), offers_(offers), options_(options), layouts_(offers.size()) {
  base_.faults.clear();
  base_.original.reset();
  base_.document.clear();
  base_.workload.objectives = objectives;
  for (std::size_t kind = 0; kind < offers.size(); ++kind) {
    const auto& profile = offers[kind].gpu;
    wholes_.push_back(cut_gpu(profile));
    if (profile->memory_bytes > offers[index(roomiest_)].gpu->memory_bytes)
      roomiest_ = static_cast<int>(kind);
    if (!options.mig || profile->memory_slots == 0) continue;
    for (const Layout& layout : maximal_multisets(*profile)) {
      if (layout.instances.size() < 2) continue;
      layouts_[kind].push_back(cut_gpu(profile, layout));
      for (const Partition& part : layouts_[kind].back()->partitions) {
        auto& cut = instances_[{static_cast<int>(kind), instance_name(part)}];
        if (!cut) cut = cut_gpu(profile, parse_layout(*profile, instance_name(part)));
      }
    }
  }
  const auto traffic = service_traffic(base_.workload);
  const CutGpu& whole = *wholes_[index(roomiest_)];
  for (std::size_t s = 0; s < traffic.size(); ++s) {
    const double each = capacity_bound(base_.workload.services[s], traffic[s].mean,
                                       {*whole.profile, whole.partitions.front()});
    const double needed = each > 0 ? std::min(1'000.0, 2 * std::ceil(traffic[s].per_s / each)) : 0;
    ample_.push_back(std::max({kAmple, base_.workload.services[s].replicas, static_cast<int>(needed)}));
  }
}

std::vector<CoveringProblem::Kind> PlanSpace::kinds() const {
  std::vector<CoveringProblem::Kind> kinds;
  for (std::size_t kind = 0; kind < offers_.size(); ++kind) {
    kinds.push_back({offers_[kind].price, offers_[kind].count, {}});
    for (const auto& cut : layouts_[kind]) {
      auto& instances = kinds.back().layouts.emplace_back();
      for (const Partition& part : cut->partitions) ++instances[instance_name(part)];
    }
  }
  return kinds;
}

std::vector<int> PlanSpace::ranks() const {
  std::vector<int> ranks;
  for (const Service& service : workload().services) ranks.push_back(service.tensor_parallel);
  return ranks;
}

int PlanSpace::gpus() const {
  int count = 0;
  for (const GpuOffer& offer : offers_) count += offer.count;
  return count;
}

std::set<int> PlanSpace::companions(std::set<int> services) const {
  for (std::size_t before = 0; before != services.size();) {
    before = services.size();
    for (const Pipeline& pipeline : workload().pipelines)
      if (const std::set<int> visited = planning::services_of(pipeline); meet(visited, services))
        services.insert(visited.begin(), visited.end());
  }
  return services;
}

std::set<int> PlanSpace::services_of(const Config& config) const {
  std::set<int> services;
  for (const Tenant& tenant : config.tenants) services.insert(tenant.service);
  return services;
}

std::vector<SharingMode> PlanSpace::sharings(const Config& config) const {
  if (config.tenants.size() < 2) return {SharingMode::exclusive};
  const std::set<int> services = services_of(config);
  bool mps = options_.mps, any = true;
  for (const Isolation& rule : workload().objectives.isolation) {
    if (is_apart(rule, workload(), services)) continue;
    mps = false;
    any = any && rule.level == IsolationLevel::process;
  }
  std::vector<SharingMode> ways;
  if (mps && any) ways.push_back(SharingMode::mps);
  if (options_.time_slicing && any) ways.push_back(SharingMode::time_slicing);
  return ways;
}

std::string PlanSpace::obstacle(const Config& config, SharingMode sharing) const {
  const Scenario scenario = alone(config, sharing, {});
  try {
    check_placement(scenario.workload, scenario.placement);
  } catch (const ScenarioError& error) {
    return error.what();
  }
  const Fit fit = fits(scenario.workload, scenario.placement);
  for (const Misfit& misfit : fit.misfits)
    if (misfit.gpu < config.part.gpus) return explain(misfit, scenario.workload, scenario.placement);
  const double headroom = workload().objectives.memory_headroom;
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

Scenario PlanSpace::alone(const Config& config, SharingMode sharing, const Replicas& enough) const {
  Scenario scenario = base_;
  const std::set<int> running = companions(services_of(config));
  std::erase_if(scenario.workload.traffic, [&](const Traffic& traffic) {
    return !meet(planning::services_of(base_.workload.pipelines[index(traffic.pipeline)]), running);
  });
  Placement& placement = scenario.placement;
  placement = {{}, {}};
  add_gpus(placement, gpu_of(config, sharing), config.part.gpus);
  for (int s = 0; s < static_cast<int>(workload().services.size()); ++s) {
    int wanted = running.contains(s) ? ample(s) : 1;
    if (!enough.empty() && enough[index(s)] > 0 && running.contains(s)) wanted = enough[index(s)];
    for (const Tenant& tenant : config.tenants)
      if (tenant.service == s) wanted = tenant.replicas;
    for (const Tenant& tenant : config.tenants) wanted -= tenant.service == s ? 1 : 0;
    add_dedicated(placement, s, wanted);
  }
  return scenario;
}

Scenario PlanSpace::packed(const Packed& packed, const std::map<Config, SharingMode>& sharing) const {
  Scenario scenario = base_;
  scenario.placement = {{}, {}};
  for (const Pattern& pattern : packed.patterns)
    add_gpus(scenario.placement, gpu_of(pattern, sharing), pattern.gpus);
  return scenario;
}

std::string PlanSpace::name_of(const Config& config) const {
  const std::string part = config.part.instance.empty() ? "whole" : config.part.instance;
  std::string text = offers_[index(config.part.kind)].gpu->name + "/" + part + ":";
  for (const Tenant& tenant : config.tenants) {
    text +=
        (&tenant == &config.tenants.front() ? " " : ", ") + workload().services[index(tenant.service)].name;
    if (tenant.replicas > 1) text += text::format(" (1 of {})", tenant.replicas);
  }
  return text;
}

GpuPlacement PlanSpace::gpu_of(const Config& config, SharingMode sharing) const {
  const bool whole = config.part.instance.empty();
  GpuPlacement gpu = empty_gpu(whole ? wholes_[index(config.part.kind)]
                                     : instances_.at({config.part.kind, config.part.instance}));
  gpu.partitions.front().sharing.mode = sharing;
  for (const Tenant& tenant : config.tenants) gpu.partitions.front().processes.push_back({tenant.service});
  return gpu;
}

GpuPlacement PlanSpace::gpu_of(const Pattern& pattern, const std::map<Config, SharingMode>& sharing) const {
  if (pattern.layout < 0) return gpu_of(pattern.configs.front(), sharing.at(pattern.configs.front()));
  GpuPlacement gpu = empty_gpu(layouts_[index(pattern.kind)][index(pattern.layout)]);
  std::vector<Config> waiting = pattern.configs;
  for (std::size_t p = 0; p < gpu.partitions.size(); ++p) {
    const std::string name = instance_name(gpu.parts()[p]);
    const auto found = std::find_if(waiting.begin(), waiting.end(),
                                    [&](const Config& config) { return config.part.instance == name; });
    if (found == waiting.end()) continue;
    gpu.partitions[p].processes.push_back({found->tenants.front().service});
    waiting.erase(found);
  }
  return gpu;
}

int PlanSpace::ample(int service) const { return ample_[index(service)]; }

void PlanSpace::add_dedicated(Placement& placement, int service, int replicas) const {
  const int ranks = workload().services[index(service)].tensor_parallel;
  const Config config{{roomiest_, {}, ranks}, {{service, 1}}};
  for (int r = 0; r < replicas; ++r) add_gpus(placement, gpu_of(config, SharingMode::exclusive), ranks);
}

// On one node, because the ranks of a replica must reach each other.
void PlanSpace::add_gpus(Placement& placement, const GpuPlacement& gpu, int count) const {
  int here = 0;
  for (const GpuPlacement& other : placement.gpus)
    here += other.node + 1 == static_cast<int>(placement.nodes.size()) ? 1 : 0;
  if (placement.nodes.empty() || here + count > kGpusOfNode) placement.nodes.push_back(base_.placing.node);
  for (int i = 0; i < count; ++i) {
    placement.gpus.push_back(gpu);
    placement.gpus.back().node = static_cast<int>(placement.nodes.size()) - 1;
  }
}

}  // namespace gpushare::planning
