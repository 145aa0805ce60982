#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gpushare/judgement.hpp"
#include "gpushare/objectives.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/scenario.hpp"

/// The cheapest placement within objectives, with a bound that no placement of those considered beats.
///
/// Considered are whole GPUs and the instances of maximal MIG layouts, each with one process or several: exclusive, under
/// MPS (without caps; two also with 30/70, 50/50 and 70/30 % where they miss a bound by little), or time-sliced; a replica of
/// several ranks has whole GPUs to itself. What does not fit, or is offered more than `load_bound` lets it serve, is left
/// out; each part is simulated by itself, the services that its requests visit elsewhere on GPUs of their own, and what
/// fails so fails with more on it, on lesser parts, and on kinds of GPU that have less of everything. A linear program of the
/// library's own mixes fractions of what is left, which costs at least what its bound is, and a branch and bound proposes
/// the cheapest packing (of fleets a dive among the mixture's configs a cheap one). That is simulated as a whole under
/// luck that it was not chosen by, and without each node, GPU or instance in turn where a failure is to be tolerated; one
/// that fails is cut, and the search goes on. Beyond 16 choices of replicas in all, predictions come before simulations
/// (what_if.hpp): what misses a bound by 15 % or more by prediction
/// counts as failing, some of it is simulated nevertheless, and packings are made of what should hold.
namespace gpushare {

struct GpuOffer {
  std::shared_ptr<const GpuProfile> gpu;
  int count = 1;
  double price = 1;  ///< of one, in any unit
};

struct PlanOptions {
  bool mps = true, time_slicing = true, mig = true;  ///< ways in which GPUs may be shared
  /// Processes on one whole GPU or instance; with predictions four at most.
  int most_tenants = 6;
  /// What else services may be, by name: JSON that is merged into the service's in the document ({"precision": "int8"}).
  std::map<std::string, std::vector<std::string>> variants{};
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

/// A placement that the plan could be instead.
struct Alternative {
  std::string placement;  ///< "a100/whole: llm, embed; a100/whole: asr"
  double cost = 0;
  std::vector<int> gpus;  ///< by offer
};

/// What breaks first under more load.
struct Break {
  double load = 1;  ///< times the scenario's rates and users
  std::optional<Judged>
      missed;  ///< the objective that is furthest beyond its bound; nullopt: all means are within
};

/// Sets of processes that a prediction puts so far beyond a bound that they count as failing.
struct Foresights {
  std::uint64_t foretold = 0;
  std::uint64_t checked = 0, confirmed = 0;  ///< that were simulated nevertheless, and that fail of these
  double beyond = 0;  ///< how far a prediction puts them beyond a bound at least, as a share of it
};

/// What a placement does while something of it is lost.
struct Loss {
  std::string lost;  ///< "node0", "gpu0", "gpu0/3g.40gb@4"
  Judged judged;     ///< the objective that is furthest beyond its bound then, or has least to spare
};

struct Plan {
  /// The workload in the forms that were chosen, on its placement, within the objectives: to simulate, or to save by its
  /// document. Ways of sharing and caps are those of its partitions. nullopt: none was found.
  std::optional<Scenario> scenario;
  Met met = Met::no;      ///< all objectives, by the placement, whatever is to be tolerated
  double cost = 0;        ///< of its GPUs
  std::vector<int> gpus;  ///< by offer
  /// No placement that was considered costs less and meets the objectives; infinite when there is none.
  double lower_bound = 0;
  std::vector<Judged> objectives;  ///< of the placement, under luck that it was not chosen by
  std::optional<Loss> worst_loss;  ///< where a failure is to be tolerated
  std::vector<RejectedConfig>
      rejected;  ///< the smallest that were simulated, ten at most, those on whole GPUs first
  std::optional<RejectedConfig> nearest;  ///< of all that fail the one that misses its bound by least
  std::optional<Alternative> runner_up;   ///< the next best of what was simulated, if it meets all objectives
  std::vector<Break> breaks;              ///< at 1.1, 1.2 and 1.5 times the load
  /// What rules of thumb for sharing say, and whether the simulation agrees.
  std::string advice;
  Foresights foresights;
  int most_tenants = 0;  ///< processes on a part, at most, of all that was considered
  bool narrowed =
      false;  ///< services in more replicas than surely suffice alone were left out, for there are many
  std::uint64_t runs = 0;  ///< that were simulated
  bool complete = false;   ///< the search came to its end
  std::string why;         ///< where there is no placement

  /// By how much more the placement costs than the bound, as a share of the bound; 0 without a placement.
  [[nodiscard]] double gap() const;
};

/// The scenario's own placement and its faults do not matter; nodes are like the node of its modes, with up to eight GPUs,
/// or as few as a replica needs where a node's loss is to be tolerated. `objectives` has canonical names; 99 % of the requests
/// must succeed beside them, in each part as in the whole, unless a success_rate is asked for. Throws ScenarioError for
/// offers, options or objectives that make no sense, and for more than an exact search can look at; FigureError for a figure
/// that the scenario does not have.
[[nodiscard]] Plan find_plan(const Scenario& scenario, const Objectives& objectives,
                             std::span<const GpuOffer> offers, const PlanOptions& options = {});

}  // namespace gpushare
