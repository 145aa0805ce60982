#include "planning/cutting.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace gpushare::planning {
namespace {

Cutting::Counts less(Cutting::Counts wanted, const Cutting::Counts& layout) {
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = std::max(0, wanted[i] - layout[i]);
  return wanted;
}

bool share_a_service(const Config& one, const Config& other) {
  return std::any_of(one.tenants.begin(), one.tenants.end(), [&](const Tenant& tenant) {
    return std::any_of(other.tenants.begin(), other.tenants.end(),
                       [&](const Tenant& its) { return its.service == tenant.service; });
  });
}

// Adds the GPUs of a kind; false when there are none that hold its configs.
bool pack_kind(const CoveringProblem& problem, std::size_t kind, Cutting& cutting,
               const std::vector<Config>& configs, std::size_t& nodes, std::size_t most_nodes,
               Packed& packed) {
  const CoveringProblem::Kind& described = problem.kinds[kind];
  std::vector<Config> cut;
  int wholes = 0;
  Cutting::Counts wanted(cutting.names());
  for (const Config& config : configs) {
    if (index(config.part.kind) != kind) continue;
    if (!config.part.whole()) {
      cut.push_back(config);
      ++wanted[cutting.position_of(config.part.instance)];
      continue;
    }
    packed.patterns.push_back({config.part.kind, config.part.gpus, -1, {config}});
    wholes += config.part.gpus;
  }
  packed.cost += described.price * wholes;
  if (cut.empty()) return wholes <= described.count;
  for (int gpus = cutting.fewest(wanted); gpus <= described.count - wholes; ++gpus) {
    if (auto held = cutting.hold(cut, gpus, problem.spread, nodes, most_nodes)) {
      packed.cost += described.price * gpus;
      packed.patterns.insert(packed.patterns.end(), held->begin(), held->end());
      return true;
    }
  }
  return false;
}

}  // namespace

struct Cutting::Holding {
  const std::vector<Config>& configs;
  int gpus;
  bool spread;
  std::size_t& nodes;
  std::size_t most_nodes;
  std::vector<std::size_t> layouts{};
  std::vector<Counts> free{};
  std::vector<Pattern> patterns{};
};

Cutting::Cutting(int kind, const std::vector<CoveringProblem::Layout>& layouts) : kind_(kind) {
  const std::set<std::string> names = instances_of(layouts);
  names_.assign(names.begin(), names.end());
  for (const CoveringProblem::Layout& layout : layouts) {
    layouts_.emplace_back(names_.size());
    for (const auto& [name, count] : layout) layouts_.back()[position_of(name)] = count;
  }
}

std::size_t Cutting::position_of(const std::string& name) const {
  return static_cast<std::size_t>(std::lower_bound(names_.begin(), names_.end(), name) - names_.begin());
}

int Cutting::fewest(const Counts& wanted) {
  if (std::all_of(wanted.begin(), wanted.end(), [](int count) { return count == 0; })) return 0;
  if (const auto known = fewest_.find(wanted); known != fewest_.end()) return known->second;
  int best = std::numeric_limits<int>::max();
  for (const Counts& layout : layouts_) {
    const Counts left = less(wanted, layout);
    if (left != wanted) best = std::min(best, 1 + fewest(left));
  }
  return fewest_[wanted] = best;
}

std::optional<std::vector<Pattern>> Cutting::hold(const std::vector<Config>& configs, int gpus, bool spread,
                                                  std::size_t& nodes, std::size_t most_nodes) {
  Holding holding{configs, gpus, spread, nodes, most_nodes};
  Counts wanted(names_.size());
  for (const Config& config : configs) ++wanted[position_of(config.part.instance)];
  if (!choose_layouts(holding, wanted, 0)) return std::nullopt;
  std::erase_if(holding.patterns, [](const Pattern& pattern) { return pattern.configs.empty(); });
  return std::move(holding.patterns);
}

// In ascending order, so that no choice is met twice.
bool Cutting::choose_layouts(Holding& holding, Counts wanted, std::size_t first) {
  if (++holding.nodes > holding.most_nodes) return false;
  const int left = holding.gpus - static_cast<int>(holding.layouts.size());
  if (left == 0) return put_config(holding, 0);
  for (std::size_t i = first; i < layouts_.size(); ++i) {
    Counts still = less(wanted, layouts_[i]);
    if (fewest(still) > left - 1) continue;
    holding.layouts.push_back(i);
    holding.free.push_back(layouts_[i]);
    holding.patterns.push_back({kind_, 1, static_cast<int>(i), {}});
    if (choose_layouts(holding, std::move(still), i)) return true;
    holding.layouts.pop_back();
    holding.free.pop_back();
    holding.patterns.pop_back();
  }
  return false;
}

bool Cutting::put_config(Holding& holding, std::size_t config) const {
  if (config == holding.configs.size()) return true;
  if (++holding.nodes > holding.most_nodes) return false;
  const Config& one = holding.configs[config];
  const std::size_t name = position_of(one.part.instance);
  for (std::size_t g = 0; g < holding.patterns.size(); ++g) {
    std::vector<Config>& here = holding.patterns[g].configs;
    if (holding.free[g][name] == 0) continue;
    if (holding.spread && std::any_of(here.begin(), here.end(),
                                      [&](const Config& other) { return share_a_service(one, other); }))
      continue;
    --holding.free[g][name];
    here.push_back(one);
    if (put_config(holding, config + 1)) return true;
    here.pop_back();
    ++holding.free[g][name];
    // One empty GPU of a layout is like another.
    if (here.empty())
      while (g + 1 < holding.patterns.size() && holding.layouts[g + 1] == holding.layouts[g] &&
             holding.patterns[g + 1].configs.empty())
        ++g;
  }
  return false;
}

std::vector<Cutting> cuttings_of(const CoveringProblem& problem) {
  std::vector<Cutting> cuttings;
  for (std::size_t k = 0; k < problem.kinds.size(); ++k)
    cuttings.emplace_back(static_cast<int>(k), problem.kinds[k].layouts);
  return cuttings;
}

std::optional<Packed> pack(const CoveringProblem& problem, std::vector<Cutting>& cuttings,
                           const std::vector<Config>& configs, std::size_t& nodes, std::size_t most_nodes) {
  Packed packed;
  for (std::size_t k = 0; k < problem.kinds.size(); ++k)
    if (!pack_kind(problem, k, cuttings[k], configs, nodes, most_nodes, packed)) return std::nullopt;
  return packed;
}

}  // namespace gpushare::planning
