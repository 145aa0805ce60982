#include "planning/covering.hpp"

#include <algorithm>
#include <cmath>

#include "planning/covering_dive.hpp"
#include "planning/covering_search.hpp"

namespace gpushare::planning {
namespace {

constexpr double kRough = 0.25;     // of the cheapest GPU, by which packings are looked for above a bound
constexpr double kRounding = 1e-5;  // of the dearest GPU, that a bound of a linear program may be off by
constexpr std::size_t kMostConfigs = 20'000;  // that a packing is looked for among
constexpr std::size_t kMostMixtures = 2'000;  // for a packing where these are too many

bool is_cheaper(const CoveringProblem::Kind& a, const CoveringProblem::Kind& b) { return a.price < b.price; }

}  // namespace

Covering::Covering(const CoveringProblem& problem)
    : problem_(problem), cuts_(problem), relaxation_(problem, cuts_), grid_(common_measure(problem)) {}

void Covering::forbid(int service, const std::vector<Config>& hosts) {
  if (hosts.size() == 1)
    cuts_.add(hosts.front());
  else
    forbidden_.hosts[service].push_back(hosts);
}

double Covering::rounded_up(double cost) const {
  if (!std::isfinite(cost)) return cost;
  const auto dearest = std::max_element(problem_.kinds.begin(), problem_.kinds.end(), is_cheaper);
  const double least = std::max(0.0, cost - kRounding * dearest->price);
  return grid_ > 0 ? std::ceil(least / grid_ - 1e-6) * grid_ : least;
}

double Covering::step() const {
  const auto cheapest = std::min_element(problem_.kinds.begin(), problem_.kinds.end(), is_cheaper);
  const double rough = kRough * cheapest->price;
  return grid_ > 0 ? std::ceil(rough / grid_ - 1e-6) * grid_ : rough;
}

double Covering::cost_of_all() const {
  double cost = 0;
  for (const CoveringProblem::Kind& kind : problem_.kinds) cost += kind.price * kind.count;
  return cost;
}

Relaxation::Relaxed Covering::settle(double within) {
  Relaxation::Relaxed relaxed = relaxation_.settle(within);
  relaxed.bound = rounded_up(relaxed.bound);
  return relaxed;
}

// Within a cost that is raised step by step; a packing with any other config than those that are looked at costs more.
Covering::Answer Covering::solve(const Risk& risk, std::size_t most_nodes) {
  const Relaxation::Relaxed relaxed = settle();
  Answer answer{std::nullopt, relaxed.bound};
  for (double goal = relaxed.bound; std::isfinite(goal); goal += step()) {
    const Relaxation::Worth worth = relaxation_.worth(goal - relaxation_.prices().proved, kMostConfigs);
    CoveringSearch search(problem_, relaxation_.prices(), forbidden_, goal, grid_, most_nodes);
    for (const Config& config : worth.configs) search.add(config, risk(config));
    CoveringSearch::Result found = search.solve();
    if (found.packed) {
      if (worth.complete) answer.bound = std::min(found.bound, found.packed->cost);
      answer.packed = std::move(found.packed);
      return answer;
    }
    if (!worth.complete || !found.complete) {
      answer.packed = assemble(admitted(), risk, kInfinite, kMostMixtures);
      return answer;
    }
    answer.bound = std::max(answer.bound, rounded_up(goal + std::max(grid_, 2 * kRounding)));
    if (goal >= cost_of_all()) break;
  }
  answer.bound = kInfinite;
  return answer;
}

std::optional<Packed> Covering::assemble(const std::vector<Config>& configs, const Risk& risk, double most,
                                         std::size_t most_mixtures) const {
  CoveringDive dive(problem_, forbidden_, most, grid_);
  for (const Config& config : configs) dive.add(config, risk(config));
  return dive.solve(step(), most_mixtures);
}

}  // namespace gpushare::planning
