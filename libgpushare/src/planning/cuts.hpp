#pragma once

#include <bitset>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "planning/covering_problem.hpp"

/// What is known to fail, and with it all that is harder.
namespace gpushare::planning {

/// Sets of tenants as bits, of which each stands for so many copies of a tenant at least, or of one with more load: so one
/// comparison says whether a set is at least as hard as another one.
class Cuts {
 public:
  static constexpr std::size_t kBits = 512;
  using Mask = std::bitset<kBits>;

  /// Throws ScenarioError when services may be more than there are bits.
  explicit Cuts(const CoveringProblem& problem);

  /// A config fails, and all that are harder, on its part and on lesser ones.
  void add(const Config& config);
  [[nodiscard]] bool fails(const Config& config) const;
  /// Whether a set of tenants fails on a part because of this service among them.
  [[nodiscard]] bool fails(const Part& part, int service, const Mask& tenants) const;
  /// What so many copies of a tenant set.
  [[nodiscard]] const Mask& mask(const Tenant& tenant, int copies) const {
    return masks_.at({tenant, copies});
  }
  /// How often something was added.
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  [[nodiscard]] Mask mask_of(const std::vector<Tenant>& tenants) const;
  [[nodiscard]] bool needs(const Config& config, Mask& needed) const;

  const CoveringProblem& problem_;
  std::vector<Part> parts_;
  std::map<std::pair<Tenant, int>, std::size_t> bits_;
  std::map<std::pair<Tenant, int>, Mask> masks_;
  std::map<Part, std::vector<std::vector<Mask>>> needed_;  // by part and service that is among them
  std::size_t count_ = 0;
};

}  // namespace gpushare::planning
