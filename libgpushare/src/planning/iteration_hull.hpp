#pragma once

#include <array>
#include <vector>

#include "core/function_ref.hpp"

namespace gpushare::planning {

/// The least that a token costs in any mix of iterations.
///
/// Iterations of t_1, t_2, ... tokens cost g(t_1) + g(t_2) + ...; k of them with n tokens in all cost at least
/// k h(n / k), h the lower convex hull of g. So a token costs at least the least h(m) / m of the means m that the mix
/// may have.
class IterationHull {
 public:
  using Cost = FunctionRef<double(double tokens)>;
  /// `kinks`: numbers of tokens where the cost may jump or bend; between them it is smooth.
  IterationHull(Cost cost, double most_tokens, const std::vector<double>& kinks);

  /// Of iterations of at most `mean_tokens` on average, at least 1, each of which costs `more` besides.
  [[nodiscard]] double least_per_token(double mean_tokens, double more = 0) const;

 private:
  std::vector<std::array<double, 2>> corners_;  // (tokens, cost), ascending
};

}  // namespace gpushare::planning
