#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "gpushare/what_if.hpp"
#include "planning/plan_asked.hpp"

/// What configs would probably do, by queues instead of simulation.
namespace gpushare::planning {

class PlanForesight {
 public:
  using Excess = std::map<int, double>;

  PlanForesight(const PlanSpace& space, const PlanAsked& asked, unsigned threads);

  /// Predicts several at once of which it will be asked.
  void prepare(const std::vector<Config>& configs);
  /// By how much, as a share of its bound, each service would miss it under the best way of sharing; below 0: what is to
  /// spare. Corrected by what was simulated of each service. Empty when one of them has no bound for the p95 of its main
  /// latency, or is one of several that a request visits.
  [[nodiscard]] Excess best(const Config& config);
  /// The same of predictions that are taken to be as much too low as they mostly are, until it is known of a service.
  [[nodiscard]] Excess likely(const Config& config);
  /// nullopt where nothing is predicted.
  [[nodiscard]] std::optional<Way> best_way(const Config& config);
  /// What a simulation says of services beside others.
  void learn(const Config& config, const Way& way, const Excess& found);

 private:
  struct Predicted {
    std::map<Way, Excess> by_way;
    Way way;  // the best
  };
  // The services in some forms, and their traffic by kind of GPU.
  struct Formed {
    Workload workload;
    std::map<int, std::vector<ServiceTraffic>> traffic;
  };
  [[nodiscard]] const Predicted& predicted(const Config& config);
  [[nodiscard]] bool is_predictable(const Config& config) const;
  void predict(const std::vector<Config>& configs);
  [[nodiscard]] std::vector<Way> ways_of(const Config& config) const;
  [[nodiscard]] GpuQuestion question(const Config& config, const Way& way);
  [[nodiscard]] Predicted predicted_of(const Config& config,
                                       std::span<const std::vector<ServicePrediction>> found) const;
  [[nodiscard]] Excess excess(const Config& config, const std::vector<ServicePrediction>& found) const;
  [[nodiscard]] Formed& formed(const Forms& forms);
  [[nodiscard]] Excess corrected(const Config& config, double before);
  [[nodiscard]] double correction(int service, double before) const;

  const PlanSpace& space_;
  unsigned threads_;
  std::vector<std::optional<PlanAsked::Latency>> bounds_;  // by service
  std::map<Forms, std::unique_ptr<Formed>> formed_;
  std::map<Config, Predicted> known_;
  // By service how often predictions were held against simulations, and the sum of what they missed, as logarithms.
  std::map<int, std::pair<int, double>> missed_;
};

/// Of the worst service; below all where nothing is known.
[[nodiscard]] double worst_of(const PlanForesight::Excess& excess);
/// How far it is beyond a bound, as a logarithm that does not end at 0.
[[nodiscard]] double logarithm_of(double excess);

}  // namespace gpushare::planning
