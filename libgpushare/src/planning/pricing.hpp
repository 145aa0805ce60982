#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "planning/cuts.hpp"

/// The configs of a part that are worth most, for a mixture that grows the configs that it needs.
namespace gpushare::planning {

/// Looks at configs that nothing is known against.
class ConfigTests {
 public:
  using Fails = std::function<bool(const Config&)>;
  using Prepare = std::function<void(const std::vector<Config>&)>;

  /// `fails` has to cut what it says of; so many are asked for a part at a time. `prepare` is told of those that will probably
  /// be asked for next.
  ConfigTests(Fails fails, Prepare prepare, std::size_t at_a_time)
      : fails_(std::move(fails)), prepare_(std::move(prepare)), at_a_time_(at_a_time) {}

  void begin() { left_ = at_a_time_; }
  [[nodiscard]] bool ended() const { return left_ == 0; }
  /// What has passed before is not asked again.
  [[nodiscard]] bool fails(const Config& config);
  [[nodiscard]] bool is_prepared(const Config& config) const { return prepared_.contains(config); }
  void prepare(const std::vector<Config>& configs);

 private:
  Fails fails_;
  Prepare prepare_;
  std::size_t at_a_time_, left_ = 0;
  std::set<Config> passed_, prepared_;
};

struct PricingOptions {
  double least = 0;                 ///< configs that are worth no more do not count
  std::size_t count = 16;           ///< that are returned, at most
  std::size_t most_nodes = 20'000;  ///< sets that are looked at, at most
  bool every = false;               ///< tenants that are worth nothing are added too
};

struct Priced {
  std::vector<Config> configs;  ///< those worth most, the best first
  double most = 0;              ///< none that is left out is worth more
  bool complete = true;         ///< all were looked at; otherwise `most` is an estimate from above
};

/// By what each tenant is worth. Tests are asked until some config is found, or none is left.
[[nodiscard]] Priced price(const CoveringProblem& problem, const Cuts& cuts, const Part& part,
                           const std::map<Tenant, double>& values, ConfigTests& tests,
                           const PricingOptions& options);

}  // namespace gpushare::planning
