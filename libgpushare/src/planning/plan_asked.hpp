#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "gpushare/judgement.hpp"
#include "planning/plan_space.hpp"

/// What is asked of a plan, by the services that it is asked of.
namespace gpushare::planning {

class PlanAsked {
 public:
  PlanAsked(const PlanSpace& space, std::vector<FigureBound> bounds);

  [[nodiscard]] const std::vector<FigureBound>& bounds() const { return bounds_; }
  /// Those that a config has anything to do with.
  [[nodiscard]] std::vector<FigureBound> bounds_of(const Config& config) const;
  /// What is asked for in any case, of what services on whole GPUs of their own serve under the same luck: 95 % of their
  /// requests a second and 99 % of their success; one of several replicas that falls behind must not hide among them.
  [[nodiscard]] std::vector<FigureBound> served(const std::map<std::string, double>& dedicated,
                                                int replicas) const;

  /// By how much each of some services misses its bounds, as a share of them; below 0: what is to spare. What is served
  /// says nothing while it suffices, and otherwise counts as far beyond.
  [[nodiscard]] std::map<int, double> excess(std::span<const Judged> judged,
                                             const std::set<int>& services) const;
  /// Services that have a bound of which so much is known.
  [[nodiscard]] std::vector<int> with(Met met, std::span<const Judged> judged) const;

  struct Latency {
    std::string name;  ///< "ttft"
    double bound_s = 0;
  };
  /// The strictest bound for a p95 of a service that requests visit alone.
  [[nodiscard]] std::optional<Latency> latency_of(int service) const;

 private:
  [[nodiscard]] std::set<int> owners_of(const std::string& figure) const;
  [[nodiscard]] bool concerns(const FigureBound& bound, const std::set<int>& looked_at,
                              const std::set<int>& running) const;

  const PlanSpace& space_;
  std::vector<FigureBound> bounds_;
  std::map<std::string, std::set<int>> owners_;  // services by what stands before a figure's last dot
};

/// What misses its bound by more, as a share of it, is beyond doubt after one run.
inline constexpr double kOverloaded = 2;

}  // namespace gpushare::planning
