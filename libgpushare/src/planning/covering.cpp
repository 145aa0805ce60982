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

bool harder(const Config& config, const Config& than) {
  if (config.part != than.part) return false;
  return std::all_of(than.tenants.begin(), than.tenants.end(), [&](const Tenant& tenant) {
    const Tenant* mine = find(config.tenants, tenant.service);
    return mine != nullptr && mine->replicas <= tenant.replicas &&
           std::count(config.tenants.begin(), config.tenants.end(), *mine) >=
               std::count(than.tenants.begin(), than.tenants.end(), tenant);
  });
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
    for (const int gpus : sizes) {
      const Part whole{kind, {}, gpus};
      std::vector<Tenant> tenants;
      add_whole(whole, tenants, choices_on(whole), 0);
    }
    const auto& layouts = problem.kinds[static_cast<std::size_t>(kind)].layouts;
    for (std::size_t i = 0; i < layouts.size(); ++i) {
      std::vector<Config> configs;
      add_layout(kind, static_cast<int>(i), layouts[i].begin(), layouts[i].begin()->second, 0, configs);
    }
  }
}

void Covering::add(Pattern pattern) {
  if (patterns_.size() >= problem_.most_patterns)
    throw ScenarioError("plan", text::format("more than {} ways to fill a GPU: fewer services, kinds of GPU "
                                             "or ways of sharing are needed",
                                             problem_.most_patterns));
  patterns_.push_back(std::move(pattern));
}

std::vector<Tenant> Covering::choices_on(const Part& part) const {
  std::vector<Tenant> choices;
  for (int s = 0; s < static_cast<int>(problem_.replicas.size()); ++s) {
    const auto position = static_cast<std::size_t>(s);
    if (problem_.ranks[position] != part.gpus) continue;
    for (const int replicas : problem_.replicas[position])
      if (allowed({part, {{s, replicas}}})) choices.push_back({s, replicas});
  }
  return choices;
}

void Covering::add_whole(const Part& part, std::vector<Tenant>& tenants, const std::vector<Tenant>& choices,
                         std::size_t first) {
  const int most = part.gpus > 1 ? 1 : problem_.most_tenants;
  if (static_cast<int>(tenants.size()) == most) return;
  for (std::size_t i = first; i < choices.size(); ++i) {
    if (!goes_beside(tenants, choices[i], problem_.copies)) continue;
    tenants.push_back(choices[i]);
    const Config config{part, tenants};
    if (allowed(config)) {
      add({part.kind, part.gpus, -1, {config}});
      add_whole(part, tenants, choices, i);
    }
    tenants.pop_back();
  }
}

// Fills the instances of one name after the other, those of a name in the order of their tenants; some stay empty.
void Covering::add_layout(int kind, int layout, std::map<std::string, int>::const_iterator group, int left,
                          std::size_t first, std::vector<Config>& configs) {
  const auto& instances =
      problem_.kinds[static_cast<std::size_t>(kind)].layouts[static_cast<std::size_t>(layout)];
  const auto next = std::next(group);
  if (next != instances.end())
    add_layout(kind, layout, next, next->second, 0, configs);
  else if (!configs.empty())
    add({kind, 1, layout, configs});
  if (left == 0) return;
  const Part part{kind, group->first, 1};
  const std::vector<Tenant> choices = choices_on(part);
  std::vector<Tenant> here;
  here.reserve(configs.size());
  for (const Config& config : configs) here.push_back(config.tenants.front());
  for (std::size_t i = first; i < choices.size(); ++i) {
    if (!goes_beside(here, choices[i], choices[i].replicas)) continue;
    configs.push_back({part, {choices[i]}});
    add_layout(kind, layout, group, left - 1, i, configs);
    configs.pop_back();
  }
}

bool Covering::allowed(const Config& config) const {
  return std::none_of(refuted_.begin(), refuted_.end(),
                      [&](const Config& cut) { return harder(config, cut); }) &&
         problem_.possible(config);
}

void Covering::refute(const Config& config) {
  std::vector<Config> cuts{config};
  if (config.part.instance.empty() && config.part.gpus == 1) {
    std::set<std::string> names;
    for (const auto& layout : problem_.kinds[static_cast<std::size_t>(config.part.kind)].layouts)
      for (const auto& [name, count] : layout) names.insert(name);
    for (const std::string& name : names) cuts.push_back({{config.part.kind, name, 1}, config.tenants});
  }
  std::erase_if(patterns_, [&](const Pattern& pattern) {
    return std::any_of(pattern.configs.begin(), pattern.configs.end(), [&](const Config& one) {
      return std::any_of(cuts.begin(), cuts.end(), [&](const Config& cut) { return harder(one, cut); });
    });
  });
  refuted_.insert(refuted_.end(), cuts.begin(), cuts.end());
}

}  // namespace gpushare::planning
