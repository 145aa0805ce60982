#include "calibration/least_squares.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>

namespace gpushare {
namespace {

constexpr int kMostIterations = 200;
constexpr double kSmallestDecrease = 1e-10;  // relative
constexpr double kUndetermined = 2.0;        // standard errors beyond this many scales
constexpr double kUnseen = 1e-9;             // singular values below this share of the largest
constexpr double kNoPart = 1e-6;             // of a parameter in a direction

using Vector = Eigen::VectorXd;

Vector clamped(const LeastSquaresProblem& problem, const Vector& x) {
  return x.cwiseMax(problem.lower).cwiseMin(problem.upper);
}

Eigen::MatrixXd jacobian(const LeastSquaresProblem& problem, const Vector& x, Eigen::Index rows) {
  Eigen::MatrixXd j(rows, x.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    const double h = problem.difference * problem.scale[i];
    Vector up = x, down = x;
    up[i] = std::min(x[i] + h, problem.upper[i]);
    down[i] = std::max(x[i] - h, problem.lower[i]);
    j.col(i) = (problem.residuals(up) - problem.residuals(down)) / (up[i] - down[i]) * problem.scale[i];
  }
  return j;
}

bool on_bound(const LeastSquaresProblem& problem, const Vector& x, Eigen::Index i) {
  const double tolerance = 1e-9 * problem.scale[i];
  return x[i] <= problem.lower[i] + tolerance || x[i] >= problem.upper[i] - tolerance;
}

/// Standard errors from the pseudo-inverse of the normal matrix; directions that the residuals do not see are infinite.
std::vector<Fitted> describe(const LeastSquaresProblem& problem, const Vector& x, const Eigen::MatrixXd& j,
                             const Vector& residuals) {
  const auto n = x.size();
  const auto freedom = std::max<Eigen::Index>(1, residuals.size() - n);
  const double variance = residuals.squaredNorm() / static_cast<double>(freedom);
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(j, Eigen::ComputeThinU | Eigen::ComputeFullV);
  const Vector& singular = svd.singularValues();
  std::vector<Fitted> found;
  for (Eigen::Index i = 0; i < n; ++i) {
    double sum = 0;
    bool seen = true;
    for (Eigen::Index k = 0; k < n;
         ++k) {  // fewer residuals than parameters leave directions without a value
      const double part = svd.matrixV()(i, k);
      if (std::abs(part) < kNoPart) continue;
      const double value = k < singular.size() ? singular[k] : 0;
      if (value <= kUnseen * singular[0]) seen = false;
      sum += part * part / (value * value);
    }
    const double error =
        seen ? std::sqrt(variance * sum) * problem.scale[i] : std::numeric_limits<double>::infinity();
    found.push_back({x[i], error, error <= kUndetermined * problem.scale[i] && !on_bound(problem, x, i)});
  }
  return found;
}

}  // namespace

LeastSquaresSolution least_squares(const LeastSquaresProblem& problem) {
  Vector x = clamped(problem, problem.start);
  Vector residuals = problem.residuals(x);
  double damping = 1e-3;
  LeastSquaresSolution solution;
  Eigen::MatrixXd j = jacobian(problem, x, residuals.size());
  for (; solution.iterations < kMostIterations && damping < 1e12; ++solution.iterations) {
    Eigen::MatrixXd normal = j.transpose() * j;
    normal.diagonal() += damping * (normal.diagonal().array() + 1e-12).matrix();
    const Vector step = normal.ldlt().solve(j.transpose() * residuals);
    const Vector next = clamped(problem, x - step.cwiseProduct(problem.scale));
    const Vector found = problem.residuals(next);
    const double before = residuals.squaredNorm();
    if (!(found.squaredNorm() < before)) {
      damping *= 4;
      continue;
    }
    const bool settled = before - found.squaredNorm() < kSmallestDecrease * before;
    x = next;
    residuals = found;
    j = jacobian(problem, x, residuals.size());
    damping = std::max(1e-12, damping / 3);
    if (settled) break;
  }
  solution.parameters = describe(problem, x, j, residuals);
  solution.residuals = residuals;
  return solution;
}

}  // namespace gpushare
