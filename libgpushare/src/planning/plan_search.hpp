#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "gpushare/judgement.hpp"
#include "planning/covering.hpp"

/// The cheapest packing that a judge accepts, with a bound that none beats.
namespace gpushare::planning {

/// What fails has to fail with more on it too.
struct Judge {
  std::function<Met(const Config&)> config;   ///< by itself, the rest of the services undisturbed
  std::function<Met(const Packed&)> packing;  ///< as a whole
};

struct SearchOptions {
  int rounds = 1'000;                           ///< of proposals, at most
  std::map<Config, Met> known{};                ///< that were judged before
  std::function<double(const Config&)> load{};  ///< an estimate of how busy it is; orders the search
  std::function<bool()> cancelled = [] { return false; };  ///< then what the judge throws ends the search
};

struct PlanSearch {
  std::optional<Packed> best;     ///< meets everything
  std::optional<Packed> unclear;  ///< costs less, and is too close to say
  double bound = 0;             ///< no packing that meets everything costs less; infinite when there is none
  bool done = false;            ///< the best costs what the bound is, or there is none
  std::vector<Config> refuted;  ///< configs that fail
};

[[nodiscard]] PlanSearch search(const CoveringProblem& problem, const Judge& judge,
                                const SearchOptions& options);

}  // namespace gpushare::planning
