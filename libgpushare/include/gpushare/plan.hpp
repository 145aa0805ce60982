#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gpushare/judgement.hpp"
#include "gpushare/objectives.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/scenario.hpp"

/// The cheapest placement within objectives, with a bound that no placement of those considered beats.
///
/// Considered are whole GPUs with replicas of one service or several, exclusive, under MPS without caps, or time-sliced, and
/// maximal MIG layouts with one replica on each instance; a replica of several ranks has its GPUs to itself. What does
/// not fit, or is offered more than `load_bound` lets it serve, is left out; each GPU's worth is simulated by itself, the
/// services that its requests visit elsewhere on GPUs of their own, and what fails so fails with more on it. A branch and
/// bound of the library's own proposes the cheapest packing of what is left, proven least; a solver of integer programs
/// is not needed. The packing is simulated as a whole under luck that it was not chosen by; one that fails is cut, and
/// the search goes on. It is for small problems: a handful of services on tens of GPUs. The Python package's planner
/// knows more (MPS caps, sharing inside MIG, other forms of services, tolerance of failures) and goes further.
namespace gpushare {

struct GpuOffer {
  std::shared_ptr<const GpuProfile> gpu;
  int count = 1;
  double price = 1;  ///< of one, in any unit
};

struct PlanOptions {
  bool mps = true, time_slicing = true, mig = true;  ///< ways in which GPUs may be shared
  int most_tenants = 4;                              ///< processes on one whole GPU
  /// Runs of each config at first, and at most where chance leaves it open; whole placements have twice and four times as
  /// many.
  std::uint32_t replications = 4, most_replications = 16;
  std::optional<std::uint64_t> seed;  ///< nullopt: the scenario's
  unsigned threads = 0;               ///< 0: all cores
  std::function<bool()> cancelled{};  ///< asked now and then; once true, the search ends with what it has
};

/// What cannot stand on a GPU, or a part of one, and why.
struct RejectedConfig {
  std::string config;  ///< "a100/whole: llm, embed"; "llm (1 of 2)": a replica of two
  std::string why;
};

struct Plan {
  std::optional<Placement> placement;  ///< nullopt: none was found
  Met met = Met::no;                   ///< all objectives, by the placement
  double cost = 0;                     ///< of its GPUs
  std::vector<int> gpus;               ///< by offer
  /// No placement that was considered costs less and meets the objectives; infinite when there is none.
  double lower_bound = 0;
  std::vector<Judged> objectives;        ///< of the placement, under luck that it was not chosen by
  std::vector<RejectedConfig> rejected;  ///< the smallest that were found
  std::uint64_t runs = 0;                ///< that were simulated
  bool complete = false;                 ///< the search came to its end
  std::string why;                       ///< where there is no placement

  /// By how much more the placement costs than the bound, as a share of the bound; 0 without a placement.
  [[nodiscard]] double gap() const;
};

/// The scenario's own placement and its faults do not matter; nodes have up to eight GPUs and are like the node of its
/// modes. `objectives` has canonical names; 99 % of the requests must succeed beside them, in each part as in the whole,
/// unless a success_rate is asked for. Throws ScenarioError for offers, options or objectives that make no sense, and for more
/// than an exact search can look at; FigureError for a figure that the scenario does not have.
[[nodiscard]] Plan find_plan(const Scenario& scenario, const Objectives& objectives,
                             std::span<const GpuOffer> offers, const PlanOptions& options = {});

}  // namespace gpushare
