#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "planning/covering_problem.hpp"
#include "planning/cuts.hpp"
#include "planning/relaxation.hpp"

/// The cheapest GPUs that hold all replicas of all services, of configs that are not known to fail: a mixture of configs by a
/// linear program, and a branch and bound within what that leaves. The Python package solves the same problem by HiGHS.
namespace gpushare::planning {

class Covering {
 public:
  using Risk = std::function<double(const Config&)>;

  /// Throws ScenarioError when services may be more things than can be told apart.
  explicit Covering(const CoveringProblem& problem);

  /// It fails, so all harder ones do, on lesser parts too.
  void refute(const Config& config) { cuts_.add(config); }
  /// Not these configs together once more, on whatever GPUs.
  void exclude(const Packed& packed) { forbidden_.packings.push_back(packed.configs()); }
  [[nodiscard]] const Forbidden& forbidden() const { return forbidden_; }
  void heed(const Forbidden& forbidden) { forbidden_ = forbidden; }
  /// A service does not get what is asked for it there: a replica of it at least needs a better place.
  void forbid(int service, const std::vector<Config>& hosts);
  [[nodiscard]] bool allowed(const Config& config) const {
    return !cuts_.fails(config) && problem_.possible(config);
  }
  /// As Relaxation.
  void test(ConfigTests tests) { relaxation_.test(std::move(tests)); }
  [[nodiscard]] bool is_possible(const Config& config) { return relaxation_.is_possible(config); }
  void admit(const Config& config) { relaxation_.admit(config); }
  [[nodiscard]] std::vector<Config> admitted() const { return relaxation_.admitted(); }
  /// What the cheapest mixture of what is allowed is made of; its bound rounded up to what packings can cost.
  [[nodiscard]] Relaxation::Relaxed settle(double within = 0);

  struct Answer {
    std::optional<Packed> packed;  ///< nullopt: there is none, or none was found
    double bound = 0;              ///< no packing costs less; infinite when there is none
  };
  /// Of packings that cost the same one with the fewest processes, of these the first that is met: configs of low risk
  /// are tried first. Beyond so many steps it is the best that is found otherwise, and the bound is below its cost.
  [[nodiscard]] Answer solve(const Risk& risk, std::size_t most_nodes = 3'000'000);
  /// The cheapest packing of these configs that is found with so many mixtures, if one costs no more than `most`.
  [[nodiscard]] std::optional<Packed> assemble(const std::vector<Config>& configs, const Risk& risk,
                                               double most, std::size_t most_mixtures) const;
  /// The least that costs differ by, or what counts as such.
  [[nodiscard]] double step() const;

 private:
  [[nodiscard]] double rounded_up(double cost) const;
  [[nodiscard]] double cost_of_all() const;

  const CoveringProblem& problem_;
  Cuts cuts_;
  Relaxation relaxation_;
  double grid_;  // of which every cost is a multiple; 0: none is known
  Forbidden forbidden_;
};

}  // namespace gpushare::planning
