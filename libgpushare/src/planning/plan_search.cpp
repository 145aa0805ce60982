#include "planning/plan_search.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "planning/plan_knowledge.hpp"

namespace gpushare::planning {
namespace {

constexpr std::size_t kMixturesBeyond = 300;  // for the next best

class Searcher {
 public:
  Searcher(const CoveringProblem& problem, const Judge& judge, const SearchOptions& options)
      : options_(options),
        covering_(problem),
        knowledge_(problem, judge, options, [this](const Config& config) { covering_.refute(config); }) {}

  PlanSearch run() {
    until_cancelled(options_, [this] {
      for (int round = 0; round < options_.rounds && !stuck_ && !found_.done && !found_.best; ++round)
        propose();
      if (found_.best) found_.runner_up = knowledge_.next_best(covering_, false, kMixturesBeyond);
    });
    found_.refuted = knowledge_.refuted();
    return std::move(found_);
  }

 private:
  void propose() {
    const Covering::Answer answer = covering_.solve(knowledge_.risk());
    limit_ = std::max(limit_, answer.bound);
    found_.bound = found_.unclear ? std::min(limit_, found_.unclear->cost) : limit_;
    if (!answer.packed) {
      found_.done = answer.bound == kInfinite;
      stuck_ = !found_.done;
      return;
    }
    const std::vector<Config> unknown = knowledge_.unknown_of(answer.packed->configs());
    for (const Config& config : unknown) learn(config);
    if (unknown.empty()) consider(*answer.packed);
  }

  // What fails is cut with all that is harder; what is less hard and fails too cuts more.
  void learn(const Config& config) {
    if (knowledge_.met(config) || !covering_.allowed(config)) return;
    knowledge_.learn(config);
    if (knowledge_.met(config) != Met::no) return;
    for (const Config& less : knowledge_.less_hard(config)) learn(less);
  }

  void consider(const Packed& packed) {
    const Met met = knowledge_.judge(
        packed, [this](int service, const std::vector<Config>& hosts) { covering_.forbid(service, hosts); });
    if (met == Met::yes) {
      found_.best = packed;
      found_.done = packed.cost <= limit_ + 1e-9;
    } else if (met == Met::unclear && !found_.unclear) {
      found_.unclear = packed;
      found_.bound = std::min(limit_, packed.cost);
    }
    covering_.exclude(packed);
  }

  const SearchOptions& options_;
  Covering covering_;
  PlanKnowledge knowledge_;
  double limit_ = 0;  // no packing that is left costs less
  bool stuck_ = false;
  PlanSearch found_;
};

}  // namespace

PlanSearch search(const CoveringProblem& problem, const Judge& judge, const SearchOptions& options) {
  return Searcher(problem, judge, options).run();
}

}  // namespace gpushare::planning
