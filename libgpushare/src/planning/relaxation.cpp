#include "planning/relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>

namespace gpushare::planning {
namespace {

constexpr int kMostRounds = 300;  // of new configs
constexpr std::size_t kNodesOfWorth = 200'000;
constexpr double kSlight = 1e-7;
constexpr double kSure = 1e-4;  // of a GPU's price, by which a config must be too dear to be left out

double dearest(const CoveringProblem& problem) {
  double price = 0;
  for (const CoveringProblem::Kind& kind : problem.kinds) price = std::max(price, kind.price);
  return price;
}

std::vector<Part> most_first(const CoveringProblem& problem) {
  std::vector<Part> parts = parts_of(problem);
  const auto lesser = [&](const Part& part) {
    return std::count_if(parts.begin(), parts.end(),
                         [&](const Part& other) { return problem.lesser(other, part); });
  };
  std::vector<std::pair<std::ptrdiff_t, Part>> counted;
  for (const Part& part : parts) counted.push_back({-lesser(part), part});
  std::stable_sort(counted.begin(), counted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t p = 0; p < parts.size(); ++p) parts[p] = counted[p].second;
  return parts;
}

}  // namespace

Relaxation::Relaxation(const CoveringProblem& problem, Cuts& cuts)
    : problem_(problem),
      cuts_(cuts),
      tests_([this](const Config& config) { return !is_possible(config); }, [](const auto&) {},
             std::numeric_limits<std::size_t>::max()),
      parts_(most_first(problem)),
      rows_(problem),
      program_(program_of(problem, rows_)) {}

bool Relaxation::is_possible(const Config& config) {
  if (problem_.possible(config)) return true;
  Config least = config;
  for (const Tenant& tenant : config.tenants) {
    Config rest = least;
    rest.tenants.erase(std::find(rest.tenants.begin(), rest.tenants.end(), tenant));
    if (!rest.tenants.empty() && !problem_.possible(rest)) least = std::move(rest);
  }
  Config lightest = least;
  for (Tenant& tenant : lightest.tenants) tenant = lightest_of(problem_, tenant);
  std::sort(lightest.tenants.begin(), lightest.tenants.end());
  cuts_.add(problem_.possible(lightest) ? least : lightest);
  return false;
}

void Relaxation::admit(const Config& config) {
  if (pool_.contains(config) || cuts_.fails(config)) return;
  pool_[config] = program_.add(cost_of(problem_, config.part), rows_.weights(config));
}

std::vector<Config> Relaxation::admitted() const {
  std::vector<Config> configs;
  for (const auto& [config, column] : pool_) configs.push_back(config);
  return configs;
}

void Relaxation::drop_failing() {
  if (cut_ == cuts_.count()) return;
  cut_ = cuts_.count();
  std::erase_if(pool_, [this](const auto& used) {
    if (!cuts_.fails(used.first)) return false;
    program_.drop(used.second);
    return true;
  });
}

Relaxation::Relaxed Relaxation::settle(double within) {
  Relaxed relaxed;
  for (int round = 0; round < kMostRounds; ++round) {
    drop_failing();
    program_.solve();
    relaxed.cost = program_.cost();
    const std::vector<double> optimum = program_.duals();
    Wanted wanted;
    // Prices between those of the optimum and those that proved most swing less from one time to the next.
    if (!best_duals_.empty()) {
      std::vector<double> mixed = optimum;
      for (std::size_t r = 0; r < mixed.size(); ++r) mixed[r] = (mixed[r] + best_duals_[r]) / 2;
      wanted = look_at(mixed, (relaxed.cost + best_cost_) / 2);
    }
    if (wanted.configs.empty()) {
      wanted = look_at(optimum, relaxed.cost);
      if (wanted.factor == 1 && program_.lacks()) prices_.proved = kInfinite;
    }
    relaxed.bound = std::max(relaxed.bound, prices_.proved);
    const bool near = within > 0 && !program_.lacks() && relaxed.bound >= (1 - within) * relaxed.cost;
    if (wanted.configs.empty() || near) break;
    for (const Config& config : wanted.configs) admit(config);
  }
  const std::vector<double> values = program_.values();
  for (const auto& [config, column] : pool_)
    if (values[column] > kSlight) relaxed.mixture.push_back(config);
  std::stable_sort(relaxed.mixture.begin(), relaxed.mixture.end(), [&](const Config& a, const Config& b) {
    return values[pool_.at(a)] > values[pool_.at(b)];
  });
  return relaxed;
}

// What else would make the mixture cheaper at these duals, and what they prove.
Relaxation::Wanted Relaxation::look_at(const std::vector<double>& duals, double cost) {
  prices_ = prices_of(duals);
  Wanted wanted;
  for (const Part& part : parts_) {
    const double charge = prices_.charges.at(part);
    PricingOptions options;
    options.least = charge;
    const Priced found = priced(part, options);
    for (const Config& config : found.configs)
      if (!pool_.contains(config)) wanted.configs.push_back(config);
    if (found.most > charge + kSlight * (1 + charge))
      wanted.factor = std::max(wanted.factor, charge > kSlight ? found.most / charge : kInfinite);
  }
  double covered = 0;
  for (const std::size_t row : rows_.services) covered += duals[row];
  prices_.proved = std::isfinite(wanted.factor) ? cost - covered * (1 - 1 / wanted.factor) : 0;
  for (auto& [tenant, value] : prices_.values) value /= wanted.factor;
  if (prices_.proved >= best_proved_) {
    best_duals_ = duals;
    best_cost_ = cost;
    best_proved_ = prices_.proved;
  }
  return wanted;
}

// Of whole GPUs their prices, and of instances as much as any layout that has them leaves.
Prices Relaxation::prices_of(const std::vector<double>& duals) const {
  Prices prices;
  for (const auto& [tenant, row] : rows_.tenants) prices.values[tenant] = std::max(0.0, duals[row]);
  for (const std::size_t row : rows_.kinds) prices.scarce.push_back(std::max(0.0, duals[row]));
  for (const Part& part : parts_)
    prices.charges[part] = part.whole()
                               ? cost_of(problem_, part) + part.gpus * prices.scarce[index(part.kind)]
                               : std::max(0.0, duals[rows_.instances.at(part)]);
  for (std::size_t k = 0; k < problem_.kinds.size(); ++k)
    share_out(static_cast<int>(k), problem_.kinds[k].price + prices.scarce[k], prices.charges);
  return prices;
}

// Raises the charges of instances, all alike, until each is in a layout that costs a whole GPU.
void Relaxation::share_out(int kind, double price, std::map<Part, double>& charges) const {
  const auto& layouts = problem_.kinds[index(kind)].layouts;
  const auto room_in = [&](const CoveringProblem::Layout& layout) {
    double room = price;
    for (const auto& [name, count] : layout) room -= count * charges.at({kind, name, 1});
    return room;
  };
  std::set<std::string> free = instances_of(layouts);
  while (!free.empty()) {
    double raised = kInfinite;
    for (const CoveringProblem::Layout& layout : layouts) {
      int count = 0;
      for (const auto& [name, instances] : layout) count += free.contains(name) ? instances : 0;
      if (count > 0) raised = std::min(raised, std::max(0.0, room_in(layout)) / count);
    }
    for (const std::string& name : free) charges.at({kind, name, 1}) += raised;
    for (const CoveringProblem::Layout& layout : layouts)
      if (room_in(layout) <= kSlight * (1 + price))
        for (const auto& [name, count] : layout) free.erase(name);
  }
}

Priced Relaxation::priced(const Part& part, const PricingOptions& options) {
  return price(problem_, cuts_, part, prices_.values, tests_, options);
}

Relaxation::Worth Relaxation::worth(double slack, std::size_t most) {
  Worth worth;
  for (const Part& part : parts_) {
    PricingOptions options;
    options.least = prices_.charges.at(part) - slack - kSure * dearest(problem_);
    options.count = most - worth.configs.size() + 1;
    options.most_nodes = kNodesOfWorth;
    options.every = true;
    const Priced found = priced(part, options);
    worth.configs.insert(worth.configs.end(), found.configs.begin(), found.configs.end());
    worth.complete = worth.complete && found.complete && worth.configs.size() <= most;
    if (worth.configs.size() > most) break;
  }
  worth.configs.resize(std::min(worth.configs.size(), most));
  return worth;
}

}  // namespace gpushare::planning
