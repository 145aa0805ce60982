#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "planning/covering.hpp"

namespace gpushare::planning {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kSame = 1e-9;  // difference of costs that is none

// A pattern without its names.
struct Column {
  const Pattern* pattern = nullptr;
  double cost = 0;
  double risk = 0;
  struct Part {
    Tenant tenant;
    int count = 0;
  };
  std::vector<Part> tenants;  // by service
};

// Depth first over services in their order; the next pattern always holds the first service that lacks a replica.
// Of packings that cost the same one with the fewest processes is found. Bound: a pattern's price is shared evenly by its tenants, and no replica costs less than the least share there is.
class CoveringSearch {
 public:
  CoveringSearch(const CoveringProblem& problem, const std::vector<std::vector<Config>>& excluded,
                 std::size_t most_nodes)
      : problem_(problem),
        excluded_(excluded),
        most_nodes_(most_nodes),
        of_service_(problem.replicas.size()),
        share_(problem.replicas.size()),
        replicas_(problem.replicas.size()),
        placed_(problem.replicas.size()),
        used_(problem.kinds.size()) {
    const auto& kinds = problem.kinds;
    const bool same = std::all_of(kinds.begin(), kinds.end(),
                                  [&](const auto& kind) { return kind.price == kinds.front().price; });
    if (same && !kinds.empty()) grid_ = kinds.front().price;
  }

  void add(const Pattern& pattern, double risk) {
    Column column;
    column.pattern = &pattern;
    column.risk = risk;
    column.cost = problem_.kinds[static_cast<std::size_t>(pattern.kind)].price * pattern.gpus;
    std::map<Tenant, int> counts;
    int all = 0;
    for (const Config& config : pattern.configs)
      for (const Tenant& tenant : config.tenants) ++counts[tenant], ++all;
    for (const auto& [tenant, count] : counts) {
      column.tenants.push_back({tenant, count});
      auto [share, fresh] = share_[index(tenant.service)].try_emplace(tenant.replicas, kInfinite);
      share->second = std::min(share->second, column.cost / all);
    }
    columns_.push_back(std::move(column));
  }

  Covering::Answer solve() {
    std::stable_sort(columns_.begin(), columns_.end(),
                     [](const Column& a, const Column& b) { return a.risk < b.risk; });
    for (const Column& column : columns_)
      for (const Column::Part& part : column.tenants)
        of_service_[index(part.tenant.service)].push_back(&column);
    branch(0, 0, 0);
    Covering::Answer answer{std::nullopt, std::min(best_cost_, open_bound_)};
    if (best_cost_ == kInfinite) return answer;
    answer.packed.emplace();
    answer.packed->cost = best_cost_;
    for (const Column* column : best_) answer.packed->patterns.push_back(*column->pattern);
    return answer;
  }

 private:
  static std::size_t index(int number) { return static_cast<std::size_t>(number); }

  [[nodiscard]] double bound(double cost) const {
    for (std::size_t s = 0; s < replicas_.size(); ++s) {
      double least = kInfinite;
      for (const auto& [replicas, share] : share_[s])
        if (replicas_[s] == 0 || replicas_[s] == replicas)
          least = std::min(least, (replicas - placed_[s]) * share);
      cost += least;
    }
    return grid_ > 0 && cost < kInfinite ? std::ceil(cost / grid_ - kSame) * grid_ : cost;
  }

  [[nodiscard]] int fewest_processes() const {
    int fewest = processes_;
    for (std::size_t s = 0; s < replicas_.size(); ++s)
      if (const int all = replicas_[s] > 0 ? replicas_[s] : share_[s].empty() ? 0 : share_[s].begin()->first)
        fewest += all - placed_[s];
    return fewest;
  }

  void branch(std::size_t service, std::size_t first, double cost) {
    const double least = bound(cost);
    if (least == kInfinite || least > best_cost_ + kSame) return;
    if (least > best_cost_ - kSame && fewest_processes() >= best_processes_) return;
    if (++nodes_ > most_nodes_) {
      open_bound_ = std::min(open_bound_, least);
      return;
    }
    // What holds the same service is taken in order, so that no set of patterns is met twice.
    for (; service < replicas_.size() && replicas_[service] > 0 && placed_[service] == replicas_[service];
         ++service)
      first = 0;
    if (service == replicas_.size()) return accept(cost);
    const auto& columns = of_service_[service];
    for (std::size_t i = first; i < columns.size(); ++i) {
      if (!goes(*columns[i])) continue;
      put(*columns[i], 1);
      branch(service, i, cost + columns[i]->cost);
      put(*columns[i], -1);
    }
  }

  [[nodiscard]] bool goes(const Column& column) const {
    const std::size_t kind = index(column.pattern->kind);
    if (used_[kind] + column.pattern->gpus > problem_.kinds[kind].count) return false;
    return std::all_of(column.tenants.begin(), column.tenants.end(), [this](const Column::Part& part) {
      const std::size_t s = index(part.tenant.service);
      return (replicas_[s] == 0 || replicas_[s] == part.tenant.replicas) &&
             placed_[s] + part.count <= part.tenant.replicas;
    });
  }

  void put(const Column& column, int sign) {
    used_[index(column.pattern->kind)] += sign * column.pattern->gpus;
    for (const Column::Part& part : column.tenants) {
      const std::size_t s = index(part.tenant.service);
      placed_[s] += sign * part.count;
      processes_ += sign * part.count;
      replicas_[s] = placed_[s] > 0 ? part.tenant.replicas : 0;
    }
    if (sign > 0)
      chosen_.push_back(&column);
    else
      chosen_.pop_back();
  }

  void accept(double cost) {
    if (!excluded_.empty()) {
      Packed packed;
      for (const Column* column : chosen_) packed.patterns.push_back(*column->pattern);
      if (std::find(excluded_.begin(), excluded_.end(), packed.configs()) != excluded_.end()) return;
    }
    best_cost_ = cost;
    best_processes_ = processes_;
    best_ = chosen_;
  }

  const CoveringProblem& problem_;
  const std::vector<std::vector<Config>>& excluded_;
  std::size_t most_nodes_, nodes_ = 0;
  double grid_ = 0;  // of which every cost is a multiple; 0: none is known
  std::vector<Column> columns_;
  std::vector<std::vector<const Column*>> of_service_;
  std::vector<std::map<int, double>> share_;  // by service and number of replicas, of one replica
  std::vector<int> replicas_, placed_, used_;
  int processes_ = 0, best_processes_ = std::numeric_limits<int>::max();
  std::vector<const Column*> chosen_, best_;
  double best_cost_ = kInfinite, open_bound_ = kInfinite;
};

}  // namespace

Covering::Answer Covering::solve(const std::function<double(const Config&)>& risk,
                                 std::size_t most_nodes) const {
  CoveringSearch search(problem_, excluded_, most_nodes);
  for (const Pattern& pattern : patterns_) {
    double worst = 0;
    for (const Config& config : pattern.configs) worst = std::max(worst, risk(config));
    search.add(pattern, worst);
  }
  return search.solve();
}

}  // namespace gpushare::planning
