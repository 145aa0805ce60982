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
  /// Told of configs that will be judged next, or of which it will be asked what predictions say: for several at once.
  std::function<void(const std::vector<Config>&)> will_judge = [](const auto&) {};
  std::function<void(const std::vector<Config>&)> will_guess = [](const auto&) {};
  /// Services because of which a packing that was judged fails, or is too close to say.
  std::function<std::vector<int>(const Packed&)> failing = [](const Packed&) { return std::vector<int>(); };
  /// Whether predictions are trusted to say that a config fails: it is then judged without being asked for.
  std::function<bool(const Config&)> hopeless = [](const Config&) { return false; };
};

struct SearchOptions {
  int rounds = 1'000;             ///< of proposals, at most
  std::map<Config, Met> known{};  ///< that were judged before
  /// How far beyond its bound a config should be, as a logarithm: below 0 it should hold. Orders the search.
  std::function<double(const Config&)> guess = [](const Config&) { return -1.0; };
  std::function<bool()> cancelled = [] { return false; };  ///< then what the judge throws ends the search
};

struct PlanSearch {
  std::optional<Packed> best;       ///< meets everything
  std::optional<Packed> unclear;    ///< costs less, and is too close to say
  std::optional<Packed> runner_up;  ///< the next best of configs that were judged, if it meets everything
  double bound = 0;             ///< no packing that meets everything costs less; infinite when there is none
  bool done = false;            ///< the best costs what the bound is, or there is none
  std::vector<Config> refuted;  ///< configs that fail
};

/// Exact, for a handful of services: the cheapest packing of what is not known to fail is looked at, until it holds.
[[nodiscard]] PlanSearch search(const CoveringProblem& problem, const Judge& judge,
                                const SearchOptions& options);

/// For many services: of configs that should hold, and leave something to spare, packings are made and judged; of those that
/// are not known to fail the cheapest mixture is the bound. It ends with a gap where what is left brings too little.
[[nodiscard]] PlanSearch search_fleet(const CoveringProblem& problem, const Judge& judge,
                                      const SearchOptions& options);

}  // namespace gpushare::planning
