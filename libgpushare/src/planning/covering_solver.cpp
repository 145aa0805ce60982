#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "planning/covering.hpp"
#include "planning/covering_bounds.hpp"
#include "planning/cutting.hpp"

namespace gpushare::planning {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kSame = 1e-9;  // difference of costs that is none

// Depth first over services in their order; the next config always holds the first service that lacks a replica.
// A branch costs at least what its GPUs do, and at least the shares of its configs and of the replicas that it lacks.
class CoveringSearch {
 public:
  CoveringSearch(const CoveringProblem& problem, const std::vector<std::vector<Config>>& excluded,
                 std::size_t most_nodes)
      : problem_(problem),
        excluded_(excluded),
        most_nodes_(most_nodes),
        grid_(common_measure(problem)),
        of_service_(problem.tenants.size()),
        chosen_as_(problem.tenants.size()),
        placed_(problem.tenants.size()),
        cut_replicas_(problem.kinds.size(), std::vector<int>(problem.tenants.size())),
        wholes_(problem.kinds.size()),
        cuts_(problem.kinds.size()) {
    for (std::size_t k = 0; k < problem.kinds.size(); ++k) {
      cuttings_.emplace_back(static_cast<int>(k), problem.kinds[k].layouts);
      wanted_.emplace_back(cuttings_.back().names());
    }
  }

  void add(const Config& config, double risk) {
    Column column{&config, 0, risk, {}};
    const Part& part = config.part;
    const double price = problem_.kinds[index(part.kind)].price;
    if (part.whole()) {
      column.share = price * part.gpus;
    } else {
      column.name = cuttings_[index(part.kind)].position_of(part.instance);
      column.share = price * cuttings_[index(part.kind)].shares()[column.name];
    }
    for (const Tenant& tenant : config.tenants) {
      if (!column.tenants.empty() && column.tenants.back().first == tenant)
        ++column.tenants.back().second;
      else
        column.tenants.push_back({tenant, 1});
    }
    columns_.push_back(std::move(column));
  }

  Covering::Answer solve() {
    std::stable_sort(columns_.begin(), columns_.end(),
                     [](const Column& a, const Column& b) { return a.risk < b.risk; });
    for (const Column& column : columns_)
      for (const auto& [tenant, count] : column.tenants)
        of_service_[index(tenant.service)].push_back(&column);
    shares_ = shares_of(columns_, problem_.tenants.size());
    branch(0, 0);
    Covering::Answer answer{std::nullopt, std::min(best_cost_, open_bound_)};
    if (best_cost_ < kInfinite) answer.packed = Packed{best_, best_cost_};
    return answer;
  }

 private:
  [[nodiscard]] double bound() const {
    double paid = 0, shared = chosen_share_;
    for (std::size_t k = 0; k < wholes_.size(); ++k)
      paid += problem_.kinds[k].price * (wholes_[k] + cuts_[k]);
    for (std::size_t s = 0; s < placed_.size(); ++s) {
      double least = kInfinite;
      for (const auto& [tenant, share] : shares_[s])
        if (placed_[s] == 0 || chosen_as_[s] == tenant)
          least = std::min(least, (tenant.replicas - placed_[s]) * share);
      shared += least;
    }
    const double least = std::max(paid, shared);
    return grid_ > 0 && least < kInfinite ? std::ceil(least / grid_ - 1e-6) * grid_ : least;
  }

  [[nodiscard]] int fewest_processes() const {
    int fewest = processes_;
    for (std::size_t s = 0; s < placed_.size(); ++s) {
      int all = std::numeric_limits<int>::max();
      for (const auto& [tenant, share] : shares_[s])
        if (placed_[s] == 0 || chosen_as_[s] == tenant) all = std::min(all, tenant.replicas);
      fewest += all - placed_[s];
    }
    return fewest;
  }

  void branch(std::size_t service, std::size_t first) {
    const double least = bound();
    if (least == kInfinite || least > best_cost_ + kSame) return;
    if (least > best_cost_ - kSame && fewest_processes() >= best_processes_) return;
    if (++nodes_ > most_nodes_) {
      open_bound_ = std::min(open_bound_, least);
      return;
    }
    // What holds the same service is taken in order, so that no set of configs is met twice.
    for (;
         service < placed_.size() && placed_[service] > 0 && placed_[service] == chosen_as_[service].replicas;
         ++service)
      first = 0;
    if (service == placed_.size()) return accept(least);
    const auto& columns = of_service_[service];
    for (std::size_t i = first; i < columns.size(); ++i) {
      if (!goes(*columns[i])) continue;
      put(*columns[i], 1);
      if (wholes_[kind_of(*columns[i])] + cuts_[kind_of(*columns[i])] <=
          problem_.kinds[kind_of(*columns[i])].count)
        branch(service, i);
      put(*columns[i], -1);
    }
  }

  static std::size_t kind_of(const Column& column) { return index(column.config->part.kind); }

  [[nodiscard]] bool goes(const Column& column) const {
    return std::all_of(column.tenants.begin(), column.tenants.end(), [this](const auto& part) {
      const std::size_t s = index(part.first.service);
      return (placed_[s] == 0 || chosen_as_[s] == part.first) &&
             placed_[s] + part.second <= part.first.replicas;
    });
  }

  void put(const Column& column, int sign) {
    const std::size_t kind = kind_of(column);
    const Part& part = column.config->part;
    chosen_share_ += sign * column.share;
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

  [[nodiscard]] int fewest_cuts(std::size_t kind) {
    const int fewest = cuttings_[kind].fewest(wanted_[kind]);
    if (!problem_.spread) return fewest;
    return std::max(fewest, *std::max_element(cut_replicas_[kind].begin(), cut_replicas_[kind].end()));
  }

  void accept(double least) {
    std::vector<Config> configs;
    for (const Column* column : chosen_) configs.push_back(*column->config);
    std::sort(configs.begin(), configs.end());
    if (std::find(excluded_.begin(), excluded_.end(), configs) != excluded_.end()) return;
    Packed packed;
    for (std::size_t k = 0; k < wholes_.size(); ++k)
      if (!hold(k, configs, packed, least)) return;
    if (packed.cost > best_cost_ + kSame) return;
    if (packed.cost > best_cost_ - kSame && processes_ >= best_processes_) return;
    best_cost_ = packed.cost;
    best_processes_ = processes_;
    best_ = std::move(packed.patterns);
  }

  // Adds the GPUs of a kind to a packing; false when there are none that hold its configs.
  bool hold(std::size_t kind, const std::vector<Config>& configs, Packed& packed, double least) {
    const CoveringProblem::Kind& described = problem_.kinds[kind];
    std::vector<Config> cut;
    for (const Config& config : configs) {
      if (index(config.part.kind) != kind) continue;
      if (config.part.whole())
        packed.patterns.push_back({config.part.kind, config.part.gpus, -1, {config}});
      else
        cut.push_back(config);
    }
    packed.cost += described.price * wholes_[kind];
    if (cut.empty()) return true;
    for (int gpus = cuts_[kind]; gpus <= described.count - wholes_[kind]; ++gpus) {
      if (auto held = cuttings_[kind].hold(cut, gpus, problem_.spread, nodes_, most_nodes_)) {
        packed.cost += described.price * gpus;
        packed.patterns.insert(packed.patterns.end(), held->begin(), held->end());
        return true;
      }
    }
    if (nodes_ > most_nodes_) open_bound_ = std::min(open_bound_, least);
    return false;
  }

  const CoveringProblem& problem_;
  const std::vector<std::vector<Config>>& excluded_;
  std::size_t most_nodes_, nodes_ = 0;
  double grid_;                    // of which every cost is a multiple; 0: none is known
  std::vector<Cutting> cuttings_;  // by kind
  std::vector<Column> columns_;
  std::vector<std::vector<const Column*>> of_service_;
  std::vector<std::map<Tenant, double>> shares_;  // by service
  std::vector<Tenant> chosen_as_;                 // where it is placed
  std::vector<int> placed_;
  std::vector<std::vector<int>> cut_replicas_;  // on instances, by kind and service
  std::vector<int> wholes_, cuts_;              // GPUs, by kind
  std::vector<Cutting::Counts> wanted_;
  double chosen_share_ = 0;
  int processes_ = 0, best_processes_ = std::numeric_limits<int>::max();
  std::vector<const Column*> chosen_;
  std::vector<Pattern> best_;
  double best_cost_ = kInfinite, open_bound_ = kInfinite;
};

}  // namespace

Covering::Answer Covering::solve(const std::function<double(const Config&)>& risk,
                                 std::size_t most_nodes) const {
  CoveringSearch search(problem_, excluded_, most_nodes);
  for (const Config& config : configs_) search.add(config, risk(config));
  return search.solve();
}

}  // namespace gpushare::planning
