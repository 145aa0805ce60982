#include "planning/covering_dive.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare::planning {
namespace {

constexpr double kFraction = 1e-6;      // of a config that is more than rounding
constexpr double kRisks = 0.4;          // of the least that costs differ by, that all risks together weigh
constexpr double kLeastStep = 1e-3;     // of the cheapest GPU, where costs may differ by anything
constexpr std::size_t kSteps = 20'000;  // of finding a GPU for each instance

double least_step(const CoveringProblem& problem, double grid) {
  double cheapest = kInfinite;
  for (const CoveringProblem::Kind& kind : problem.kinds) cheapest = std::min(cheapest, kind.price);
  return grid > 0 ? grid : kLeastStep * cheapest;
}

double fraction_of(double value) { return value - std::floor(value + kFraction); }

}  // namespace

CoveringDive::CoveringDive(const CoveringProblem& problem, const Forbidden& forbidden, double most,
                           double grid)
    : problem_(problem),
      forbidden_(forbidden),
      rows_(problem),
      program_(program_of(problem, rows_)),
      cuttings_(cuttings_of(problem)),
      grid_(grid),
      risks_(kRisks * least_step(problem, grid)),
      risk_weight_(risks_ / std::max(1, most_replicas(problem))),
      most_(most) {}

void CoveringDive::add(const Config& config, double risk) {
  configs_.push_back(config);
  costs_.push_back(cost_of(problem_, config.part) + risk_weight_ * risk);
  columns_.push_back(program_.add(costs_.back(), rows_.weights(config)));
}

// Some packing first; then within costs that are raised step by step, for the less one may cost the less is to be looked at.
std::optional<Packed> CoveringDive::solve(double step, std::size_t most_mixtures) {
  program_.solve();
  const Node root{program_, std::vector<int>(configs_.size()), Chosen(problem_.tenants.size()), 0};
  look_within(most_, root, most_mixtures);
  for (double goal = bound_of(root); best_ && goal < best_->cost - kSameCost; goal += step)
    if (look_within(goal, root, most_mixtures)) break;
  return std::move(best_);
}

// With more and more others, until there is one.
bool CoveringDive::look_within(double limit, const Node& root, std::size_t most_mixtures) {
  limit_ = limit;
  mixtures_left_ = most_mixtures;
  found_ = false;
  for (int others = 0;; ++others) {
    cut_short_ = false;
    dive(root, others);
    if (!cut_short_ || is_over()) return found_;
  }
}

void CoveringDive::dive(Node node, int others) {
  while (!is_over()) {
    --mixtures_left_;
    node.program.solve();
    if (node.program.lacks() || bound_of(node) > limit_ + kSameCost) return;
    const std::vector<double> values = node.program.values();
    const std::optional<std::size_t> config = most_of(values);
    if (!config) {
      if (!choose_forms(node, values)) continue;
      if (!accept(node, values)) dive_around(node, values, others);
      return;
    }
    if (others > 0) {
      Node taken = node;
      take(taken, *config);
      dive(std::move(taken), others--);
      node.program.drop(columns_[*config]);
    } else {
      cut_short_ = true;
      take(node, *config);
    }
  }
}

// Whatever a packing that is refused has beside what was decided is left out in turn.
void CoveringDive::dive_around(const Node& node, const std::vector<double>& values, int others) {
  cut_short_ = cut_short_ || others == 0;
  for (std::size_t c = 0; c < configs_.size() && others > 0; ++c) {
    if (values[columns_[c]] < kFraction) continue;
    Node other = node;
    other.program.drop(columns_[c]);
    dive(std::move(other), others - 1);
  }
}

double CoveringDive::bound_of(const Node& node) const {
  const double least = node.cost + node.program.cost() - risks_;
  return grid_ > 0 ? std::ceil(least / grid_ - 1e-6) * grid_ : least;
}

// The config that there is most of besides whole ones.
std::optional<std::size_t> CoveringDive::most_of(const std::vector<double>& values) const {
  std::optional<std::size_t> most;
  double best = kFraction;
  for (std::size_t c = 0; c < configs_.size(); ++c) {
    const double fraction = fraction_of(values[columns_[c]]);
    if (fraction <= best) continue;
    best = fraction;
    most = c;
  }
  return most;
}

void CoveringDive::take(Node& node, std::size_t config) const {
  ++node.taken[config];
  node.cost += costs_[config];
  node.program.require(columns_[config]);
  for (const Tenant& tenant : configs_[config].tenants) choose(node, tenant);
}

void CoveringDive::choose(Node& node, const Tenant& tenant) const {
  auto& chosen = node.chosen[index(tenant.service)];
  if (chosen) return;
  chosen = tenant;
  node.program.require(rows_.tenants.at(tenant));
}

// Of services that are some of one thing and some of another what they are most; whether there are none such.
bool CoveringDive::choose_forms(Node& node, const std::vector<double>& values) const {
  bool whole = true;
  for (std::size_t s = 0; s < problem_.tenants.size(); ++s) {
    if (node.chosen[s]) continue;
    const auto& options = problem_.tenants[s];
    const auto share = [&](const Tenant& tenant) { return values[rows_.tenants.at(tenant)]; };
    const Tenant& most =
        *std::max_element(options.begin(), options.end(),
                          [&](const Tenant& a, const Tenant& b) { return share(a) < share(b); });
    whole = whole && share(most) >= 1 - kFraction;
    choose(node, most);
  }
  return whole;
}

// False where it cannot be, or is not looked for.
bool CoveringDive::accept(const Node& node, const std::vector<double>& values) {
  std::vector<Config> configs;
  for (std::size_t c = 0; c < configs_.size(); ++c) {
    const int count = node.taken[c] + static_cast<int>(std::lround(values[columns_[c]]));
    configs.insert(configs.end(), index(count), configs_[c]);
  }
  configs = trimmed(std::move(configs), node.chosen);
  if (forbidden_.forbids(configs)) return false;
  std::size_t steps = 0;
  std::optional<Packed> packed = pack(problem_, cuttings_, configs, steps, kSteps);
  if (!packed || packed->cost > limit_ + kSameCost) return false;
  best_ = std::move(packed);
  found_ = true;
  return true;
}

// Without tenants beyond a service's replicas, which are taken from the fullest configs first.
std::vector<Config> CoveringDive::trimmed(std::vector<Config> configs, const Chosen& chosen) const {
  std::map<Tenant, int> surplus;
  for (const Config& config : configs)
    for (const Tenant& tenant : config.tenants) ++surplus[tenant];
  for (const std::optional<Tenant>& tenant : chosen) surplus[*tenant] -= tenant->replicas;
  std::stable_sort(configs.begin(), configs.end(),
                   [](const Config& a, const Config& b) { return a.tenants.size() > b.tenants.size(); });
  for (Config& config : configs)
    std::erase_if(config.tenants, [&](const Tenant& tenant) {
      int& left = surplus[tenant];
      if (left <= 0) return false;
      --left;
      return true;
    });
  std::erase_if(configs, [](const Config& config) { return config.tenants.empty(); });
  std::sort(configs.begin(), configs.end());
  return configs;
}

}  // namespace gpushare::planning
