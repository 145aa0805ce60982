#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

#include "gpushare/calibration.hpp"

namespace gpushare {

/// Minimise the sum of squares of `residuals(x)` within bounds.
struct LeastSquaresProblem {
  std::function<Eigen::VectorXd(const Eigen::VectorXd&)> residuals;
  Eigen::VectorXd start;
  Eigen::VectorXd lower, upper;
  Eigen::VectorXd scale;  ///< a typical size of each parameter
  double difference =
      1e-4;  ///< for derivatives, in scales; larger where the residuals come from a simulation
};

struct LeastSquaresSolution {
  std::vector<Fitted> parameters;
  Eigen::VectorXd residuals;
  int iterations = 0;

  [[nodiscard]] double operator[](std::size_t i) const { return parameters[i].value; }
};

/// Levenberg and Marquardt's method with steps projected onto the bounds; derivatives by central differences.
[[nodiscard]] LeastSquaresSolution least_squares(const LeastSquaresProblem& problem);

}  // namespace gpushare
