#include "planning/plan_asked.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "results/figure_names.hpp"

namespace gpushare::planning {
namespace {

constexpr double kThroughput = 0.95, kSuccessOfDedicated = 0.99;
constexpr std::string_view kP95 = "_p95_s";
// Figures of the whole run that more GPUs do not change by being there.
constexpr std::array<std::string_view, 5> kOfRequests{"success_rate", "goodput", "goodput_rate",
                                                      "request_throughput", "output_token_throughput"};

std::string owner_of(const std::string& figure) {
  const auto dot = figure.rfind('.');
  return dot == std::string::npos ? std::string() : figure.substr(0, dot);
}

std::map<std::string, std::set<int>> owners_in(const Workload& workload) {
  std::map<std::string, std::set<int>> owners;
  for (int s = 0; s < static_cast<int>(workload.services.size()); ++s)
    owners[workload.services[index(s)].name] = {s};
  for (const Pipeline& pipeline : workload.pipelines) {
    std::set<int>& visited = owners[pipeline.name];
    for (const Stage& stage : pipeline.stages) {
      if (stage.service < 0) continue;
      visited.insert(stage.service);
      owners[stage.name] = owners[pipeline.name + "." + stage.name] = {stage.service};
    }
  }
  return owners;
}

}  // namespace

PlanAsked::PlanAsked(const PlanSpace& space, std::vector<FigureBound> bounds)
    : space_(space), bounds_(std::move(bounds)), owners_(owners_in(space.workload())) {}

std::set<int> PlanAsked::owners_of(const std::string& figure) const {
  const auto owner = owners_.find(owner_of(figure));
  return owner == owners_.end() ? std::set<int>() : owner->second;
}

std::vector<FigureBound> PlanAsked::bounds_of(const Config& config) const {
  const std::set<int> looked_at = services_of(config.tenants), running = space_.companions(looked_at);
  std::vector<FigureBound> bounds;
  for (const FigureBound& bound : bounds_)
    if (concerns(bound, looked_at, running)) bounds.push_back(bound);
  return bounds;
}

bool PlanAsked::concerns(const FigureBound& bound, const std::set<int>& looked_at,
                         const std::set<int>& running) const {
  const std::set<int> owners = owners_of(bound.name);
  if (!owners.empty()) return meet(owners, looked_at);
  const bool of_requests = is_of_latency(bound.name) ||
                           std::find(kOfRequests.begin(), kOfRequests.end(), bound.name) != kOfRequests.end();
  return of_requests && running.size() == space_.workload().services.size();
}

std::vector<FigureBound> PlanAsked::served(const std::map<std::string, double>& dedicated,
                                           int replicas) const {
  if (dedicated.empty()) return served({{"success_rate", 1.0}}, 1);  // they do not fit
  std::vector<FigureBound> bounds;
  const auto ask = [&](const char* name, double share) {
    const bool is_asked = std::any_of(bounds_.begin(), bounds_.end(), [&](const FigureBound& bound) {
      return bound.name == name && !bound.at_most;
    });
    const auto found = dedicated.find(name);
    if (is_asked || found == dedicated.end()) return;
    // Where nobody came nothing is asked for.
    const double served = std::isnan(found->second) ? 0 : found->second;
    bounds.push_back({name, (1 - (1 - share) / replicas) * served, false});
  };
  ask("success_rate", kSuccessOfDedicated);
  ask("request_throughput", kThroughput);
  return bounds;
}

std::map<int, double> PlanAsked::excess(std::span<const Judged> judged, const std::set<int>& services) const {
  std::map<int, double> excess;
  for (const Judged& one : judged) {
    if (!one.bound.at_most && one.met != Met::no) continue;
    const double beyond = one.bound.at_most && !std::isnan(one.excess()) ? one.excess() : kOverloaded;
    const std::set<int> owners = owners_of(one.bound.name);
    for (const int service : services)
      if (owners.empty() || owners.contains(service)) {
        const auto [known, fresh] = excess.try_emplace(service, beyond);
        known->second = std::max(known->second, beyond);
      }
  }
  return excess;
}

std::vector<int> PlanAsked::with(Met met, std::span<const Judged> judged) const {
  std::set<int> services;
  for (const Judged& one : judged)
    if (one.met == met) services.merge(owners_of(one.bound.name));
  return {services.begin(), services.end()};
}

std::optional<PlanAsked::Latency> PlanAsked::latency_of(int service) const {
  std::optional<Latency> strictest;
  for (const FigureBound& bound : bounds_) {
    const std::string name = bound.name.substr(bound.name.rfind('.') + 1);
    if (!name.ends_with(kP95) || !bound.at_most || owners_of(bound.name) != std::set<int>{service}) continue;
    if (space_.companions({service}).size() > 1) continue;
    if (!strictest || bound.value < strictest->bound_s)
      strictest = Latency{name.substr(0, name.size() - kP95.size()), bound.value};
  }
  return strictest;
}

}  // namespace gpushare::planning
