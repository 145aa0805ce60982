#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gpushare/judgement.hpp"
#include "gpushare/scenario.hpp"

/// Judging scenarios by a few runs each.
namespace gpushare::planning {

struct TrialOptions {
  std::optional<std::uint64_t> seed{};  ///< nullopt: the scenario's
  std::uint32_t replications = 4;  ///< at least, unless the first runs leave no doubt that a bound is missed
  std::uint32_t most_replications = 4;  ///< doubled up to so many where chance leaves it open
  std::uint32_t first = 4;              ///< runs that are looked at first
  /// What misses a bound by more, as a share of it, is beyond doubt after one run.
  double hopeless = std::numeric_limits<double>::infinity();
  unsigned threads = 0;
  std::vector<int> watched_replicas{};  ///< as RunOptions
  std::function<bool()> cancelled{};
  /// More bounds, of success_rate and request_throughput: of each of so many runs, under the luck of that run. So what
  /// comes of the difference in each has less of chance in it.
  std::function<std::vector<std::vector<FigureBound>>(std::uint32_t runs)> served{};
};

struct Trial {
  std::vector<Judged> judged;
  std::string refused;  ///< why it could not run at all: memory, or MPS clients
  std::uint32_t runs = 0;

  [[nodiscard]] Met met() const { return refused.empty() ? gpushare::met(judged) : Met::no; }
  /// By how much, as a share of its bound, the worst figure misses it.
  [[nodiscard]] double excess() const;
};

/// Throws SimulationError when it is cancelled, and what simulations throw.
[[nodiscard]] Trial try_scenario(const Scenario& scenario, std::span<const FigureBound> bounds,
                                 const TrialOptions& options);

/// Throws ScenarioError for a bound that is no finite number.
void check_bounds(const Objectives& objectives);
/// The bounds. Throws FigureError for a figure that the scenario does not have, and what check_bounds() throws.
[[nodiscard]] std::vector<FigureBound> checked_bounds(const Objectives& objectives, const Scenario& scenario);
/// The bounds, and beside them that 99 % of the requests succeed, where nothing is asked of success_rate. Throws FigureError
/// for a figure that the scenario does not have.
[[nodiscard]] std::vector<FigureBound> bounds_of(const Objectives& objectives, const Scenario& scenario);

/// Whether a bound is missed by less than another one, or has more to spare. A figure without a value is the worst.
[[nodiscard]] bool misses_by_less(const Judged& one, const Judged& other);

/// "llm.ttft_p95_s 0.53, at most 0.5 is asked for", of the bound that is missed by most; or why it was refused.
[[nodiscard]] std::string worst_of(std::span<const Judged> judged, const std::string& refused);

}  // namespace gpushare::planning
