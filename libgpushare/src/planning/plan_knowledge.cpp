#include "planning/plan_knowledge.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gpushare/errors.hpp"

namespace gpushare::planning {

void until_cancelled(const SearchOptions& options, const std::function<void()>& search) {
  try {
    search();
  } catch (const SimulationError&) {
    if (!options.cancelled()) throw;
  }
}

PlanKnowledge::PlanKnowledge(const CoveringProblem& problem, const Judge& judge, const SearchOptions& options,
                             std::function<void(const Config&)> refute)
    : problem_(problem), judge_(judge), options_(options), refute_(std::move(refute)) {
  for (const auto& [config, met] : options.known) take(config, met);
}

void PlanKnowledge::learn(const Config& config) {
  if (!known_.contains(config)) take(config, judge_.config(config));
}

void PlanKnowledge::take(const Config& config, Met met) {
  known_[config] = met;
  if (met != Met::no) return;
  refuted_.push_back(config);
  refute_(config);
}

Met PlanKnowledge::judge(const Packed& packed,
                         const std::function<void(int, const std::vector<Config>&)>& forbid) {
  const Met met = judge_.packing(packed);
  if (met == Met::yes) return met;
  for (const int service : judge_.failing(packed)) {
    const std::vector<Config> hosts = packed.hosts_of(service);
    if (hosts.size() == 1 && known_[hosts.front()] == Met::yes)
      known_[hosts.front()] = Met::unclear;
    else
      forbid(service, hosts);
  }
  return met;
}

std::vector<Config> PlanKnowledge::less_hard(const Config& config) const {
  std::vector<Config> less;
  if (config.tenants.size() > 2) {
    const auto alone = [&](const Tenant& tenant) { return options_.guess({config.part, {tenant}}); };
    Config fewer = config;
    fewer.tenants.erase(
        std::min_element(fewer.tenants.begin(), fewer.tenants.end(),
                         [&](const Tenant& a, const Tenant& b) { return alone(a) < alone(b); }));
    less.push_back(std::move(fewer));
  }
  Config lighter = config;
  for (Tenant& tenant : lighter.tenants) tenant = lightest_of(problem_, tenant);
  std::sort(lighter.tenants.begin(), lighter.tenants.end());
  if (lighter != config) less.push_back(std::move(lighter));
  return less;
}

std::optional<Met> PlanKnowledge::met(const Config& config) const {
  const auto found = known_.find(config);
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Config> PlanKnowledge::holding(bool surely) const {
  std::vector<Config> holding;
  for (const auto& [config, met] : known_)
    if (met == Met::yes || (!surely && met == Met::unclear)) holding.push_back(config);
  return holding;
}

std::vector<Config> PlanKnowledge::unknown_of(const std::vector<Config>& configs) const {
  std::vector<Config> unknown;
  for (const Config& config : configs)
    if (!known_.contains(config) && std::find(unknown.begin(), unknown.end(), config) == unknown.end())
      unknown.push_back(config);
  return unknown;
}

Covering::Risk PlanKnowledge::risk() const {
  return [this](const Config& config) {
    const double crowd = 0.05 * static_cast<double>(config.tenants.size());
    return met(config) == Met::yes ? crowd : 1 + std::exp(options_.guess(config)) + crowd;
  };
}

std::optional<Packed> PlanKnowledge::next_best(const Covering& covering, bool surely,
                                               std::size_t most_mixtures) {
  auto next = covering.assemble(holding(surely), risk(), kInfinite, most_mixtures);
  if (!next) return std::nullopt;
  for (const Config& config : unknown_of(next->configs())) {
    learn(config);
    if (met(config) == Met::no) return std::nullopt;
  }
  return judge_.packing(*next) == Met::yes ? std::move(next) : std::nullopt;
}

}  // namespace gpushare::planning
