#include "planning/plan_search.hpp"

#include <algorithm>
#include <utility>

#include "gpushare/errors.hpp"

namespace gpushare::planning {
namespace {

class Searcher {
 public:
  Searcher(const CoveringProblem& problem, const Judge& judge, const SearchOptions& options)
      : problem_(problem), judge_(judge), options_(options), covering_(problem), known_(options.known) {
    for (const auto& [config, met] : known_)
      if (met == Met::no) refute(config);
  }

  PlanSearch run() {
    try {
      for (int round = 0; round < options_.rounds && !found_.done && !found_.best; ++round) propose();
    } catch (const SimulationError&) {
      if (!options_.cancelled()) throw;
    }
    return std::move(found_);
  }

 private:
  void propose() {
    const Covering::Answer answer = covering_.solve([this](const Config& config) { return risk(config); });
    limit_ = std::max(limit_, answer.bound);
    found_.bound = found_.unclear ? std::min(limit_, found_.unclear->cost) : limit_;
    if (!answer.packed) {
      found_.done = true;
      return;
    }
    if (const std::vector<Config> unknown = unknown_of(*answer.packed); !unknown.empty()) {
      for (const Config& config : unknown) learn(config);
      return;
    }
    consider(*answer.packed);
  }

  [[nodiscard]] std::vector<Config> unknown_of(const Packed& packed) const {
    std::vector<Config> configs = packed.configs();
    configs.erase(std::unique(configs.begin(), configs.end()), configs.end());
    std::erase_if(configs, [this](const Config& config) { return known_.contains(config); });
    return configs;
  }

  // What fails is cut with all that is harder; what is less hard and fails too cuts more.
  void learn(const Config& config) {
    if (known_.contains(config) || !covering_.allowed(config)) return;
    const Met met = judge_.config(config);
    known_[config] = met;
    if (met != Met::no) return;
    refute(config);
    for (const Config& less : less_hard(config)) learn(less);
  }

  [[nodiscard]] std::vector<Config> less_hard(const Config& config) const {
    std::vector<Config> less;
    if (config.tenants.size() > 2) {
      Config fewer = config;
      const auto lightest =
          std::min_element(fewer.tenants.begin(), fewer.tenants.end(), [&](const Tenant& a, const Tenant& b) {
            return load({config.part, {a}}) < load({config.part, {b}});
          });
      fewer.tenants.erase(lightest);
      less.push_back(std::move(fewer));
    }
    Config lighter = config;
    for (Tenant& tenant : lighter.tenants) tenant = lightest(tenant);
    std::sort(lighter.tenants.begin(), lighter.tenants.end());
    if (lighter != config) less.push_back(std::move(lighter));
    return less;
  }

  // In as many replicas as it may have.
  [[nodiscard]] Tenant lightest(Tenant tenant) const {
    for (const Tenant& other : problem_.tenants[index(tenant.service)])
      if (other.variant == tenant.variant) tenant.replicas = std::max(tenant.replicas, other.replicas);
    return tenant;
  }

  void consider(const Packed& packed) {
    const Met met = judge_.packing(packed);
    if (met == Met::yes) {
      found_.best = packed;
      found_.done = packed.cost <= limit_ + 1e-9;
    } else if (met == Met::unclear && !found_.unclear) {
      found_.unclear = packed;
      found_.bound = std::min(limit_, packed.cost);
    }
    covering_.exclude(packed);
  }

  void refute(const Config& config) {
    covering_.refute(config);
    found_.refuted.push_back(config);
  }

  [[nodiscard]] double load(const Config& config) const { return options_.load ? options_.load(config) : 0; }

  [[nodiscard]] double risk(const Config& config) const {
    const auto found = known_.find(config);
    const double crowd = 0.05 * static_cast<double>(config.tenants.size());
    return found != known_.end() && found->second == Met::yes ? crowd : 1 + load(config) + crowd;
  }

  const CoveringProblem& problem_;
  const Judge& judge_;
  const SearchOptions& options_;
  Covering covering_;
  std::map<Config, Met> known_;
  double limit_ = 0;  // no packing that is left costs less
  PlanSearch found_;
};

}  // namespace

PlanSearch search(const CoveringProblem& problem, const Judge& judge, const SearchOptions& options) {
  return Searcher(problem, judge, options).run();
}

}  // namespace gpushare::planning
