#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/judgement.hpp"
#include "gpushare/objectives.hpp"
#include "gpushare/scenario.hpp"

/// The largest load within objectives.
namespace gpushare {

/// What of a load is varied: users of closed traffic, or the rates of all other and the speed of traces.
enum class VariedLoad : std::uint8_t { users, rate };

struct CapacityOptions {
  std::optional<VariedLoad> vary;     ///< nullopt: the rates, or the users where there is no other traffic
  double tolerance = 0.01;            ///< rates are found to this share of themselves; users to one
  double most_factor = 65'536;        ///< of the scenario's load, and its inverse the least
  std::uint32_t replications = 8;     ///< at each load; at least 2
  std::optional<std::uint64_t> seed;  ///< nullopt: the scenario's
  unsigned threads = 0;               ///< 0: all cores
  std::function<bool()> cancelled{};  ///< asked now and then; true ends the search with SimulationError
};

/// A load that was tried.
struct TriedLoad {
  double load = 0;
  std::vector<Judged> judged;
  std::string refused;  ///< why it could not run at all

  [[nodiscard]] Met met() const;
  [[nodiscard]] bool within() const;  ///< whether the means keep to the bounds, whatever chance leaves open
};

/// Loads in `unit`.
struct Capacity {
  std::string_view unit;         ///< "users", "requests/s"
  double now = 0;                ///< what the scenario has
  double load = 0;               ///< the largest that was within the objectives; 0: none
  double low = 0;                ///< the largest that surely meets them
  double high = 0;               ///< the smallest that surely does not; infinite where none was found
  std::vector<TriedLoad> curve;  ///< by load
  std::string why;               ///< where `load` is 0: which objective, at the least load or the most
};

/// Doubles or halves the load until one is within the bounds and a larger one clearly is not, and bisects, under the same
/// luck for all loads. `objectives.figures` count, by canonical names; 99 % of the requests must succeed beside them, unless
/// a success_rate is asked for. What small loads miss and larger ones meet, such as a rate of at least so much, is held against
/// the largest load that the other bounds allow. Throws ScenarioError for options, for a load that the scenario does not have, and
/// for calls of a file, FigureError for a figure that it does not have, SimulationError when it is cancelled.
[[nodiscard]] Capacity find_capacity(const Scenario& scenario, const Objectives& objectives,
                                     const CapacityOptions& options = {});

/// The traffic with one kind of load multiplied by a factor above 0; users are rounded, to at least one. Throws
/// ScenarioError for calls of a file: they are what they are.
[[nodiscard]] Workload scaled(const Workload& workload, VariedLoad what, double factor);

}  // namespace gpushare
