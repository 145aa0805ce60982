#include "planning/covering_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gpushare::planning {
CoveringSearch::CoveringSearch(const CoveringProblem& problem, const Prices& prices,
                               const Forbidden& forbidden, double most, double grid, std::size_t most_nodes)
    : problem_(problem),
      prices_(prices),
      forbidden_(forbidden),
      grid_(grid),
      most_nodes_(most_nodes),
      cuttings_(cuttings_of(problem)),
      of_service_(problem.tenants.size()),
      choices_(problem.tenants.size()),
      chosen_as_(problem.tenants.size()),
      placed_(problem.tenants.size()),
      cut_replicas_(problem.kinds.size(), std::vector<int>(problem.tenants.size())),
      wholes_(problem.kinds.size()),
      cuts_(problem.kinds.size()),
      best_cost_(most) {
  for (std::size_t k = 0; k < problem.kinds.size(); ++k) {
    wanted_.emplace_back(cuttings_[k].names());
    charged_ -= prices.scarce[k] * problem.kinds[k].count;
  }
}

void CoveringSearch::add(const Config& config, double risk) {
  Column column{&config, prices_.charges.at(config.part), risk};
  if (!config.part.whole())
    column.name = cuttings_[index(config.part.kind)].position_of(config.part.instance);
  for (const Tenant& tenant : config.tenants) {
    if (!column.tenants.empty() && column.tenants.back().first == tenant)
      ++column.tenants.back().second;
    else
      column.tenants.push_back({tenant, 1});
  }
  columns_.push_back(std::move(column));
}

CoveringSearch::Result CoveringSearch::solve() {
  arrange();
  branch(0, 0);
  Result result{std::move(best_), std::min(best_cost_, open_bound_), std::isinf(open_bound_)};
  if (!result.packed) result.bound = open_bound_;
  return result;
}

void CoveringSearch::arrange() {
  std::stable_sort(columns_.begin(), columns_.end(),
                   [](const Column& a, const Column& b) { return a.risk < b.risk; });
  for (const Column& column : columns_)
    for (const auto& held : column.tenants) {
      const Tenant& tenant = held.first;
      of_service_[index(tenant.service)].push_back(&column);
      auto& choices = choices_[index(tenant.service)];
      const bool known = std::any_of(choices.begin(), choices.end(),
                                     [&](const Choice& choice) { return choice.tenant == tenant; });
      if (!known) choices.push_back({tenant, prices_.values.at(tenant)});
    }
}

double CoveringSearch::bound() const {
  double paid = 0, charged = charged_;
  for (std::size_t k = 0; k < wholes_.size(); ++k) paid += problem_.kinds[k].price * (wholes_[k] + cuts_[k]);
  for (std::size_t s = 0; s < placed_.size(); ++s) {
    double least = kInfinite;
    for (const Choice& choice : choices_[s])
      if (placed_[s] == 0 || chosen_as_[s] == choice.tenant)
        least = std::min(least, (choice.tenant.replicas - placed_[s]) * choice.value);
    charged += least;
  }
  // Prices of a linear program are off by a little.
  const double least = std::max(paid, charged - 1e-6 * std::max(1.0, std::abs(charged)));
  return grid_ > 0 && least < kInfinite ? std::ceil(least / grid_ - 1e-6) * grid_ : least;
}

int CoveringSearch::fewest_processes() const {
  int fewest = processes_;
  for (std::size_t s = 0; s < placed_.size(); ++s) {
    int all = std::numeric_limits<int>::max();
    for (const Choice& choice : choices_[s])
      if (placed_[s] == 0 || chosen_as_[s] == choice.tenant) all = std::min(all, choice.tenant.replicas);
    fewest += all - placed_[s];
  }
  return fewest;
}

void CoveringSearch::branch(std::size_t service, std::size_t first) {
  const double least = bound();
  if (least == kInfinite || least > best_cost_ + kSameCost) return;
  if (best_ && least > best_cost_ - kSameCost && fewest_processes() >= best_processes_) return;
  if (++nodes_ > most_nodes_) {
    open_bound_ = std::min(open_bound_, least);
    return;
  }
  // What holds the same service is taken in order, so that no set of configs is met twice.
  for (; service < placed_.size() && placed_[service] > 0 && placed_[service] == chosen_as_[service].replicas;
       ++service) {
    if (is_forbidden(service)) return;
    first = 0;
  }
  if (service == placed_.size()) return accept(least);
  const auto& columns = of_service_[service];
  for (std::size_t i = first; i < columns.size(); ++i) {
    if (!goes(*columns[i])) continue;
    put(*columns[i], 1);
    const std::size_t kind = kind_of(*columns[i]);
    if (wholes_[kind] + cuts_[kind] <= problem_.kinds[kind].count) branch(service, i);
    put(*columns[i], -1);
  }
}

bool CoveringSearch::goes(const Column& column) const {
  return std::all_of(column.tenants.begin(), column.tenants.end(), [this](const auto& part) {
    const std::size_t s = index(part.first.service);
    return (placed_[s] == 0 || chosen_as_[s] == part.first) &&
           placed_[s] + part.second <= part.first.replicas;
  });
}

bool CoveringSearch::is_forbidden(std::size_t service) const {
  const auto known = forbidden_.hosts.find(static_cast<int>(service));
  if (known == forbidden_.hosts.end()) return false;
  std::vector<const Config*> hosts;
  for (const Column* column : chosen_)
    if (std::any_of(column->tenants.begin(), column->tenants.end(),
                    [&](const auto& part) { return index(part.first.service) == service; }))
      hosts.push_back(column->config);
  return std::any_of(known->second.begin(), known->second.end(),
                     [&](const std::vector<Config>& than) { return as_hard(hosts, than); });
}

void CoveringSearch::put(const Column& column, int sign) {
  const std::size_t kind = kind_of(column);
  const Part& part = column.config->part;
  charged_ += sign * column.charge;
  for (const auto& [tenant, count] : column.tenants) {
    const std::size_t s = index(tenant.service);
    placed_[s] += sign * count;
    processes_ += sign * count;
    if (!part.whole()) cut_replicas_[kind][s] += sign * count;
    chosen_as_[s] = tenant;
  }
  if (part.whole()) {
    wholes_[kind] += sign * part.gpus;
  } else {
    wanted_[kind][column.name] += sign;
    cuts_[kind] = fewest_cuts(kind);
  }
  if (sign > 0)
    chosen_.push_back(&column);
  else
    chosen_.pop_back();
}

int CoveringSearch::fewest_cuts(std::size_t kind) {
  const int fewest = cuttings_[kind].fewest(wanted_[kind]);
  if (!problem_.spread) return fewest;
  return std::max(fewest, *std::max_element(cut_replicas_[kind].begin(), cut_replicas_[kind].end()));
}

void CoveringSearch::accept(double least) {
  std::vector<Config> configs;
  for (const Column* column : chosen_) configs.push_back(*column->config);
  std::sort(configs.begin(), configs.end());
  const auto& excluded = forbidden_.packings;
  if (std::find(excluded.begin(), excluded.end(), configs) != excluded.end()) return;
  std::optional<Packed> packed = pack(problem_, cuttings_, configs, nodes_, most_nodes_);
  if (!packed) {
    if (nodes_ > most_nodes_) open_bound_ = std::min(open_bound_, least);
    return;
  }
  if (packed->cost > best_cost_ + kSameCost) return;
  if (best_ && packed->cost > best_cost_ - kSameCost && processes_ >= best_processes_) return;
  best_cost_ = packed->cost;
  best_processes_ = processes_;
  best_ = std::move(packed);
}

}  // namespace gpushare::planning
