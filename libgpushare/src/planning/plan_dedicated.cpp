#include "planning/plan_dedicated.hpp"

#include <algorithm>

#include "gpushare/errors.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/simulation.hpp"

namespace gpushare::planning {
namespace {

bool is_busy(const std::string& name) {
  return name.ends_with(".busy") && name.find('/') == std::string::npos;
}

std::map<std::string, double> kept_of(const Summary& summary) {
  std::map<std::string, double> kept{{"arrived", static_cast<double>(summary.arrived)}};
  for_each_figure(summary, [&](const Figure& figure) {
    const std::string name(figure.name);
    if (name == "success_rate" || name == "request_throughput" || is_busy(name)) kept[name] = figure.value;
  });
  return kept;
}

}  // namespace

std::vector<PlanDedicated::Figures> PlanDedicated::figures(const std::set<int>& services,
                                                           const std::vector<Tenant>& forms,
                                                           std::uint64_t seed, std::uint32_t runs) {
  std::set<std::set<int>> apart;
  for (const int service : services) apart.insert(space_.companions({service}));
  std::vector<Figures> all(runs);
  for (const std::set<int>& together : apart) {
    Key key{together, forms_of(forms), seed};
    std::erase_if(key.forms, [&](const auto& form) { return !together.contains(form.first); });
    const std::vector<Figures>& known = runs_of(key, forms, runs);
    if (known.empty()) return {};
    for (std::uint32_t run = 0; run < runs; ++run) add(known[run], together, all[run]);
  }
  for (Figures& run : all) run["success_rate"] /= run["arrived"];
  return all;
}

// Successes are counted by what arrived.
void PlanDedicated::add(const Figures& known, const std::set<int>& together, Figures& sum) const {
  sum["arrived"] += known.at("arrived");
  sum["request_throughput"] += known.at("request_throughput");
  sum["success_rate"] += known.at("success_rate") * known.at("arrived");
  for (const int service : together) {
    const std::string busy = space_.workload().services[index(service)].name + ".busy";
    sum[busy] = known.at(busy);
  }
}

const std::vector<PlanDedicated::Figures>& PlanDedicated::runs_of(const Key& key,
                                                                  const std::vector<Tenant>& forms,
                                                                  std::uint32_t runs) {
  std::vector<Figures>& known = known_[key];
  if (known.size() >= runs) return known;
  RunOptions run;
  run.seed = key.seed;
  run.replication = static_cast<std::uint32_t>(known.size());
  run.record_requests = false;
  if (options_.cancelled) run.progress = [this](double) { return !options_.cancelled(); };
  try {
    const auto more = runs - run.replication;
    for (const Run& one :
         simulate_replications(staging_.dedicated(key.services, forms), more, run, options_.threads))
      known.push_back(kept_of(one.summary));
    runs_ += more;
  } catch (const MemoryError&) {
    known.clear();
  }
  return known;
}

}  // namespace gpushare::planning
