#include "planning/covering.hpp"

#include <algorithm>
#include <set>

#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare::planning {
namespace {

const Tenant* find(const std::vector<Tenant>& tenants, int service) {
  const auto found = std::find_if(tenants.begin(), tenants.end(),
                                  [&](const Tenant& tenant) { return tenant.service == service; });
  return found == tenants.end() ? nullptr : &*found;
}

// Whether a service that is here already may have this replica beside it.
bool goes_beside(const std::vector<Tenant>& tenants, const Tenant& added, int most_copies) {
  const Tenant* other = find(tenants, added.service);
  if (other != nullptr && *other != added) return false;
  return std::count(tenants.begin(), tenants.end(), added) < std::min(most_copies, added.replicas);
}

}  // namespace

std::set<std::string> instances_of(const std::vector<CoveringProblem::Layout>& layouts) {
  std::set<std::string> names;
  for (const CoveringProblem::Layout& layout : layouts)
    for (const auto& [name, count] : layout) names.insert(name);
  return names;
}

bool harder(const std::vector<Tenant>& tenants, const std::vector<Tenant>& than) {
  return std::all_of(than.begin(), than.end(), [&](const Tenant& tenant) {
    const Tenant* mine = find(tenants, tenant.service);
    return mine != nullptr && mine->variant == tenant.variant && mine->replicas <= tenant.replicas &&
           std::count(tenants.begin(), tenants.end(), *mine) >= std::count(than.begin(), than.end(), tenant);
  });
}

bool is_instance_of(const Part& instance, const Part& whole) {
  return instance.kind == whole.kind && !instance.whole() && whole.whole() && whole.gpus == 1;
}

std::vector<Config> Packed::configs() const {
  std::vector<Config> all;
  for (const Pattern& pattern : patterns)
    all.insert(all.end(), pattern.configs.begin(), pattern.configs.end());
  std::sort(all.begin(), all.end());
  return all;
}

Covering::Covering(const CoveringProblem& problem) : problem_(problem) {
  std::set<int> sizes{1};
  sizes.insert(problem.ranks.begin(), problem.ranks.end());
  for (int kind = 0; kind < static_cast<int>(problem.kinds.size()); ++kind) {
    std::vector<Part> parts;
    for (const int gpus : sizes) parts.push_back({kind, {}, gpus});
    for (const std::string& name : instances_of(problem.kinds[index(kind)].layouts))
      parts.push_back({kind, name, 1});
    for (const Part& part : parts) {
      std::vector<Tenant> tenants;
      add_configs(part, tenants, choices_on(part), 0);
    }
  }
}

std::vector<Tenant> Covering::choices_on(const Part& part) const {
  std::vector<Tenant> choices;
  for (std::size_t s = 0; s < problem_.tenants.size(); ++s) {
    if (problem_.ranks[s] != part.gpus) continue;
    for (const Tenant& tenant : problem_.tenants[s])
      if (allowed({part, {tenant}})) choices.push_back(tenant);
  }
  return choices;
}

void Covering::add_configs(const Part& part, std::vector<Tenant>& tenants, const std::vector<Tenant>& choices,
                           std::size_t first) {
  const int most = part.gpus > 1 ? 1 : problem_.most_tenants;
  if (static_cast<int>(tenants.size()) == most) return;
  for (std::size_t i = first; i < choices.size(); ++i) {
    if (!goes_beside(tenants, choices[i], problem_.copies)) continue;
    tenants.push_back(choices[i]);
    Config config{part, tenants};
    std::sort(config.tenants.begin(), config.tenants.end());
    if (allowed(config)) {
      if (configs_.size() >= problem_.most_configs)
        throw ScenarioError("plan", text::format("more than {} ways to fill a part of a GPU: fewer services, "
                                                 "kinds of GPU or ways of sharing are needed",
                                                 problem_.most_configs));
      configs_.push_back(std::move(config));
      add_configs(part, tenants, choices, i);
    }
    tenants.pop_back();
  }
}

bool Covering::allowed(const Config& config) const {
  return std::none_of(refuted_.begin(), refuted_.end(),
                      [&](const Config& cut) { return fails_with(config, cut); }) &&
         problem_.possible(config);
}

bool Covering::fails_with(const Config& config, const Config& cut) const {
  return (config.part == cut.part || problem_.lesser(config.part, cut.part)) &&
         harder(config.tenants, cut.tenants);
}

void Covering::refute(const Config& config) {
  std::erase_if(configs_, [&](const Config& one) { return fails_with(one, config); });
  refuted_.push_back(config);
}

}  // namespace gpushare::planning
