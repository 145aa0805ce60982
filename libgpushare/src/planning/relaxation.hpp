#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "planning/covering_program.hpp"
#include "planning/cuts.hpp"
#include "planning/pricing.hpp"

/// A bound on the cost of every packing, from fractions of configs that may be used and from what others are worth.
namespace gpushare::planning {

/// What proves a bound: no config is worth more than its part is charged.
struct Prices {
  std::map<Tenant, double> values;  ///< of each replica
  std::map<Part, double> charges;   ///< of those of no layout no more than its GPU together
  /// Of a GPU of each kind beside its price, because there are too few.
  std::vector<double> scarce;
  double proved = 0;  ///< no packing costs less
};

class Relaxation {
 public:
  /// `is_possible`: whether a config that nothing is known against can be used; of what cannot, the least is cut.
  Relaxation(const CoveringProblem& problem, Cuts& cuts);

  /// What configs are asked before they are wanted.
  void test(ConfigTests tests) { tests_ = std::move(tests); }
  /// Whether the problem allows a config; of one that it does not, the least that is impossible is cut.
  bool is_possible(const Config& config);

  struct Relaxed {
    double bound = 0;             ///< no packing costs less; infinite when there is none
    double cost = 0;              ///< of the cheapest mixture of what is used
    std::vector<Config> mixture;  ///< what that is made of, most of it first
  };
  /// The cheapest mixture of configs that are not known to fail. It may end once the bound is so near to the mixture's cost,
  /// as a share of it.
  Relaxed settle(double within = 0);

  /// A config may be used.
  void admit(const Config& config);
  [[nodiscard]] std::vector<Config> admitted() const;

  struct Worth {
    std::vector<Config> configs;
    bool complete = true;  ///< these are all
  };
  /// Configs that a packing may use that costs no more than so much above what the last prices prove.
  [[nodiscard]] Worth worth(double slack, std::size_t most);
  [[nodiscard]] const Prices& prices() const { return prices_; }

 private:
  struct Wanted {
    std::vector<Config> configs;
    double factor = 1;  // how many times its charge a config is worth at most
  };
  void drop_failing();
  Wanted look_at(const std::vector<double>& duals, double cost);
  [[nodiscard]] Prices prices_of(const std::vector<double>& duals) const;
  void share_out(int kind, double price, std::map<Part, double>& charges) const;
  [[nodiscard]] Priced priced(const Part& part, const PricingOptions& options);

  const CoveringProblem& problem_;
  Cuts& cuts_;
  ConfigTests tests_;
  std::vector<Part> parts_;  // those with most first: what fails there fails on lesser ones
  CoveringRows rows_;
  LinearProgram program_;
  std::map<Config, std::size_t> pool_;
  std::size_t cut_ = 0;  // cuts that the pool was held against
  Prices prices_;
  std::vector<double> best_duals_;  // of what proved most so far
  double best_cost_ = 0, best_proved_ = 0;
};

}  // namespace gpushare::planning
