#include "planning/covering_problem.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <set>

namespace gpushare::planning {
namespace {

constexpr double kParts = 10'000;  // of a unit of price

const Tenant* find(const std::vector<Tenant>& tenants, int service) {
  const auto found = std::find_if(tenants.begin(), tenants.end(),
                                  [&](const Tenant& tenant) { return tenant.service == service; });
  return found == tenants.end() ? nullptr : &*found;
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

std::vector<Config> Packed::hosts_of(int service) const {
  std::vector<Config> hosts = configs();
  std::erase_if(hosts, [service](const Config& config) { return find(config.tenants, service) == nullptr; });
  return hosts;
}

bool as_hard(const std::vector<const Config*>& configs, const std::vector<Config>& than) {
  if (configs.size() != than.size()) return false;
  std::vector<bool> matched(than.size());
  const std::function<bool(std::size_t)> match = [&](std::size_t c) {
    if (c == configs.size()) return true;
    for (std::size_t h = 0; h < than.size(); ++h) {
      if (matched[h] || configs[c]->part != than[h].part || !harder(configs[c]->tenants, than[h].tenants))
        continue;
      matched[h] = true;
      if (match(c + 1)) return true;
      matched[h] = false;
    }
    return false;
  };
  return match(0);
}

bool Forbidden::forbids(const std::vector<Config>& configs) const {
  if (std::find(packings.begin(), packings.end(), configs) != packings.end()) return true;
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& known) {
    std::vector<const Config*> here;
    for (const Config& config : configs)
      if (find(config.tenants, known.first) != nullptr) here.push_back(&config);
    return std::any_of(known.second.begin(), known.second.end(),
                       [&](const std::vector<Config>& than) { return as_hard(here, than); });
  });
}

int most_replicas(const CoveringProblem& problem) {
  int replicas = 0;
  for (const auto& options : problem.tenants) {
    int most = 1;
    for (const Tenant& tenant : options) most = std::max(most, tenant.replicas);
    replicas += most;
  }
  return replicas;
}

Tenant lightest_of(const CoveringProblem& problem, const Tenant& tenant) {
  Tenant lightest = tenant;
  for (const Tenant& other : problem.tenants[index(tenant.service)])
    if (other.variant == tenant.variant) lightest.replicas = std::max(lightest.replicas, other.replicas);
  return lightest;
}

std::vector<Part> parts_of(const CoveringProblem& problem) {
  std::set<int> sizes{1};
  sizes.insert(problem.ranks.begin(), problem.ranks.end());
  std::vector<Part> parts;
  for (int kind = 0; kind < static_cast<int>(problem.kinds.size()); ++kind)
    for (const int gpus : sizes) parts.push_back({kind, {}, gpus});
  for (int kind = 0; kind < static_cast<int>(problem.kinds.size()); ++kind)
    for (const std::string& name : instances_of(problem.kinds[index(kind)].layouts))
      parts.push_back({kind, name, 1});
  return parts;
}

double common_measure(const CoveringProblem& problem) {
  std::int64_t common = 0;
  for (const CoveringProblem::Kind& kind : problem.kinds) {
    const double parts = std::round(kind.price * kParts);
    if (!(parts >= 1) || parts > 1e12 || std::abs(parts / kParts - kind.price) > 1e-12 * kind.price) return 0;
    common = std::gcd(common, static_cast<std::int64_t>(parts));
  }
  return static_cast<double>(common) / kParts;
}

}  // namespace gpushare::planning
