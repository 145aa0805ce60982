#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "planning/plan_knowledge.hpp"

namespace gpushare::planning {
namespace {

// What a guess has to leave to a bound, as a logarithm, for a packing to be tried with it; how much less once nothing cheaper can
// be made so; and at least: as much as predictions err may be lacking.
constexpr double kToSpare = 0.03, kBolder = 0.05, kBoldest = -0.12;
constexpr double kRoughly = 0.04, kNearly = 0.02;  // share of a mixture's cost, that its bound need be near
constexpr std::size_t kTests = 200;                // predictions of configs of a part at a time
constexpr int kAssembled = 4;                      // packings, between two looks at the bound
constexpr std::size_t kMixtures = 500;             // for a packing
constexpr std::size_t kNodesOfAll = 500'000;
// Configs that are judged in vain while a GPU is all that is open, and whatever is.
constexpr std::size_t kPatience = 100, kLongPatience = 200;
constexpr std::size_t kEffort = 10;  // a packing counts as so many configs then

class FleetSearcher {
 public:
  FleetSearcher(const CoveringProblem& problem, const Judge& judge, const SearchOptions& options)
      : problem_(problem),
        judge_(judge),
        options_(options),
        bounding_(problem),
        packing_(std::in_place, problem),
        knowledge_(problem, judge, options, [this](const Config& config) {
          bounding_.refute(config);
          packing_->refute(config);
        }) {
    bounding_.test({[this](const Config& config) { return fails(config); }, judge.will_guess, kTests});
    test_packing();
    for (const Config& config : knowledge_.holding(false)) bounding_.admit(config);
    for (const CoveringProblem::Kind& kind : problem.kinds) gpu_ = std::max(gpu_, kind.price);
  }

  PlanSearch run() {
    until_cancelled(options_, [this] {
      for (int round = 0; round < options_.rounds && !ended(); ++round) propose();
      if (found_.best) found_.runner_up = knowledge_.next_best(*packing_, true, kMixtures);
    });
    found_.refuted = knowledge_.refuted();
    return std::move(found_);
  }

 private:
  void propose() {
    for (int i = 0; i < kAssembled && assemble(); ++i) {
    }
    if (!look_at_mixture(kRoughly) && !look_at_mixture(0) && !found_.done) look_at_packing();
    found_.done = found_.done || limit_ == kInfinite || (found_.best && found_.best->cost <= limit_ + 1e-9);
  }

  // Of what should hold, its configs one by one and then the whole; false when there is nothing better to put together.
  bool assemble() {
    for (const Config& config : packing_->admitted())
      if (!is_good(config)) packing_->refute(config);
    for (const Config& config : knowledge_.holding(true)) packing_->admit(config);
    static_cast<void>(packing_->settle(kNearly));
    const double most = found_.best ? found_.best->cost - 1e-6 * gpu_ : kInfinite;
    const auto packed = packing_->assemble(packing_->admitted(), knowledge_.risk(), most, kMixtures);
    if (!packed) {
      be_bolder();
      return false;
    }
    const std::vector<Config> configs = packed->configs();
    judge_all(configs);
    if (std::all_of(configs.begin(), configs.end(),
                    [this](const Config& config) { return knowledge_.met(config) == Met::yes; }))
      consider(*packed);
    return true;
  }

  void test_packing() {
    packing_->test({[this](const Config& config) { return is_doubtful(config); }, judge_.will_guess, kTests});
  }

  // The next packings are made of guesses with less to spare: more of them fail, and what holds is used.
  void be_bolder() {
    if (spare_ <= kBoldest) return;
    spare_ -= kBolder;
    const Forbidden forbidden = packing_->forbidden();
    packing_.emplace(problem_);
    packing_->heed(forbidden);
    test_packing();
    for (const Config& config : knowledge_.refuted()) packing_->refute(config);
  }

  // What the cheapest mixture is made of; false when all of it is known.
  bool look_at_mixture(double within) {
    const Relaxation::Relaxed relaxed = bounding_.settle(within);
    raise_limit(relaxed.bound);
    return judge_all(relaxed.mixture);
  }

  // The cheapest packing of what is not known to fail, as far as one is found.
  void look_at_packing() {
    const Covering::Answer answer = bounding_.solve(knowledge_.risk(), kNodesOfAll);
    raise_limit(answer.bound);
    if (!answer.packed || (found_.best && answer.packed->cost > found_.best->cost - 1e-6 * gpu_)) {
      stuck_ = spare_ <= kBoldest;
      return;
    }
    if (!judge_all(answer.packed->configs())) consider(*answer.packed);
  }

  // Whether any of them was not known.
  bool judge_all(const std::vector<Config>& configs) {
    const std::vector<Config> unknown = knowledge_.unknown_of(configs);
    learn(unknown);
    return !unknown.empty();
  }

  // What fails is cut with all that is harder; what is less hard and should fail too cuts more.
  void learn(std::vector<Config> configs) {
    while (!configs.empty()) {
      std::erase_if(configs, [this](const Config& config) { return !is_open(config); });
      judge_.will_judge(configs);
      std::vector<Config> less;
      for (const Config& config : configs) {
        if (!is_open(config)) continue;
        knowledge_.learn(config);
        if (knowledge_.met(config) != Met::no) {
          bounding_.admit(config);
          continue;
        }
        for (const Config& one : knowledge_.less_hard(config))
          if (options_.guess(one) > 0) less.push_back(one);
      }
      configs = std::move(less);
    }
  }

  [[nodiscard]] bool is_open(const Config& config) const {
    return !knowledge_.met(config) && bounding_.allowed(config);
  }

  void consider(const Packed& packed) {
    ++judged_;
    Met met = Met::no;
    if (tried_.insert(packed.configs()).second)
      met = knowledge_.judge(packed, [this](int service, const std::vector<Config>& hosts) {
        bounding_.forbid(service, hosts);
        packing_->forbid(service, hosts);
      });
    bounding_.exclude(packed);
    packing_->exclude(packed);
    if (met == Met::yes && (!found_.best || packed.cost < found_.best->cost)) found_.best = packed;
    if (met == Met::unclear && (!found_.unclear || packed.cost < found_.unclear->cost))
      found_.unclear = packed;
    raise_limit(limit_);
  }

  void raise_limit(double bound) {
    limit_ = std::max(limit_, bound);
    found_.bound = limit_;
    // What was judged is not looked for again.
    for (const auto& known : {found_.best, found_.unclear})
      if (known) found_.bound = std::min(found_.bound, known->cost);
    found_.done = limit_ == kInfinite;
  }

  // Whether the end is reached, or too much is left to look at for what it may bring.
  bool ended() {
    if (found_.done || stuck_) return true;
    const std::size_t effort = knowledge_.count() - foretold_ + kEffort * judged_;
    const double cost = found_.best ? found_.best->cost : kInfinite;
    if (limit_ > last_limit_ || cost < last_cost_) {
      last_limit_ = limit_;
      last_cost_ = cost;
      last_effort_ = effort;
    }
    const bool near = cost - limit_ <= gpu_ + 1e-9;
    return found_.best && effort - last_effort_ > (near ? kPatience : kLongPatience);
  }

  // Of the bound: known to fail, impossible, or hopeless by prediction.
  bool fails(const Config& config) {
    if (!knowledge_.met(config)) {
      if (!bounding_.is_possible(config)) return true;
      if (!judge_.hopeless(config)) return false;
      knowledge_.learn(config);
      ++foretold_;
    }
    return knowledge_.met(config) == Met::no;
  }

  // Of packings: what does not hold, nor should.
  bool is_doubtful(const Config& config) {
    if (is_good(config)) return false;
    if (packing_->is_possible(config)) packing_->refute(config);
    return true;
  }

  bool is_good(const Config& config) {
    if (const auto met = knowledge_.met(config)) return *met == Met::yes;
    return packing_->is_possible(config) && options_.guess(config) <= -spare_;
  }

  const CoveringProblem& problem_;
  const Judge& judge_;
  const SearchOptions& options_;
  Covering bounding_;                // of what may hold
  std::optional<Covering> packing_;  // of what should
  double spare_ = kToSpare;
  PlanKnowledge knowledge_;
  std::set<std::vector<Config>> tried_;
  double gpu_ = 0;    // price of the dearest
  double limit_ = 0;  // no packing that is left costs less
  std::size_t judged_ = 0, foretold_ = 0;
  double last_limit_ = 0, last_cost_ = kInfinite;
  std::size_t last_effort_ = 0;
  bool stuck_ = false;
  PlanSearch found_;
};

}  // namespace

PlanSearch search_fleet(const CoveringProblem& problem, const Judge& judge, const SearchOptions& options) {
  return FleetSearcher(problem, judge, options).run();
}

}  // namespace gpushare::planning
