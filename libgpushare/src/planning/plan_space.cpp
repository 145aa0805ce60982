#include "planning/plan_space.hpp"

#include <algorithm>
#include <iterator>

#include "core/catalogue.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::planning {
namespace {

// Number formats that models multiply in.
constexpr Precision kMultiplied[] = {Precision::fp64, Precision::fp32, Precision::tf32, Precision::fp16,
                                     Precision::bf16, Precision::fp8,  Precision::int8};
// By how much cards of one size differ in the memory that is usable.
constexpr double kSameMemory = 1.01;

// Of two MPS clients, in per cent.
constexpr double kCaps[][2] = {{30, 70}, {50, 50}, {70, 30}};

bool is_apart(const Isolation& rule, const Workload& workload, const std::set<int>& services) {
  const auto here = std::count_if(services.begin(), services.end(), [&](int s) {
    return std::find(rule.between.begin(), rule.between.end(), workload.services[index(s)].name) !=
           rule.between.end();
  });
  return here < 2;
}

void put(PartitionPlacement& partition, const Config& config, const Way& way) {
  partition.sharing.mode = way.sharing;
  for (std::size_t t = 0; t < config.tenants.size(); ++t) {
    partition.processes.push_back({config.tenants[t].service});
    if (!way.percentages.empty()) partition.processes.back().active_thread_percentage = way.percentages[t];
  }
}

void check_variants(const PlanOptions& options, const Workload& workload) {
  std::vector<std::string> known;
  for (const Service& service : workload.services) known.push_back(service.name);
  for (const auto& [name, patches] : options.variants)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw ScenarioError("variants", unknown_name("service", name, known));
}

// Whether another kind of GPU has as much of everything that a service may wait for.
bool is_beaten(const GpuProfile& gpu, const GpuProfile& by) {
  const bool multiplies =
      std::all_of(std::begin(kMultiplied), std::end(kMultiplied),
                  [&](Precision precision) { return gpu.flops(precision) <= by.flops(precision); });
  return multiplies && gpu.sms <= by.sms && gpu.clock_hz <= by.clock_hz &&
         gpu.nominal_memory_bytes <= by.nominal_memory_bytes &&
         gpu.bandwidth_bytes_per_s <= by.bandwidth_bytes_per_s && gpu.l2_bytes <= by.l2_bytes &&
         gpu.pcie_bytes_per_s <= by.pcie_bytes_per_s && gpu.copy_engines <= by.copy_engines &&
         gpu.interconnect.bandwidth_bytes_per_s <= by.interconnect.bandwidth_bytes_per_s;
}

}  // namespace

std::set<int> services_of(const Pipeline& pipeline) {
  std::set<int> services;
  for (const Stage& stage : pipeline.stages)
    if (stage.service >= 0) services.insert(stage.service);
  return services;
}

std::set<int> services_of(const std::vector<Tenant>& tenants) {
  std::set<int> services;
  for (const Tenant& tenant : tenants) services.insert(tenant.service);
  return services;
}

Forms forms_of(const std::vector<Tenant>& tenants) {
  Forms forms;
  for (const Tenant& tenant : tenants)
    if (tenant.variant > 0) forms.insert({tenant.service, tenant.variant});
  return forms;
}

bool meet(const std::set<int>& a, const std::set<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int one) { return b.contains(one); });
}

PlanSpace::PlanSpace(const Scenario& scenario, const Objectives& objectives, std::span<const GpuOffer> offers,
                     const PlanOptions& options)
    : base_(scenario), offers_(offers), options_(options), layouts_(offers.size()) {
  base_.faults.clear();
  base_.original.reset();
  base_.document.clear();
  base_.workload.objectives = objectives;
  check_variants(options, scenario.workload);
  add_forms(scenario);
  for (std::size_t kind = 0; kind < offers.size(); ++kind) {
    cut(static_cast<int>(kind));
    if (offers[kind].gpu->memory_bytes > offers[index(roomiest_)].gpu->memory_bytes)
      roomiest_ = static_cast<int>(kind);
  }
}

void PlanSpace::cut(int kind) {
  const auto& profile = offers_[index(kind)].gpu;
  wholes_.push_back(cut_gpu(profile));
  if (!options_.mig || profile->memory_slots == 0) return;
  for (const Layout& layout : maximal_multisets(*profile)) {
    if (layout.instances.size() < 2) continue;
    layouts_[index(kind)].push_back(cut_gpu(profile, layout));
    for (const Partition& part : layouts_[index(kind)].back()->partitions) {
      auto& alone = instances_[{kind, instance_name(part)}];
      if (!alone) alone = cut_gpu(profile, parse_layout(*profile, instance_name(part)));
    }
  }
}

void PlanSpace::add_forms(const Scenario& scenario) {
  for (std::size_t s = 0; s < workload().services.size(); ++s) {
    const Service& service = workload().services[s];
    forms_.push_back({service});
    const auto patches = options_.variants.find(service.name);
    if (patches == options_.variants.end()) continue;
    for (const std::string& patch : patches->second) {
      forms_.back().push_back(with_service(scenario, service.name, patch).workload.services[s]);
      if (forms_.back().back().tensor_parallel != service.tensor_parallel)
        throw ScenarioError("variants/" + service.name,
                            "a replica takes as many GPUs in every form; \"tensor_parallel\" cannot change");
    }
  }
}

const std::string& PlanSpace::variant(const Tenant& tenant) const {
  return options_.variants.at(workload().services[index(tenant.service)].name)[index(tenant.variant) - 1];
}

CoveringProblem PlanSpace::problem() const {
  CoveringProblem problem;
  for (std::size_t kind = 0; kind < offers_.size(); ++kind) {
    problem.kinds.push_back({offers_[kind].price, offers_[kind].count, {}});
    for (const auto& layout : layouts_[kind]) {
      auto& instances = problem.kinds.back().layouts.emplace_back();
      for (const Partition& part : layout->partitions) ++instances[instance_name(part)];
    }
  }
  for (const Service& service : workload().services) problem.ranks.push_back(service.tensor_parallel);
  problem.most_tenants = options_.mps || options_.time_slicing ? options_.most_tenants : 1;
  // Where one may fail, two replicas on one part are no help to each other.
  const Tolerance tolerate = workload().objectives.tolerate;
  problem.copies = spare() > 0 ? 1 : 2;
  problem.spread = tolerate == Tolerance::gpu || tolerate == Tolerance::node;
  problem.lesser = [this](const Part& part, const Part& than) { return is_lesser(part, than); };
  return problem;
}

int PlanSpace::gpus() const {
  int count = 0;
  for (const GpuOffer& offer : offers_) count += offer.count;
  return count;
}

int PlanSpace::spare() const { return workload().objectives.tolerate == Tolerance::nothing ? 0 : 1; }

std::set<int> PlanSpace::companions(std::set<int> services) const {
  for (std::size_t before = 0; before != services.size();) {
    before = services.size();
    for (const Pipeline& pipeline : workload().pipelines)
      if (const std::set<int> visited = services_of(pipeline); meet(visited, services))
        services.insert(visited.begin(), visited.end());
  }
  return services;
}

std::vector<Way> PlanSpace::ways(const Config& config) const {
  if (config.tenants.size() < 2) return {Way{}};
  const std::set<int> services = services_of(config.tenants);
  bool mps = options_.mps, any = true;
  for (const Isolation& rule : workload().objectives.isolation) {
    if (is_apart(rule, workload(), services)) continue;
    mps = false;
    any = any && rule.level == IsolationLevel::process;
  }
  std::vector<Way> ways;
  if (mps && any) ways.push_back({SharingMode::mps});
  if (options_.time_slicing && any) ways.push_back({SharingMode::time_slicing});
  return ways;
}

std::vector<Way> PlanSpace::capped(const Config& config) const {
  std::vector<Way> capped;
  const std::vector<Way> plain = ways(config);
  if (config.tenants.size() != 2 || plain.empty() || plain.front().sharing != SharingMode::mps) return capped;
  for (const auto& caps : kCaps) capped.push_back({SharingMode::mps, {caps[0], caps[1]}});
  return capped;
}

// Of one kind, or of one that has less of everything.
bool PlanSpace::is_lesser(const Part& part, const Part& than) const {
  if (part.gpus != than.gpus || part == than) return false;
  if (than.whole() ? part.kind == than.kind && part.whole() : part.whole()) return false;
  if (part.kind != than.kind && !is_beaten(*offers_[index(part.kind)].gpu, *offers_[index(than.kind)].gpu))
    return false;
  const Partition &mine = partition_of(part), &its = partition_of(than);
  return mine.sms <= its.sms &&
         mine.memory_bytes <= its.memory_bytes * (part.kind == than.kind ? 1 : kSameMemory) &&
         mine.l2_bytes <= its.l2_bytes && mine.bandwidth_bytes_per_s <= its.bandwidth_bytes_per_s &&
         mine.copy_engines <= its.copy_engines && mine.decoders <= its.decoders;
}

const Partition& PlanSpace::partition_of(const Part& part) const {
  const auto& cut = part.whole() ? wholes_[index(part.kind)] : instances_.at({part.kind, part.instance});
  return cut->partitions.front();
}

GpuPlacement PlanSpace::gpu_of(const Config& config, const Way& way) const {
  const Part& part = config.part;
  GpuPlacement gpu =
      empty_gpu(part.whole() ? wholes_[index(part.kind)] : instances_.at({part.kind, part.instance}));
  put(gpu.partitions.front(), config, way);
  return gpu;
}

GpuPlacement PlanSpace::gpu_of(const Pattern& pattern, const Ways& ways) const {
  if (pattern.layout < 0) return gpu_of(pattern.configs.front(), ways.at(pattern.configs.front()));
  GpuPlacement gpu = empty_gpu(layouts_[index(pattern.kind)][index(pattern.layout)]);
  std::vector<Config> waiting = pattern.configs;
  for (std::size_t p = 0; p < gpu.partitions.size(); ++p) {
    const std::string name = instance_name(gpu.parts()[p]);
    const auto found = std::find_if(waiting.begin(), waiting.end(),
                                    [&](const Config& config) { return config.part.instance == name; });
    if (found == waiting.end()) continue;
    put(gpu.partitions[p], *found, ways.at(*found));
    waiting.erase(found);
  }
  return gpu;
}

std::string PlanSpace::name_of(const Config& config) const {
  const std::string part = config.part.whole() ? "whole" : config.part.instance;
  std::string text = offers_[index(config.part.kind)].gpu->name + "/" + part + ":";
  for (const Tenant& tenant : config.tenants) {
    text +=
        (&tenant == &config.tenants.front() ? " " : ", ") + workload().services[index(tenant.service)].name;
    if (tenant.variant > 0) text += " as " + variant(tenant);
    if (tenant.replicas > 1) text += text::format(" (1 of {})", tenant.replicas);
  }
  return text;
}

}  // namespace gpushare::planning
