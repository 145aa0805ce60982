#include "planning/covering_program.hpp"

#include <algorithm>
#include <string>

namespace gpushare::planning {
namespace {

// More than any packing costs.
double penalty_of(const CoveringProblem& problem) {
  double dearest = 0;
  for (const CoveringProblem::Kind& kind : problem.kinds) dearest = std::max(dearest, kind.price);
  const int ranks = problem.ranks.empty() ? 1 : *std::max_element(problem.ranks.begin(), problem.ranks.end());
  return 1'000 * dearest * ranks * (1 + most_replicas(problem));
}

// What the rows have to reach.
std::vector<double> leasts_of(const CoveringProblem& problem, const CoveringRows& rows) {
  std::vector<double> least(rows.tenants.size(), 0);
  least.insert(least.end(), rows.services.size(), 1);
  least.insert(least.end(), rows.instances.size(), 0);
  for (const CoveringProblem::Kind& kind : problem.kinds) least.push_back(-kind.count);
  return least;
}

}  // namespace

CoveringRows::CoveringRows(const CoveringProblem& problem) {
  for (const auto& options : problem.tenants)
    for (const Tenant& tenant : options) tenants.try_emplace(tenant, tenants.size());
  std::size_t row = tenants.size();
  for (std::size_t s = 0; s < problem.tenants.size(); ++s) services.push_back(row++);
  for (const Part& part : parts_of(problem))
    if (!part.whole()) instances.try_emplace(part, row++);
  for (std::size_t k = 0; k < problem.kinds.size(); ++k) kinds.push_back(row++);
}

std::vector<std::pair<std::size_t, double>> CoveringRows::weights(const Config& config) const {
  std::map<std::size_t, double> weights;
  for (const Tenant& tenant : config.tenants) weights[tenants.at(tenant)] += 1;
  if (config.part.whole())
    weights[kinds[index(config.part.kind)]] = -config.part.gpus;
  else
    weights[instances.at(config.part)] = -1;
  return {weights.begin(), weights.end()};
}

LinearProgram program_of(const CoveringProblem& problem, const CoveringRows& rows) {
  LinearProgram program(leasts_of(problem, rows), penalty_of(problem));
  for (std::size_t s = 0; s < problem.tenants.size(); ++s)
    for (const Tenant& tenant : problem.tenants[s])
      program.add(0, {{rows.tenants.at(tenant), -tenant.replicas}, {rows.services[s], 1}});
  for (std::size_t k = 0; k < problem.kinds.size(); ++k)
    for (const CoveringProblem::Layout& layout : problem.kinds[k].layouts) {
      std::vector<std::pair<std::size_t, double>> weights{{rows.kinds[k], -1}};
      for (const auto& [name, count] : layout)
        weights.push_back({rows.instances.at({static_cast<int>(k), name, 1}), count});
      program.add(problem.kinds[k].price, std::move(weights));
    }
  return program;
}

double cost_of(const CoveringProblem& problem, const Part& part) {
  return part.whole() ? problem.kinds[index(part.kind)].price * part.gpus : 0;
}

}  // namespace gpushare::planning
