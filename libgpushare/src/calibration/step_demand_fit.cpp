#include <algorithm>
#include <cmath>

#include "calibration/least_squares.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

using Vector = Eigen::VectorXd;

/// 1 / y of a fitted reciprocal, with its error.
Fitted reciprocal(const Fitted& fitted) {
  if (fitted.value <= 0) return {1, std::numeric_limits<double>::infinity(), false};
  return {1 / fitted.value, fitted.standard_error / (fitted.value * fitted.value), fitted.determined};
}

double mean_host_s(std::span<const MeasuredStep> rows) {
  double sum = 0;
  for (const MeasuredStep& row : rows) sum += row.synced_s - row.gpu_s;
  return std::max(0.0, sum / static_cast<double>(rows.size()));
}

// With a floor and the reciprocals of both efficiencies, as a step of the model takes it there.
double time_of(const MeasuredStep& row, const Vector& x, const GpuProfile& profile, Precision precision) {
  OperatorGroup group;
  group.flop = row.flop;
  group.bytes = row.bytes;
  group.flop_efficiency = 1 / x[1];
  group.bandwidth_efficiency = 1 / x[2];
  group.precision = precision;
  Demand step;
  step.fixed_gpu_s = x[0];
  step.add(group);
  const double share = std::min(1.0, row.sms / profile.sms);
  const double drawn = profile.bandwidth_bytes_per_s * reachable_bandwidth_share(profile, share);
  return step_time(step, profile,
                   {share * profile.sms, drawn, profile.l2_bytes, profile.bandwidth_bytes_per_s})
      .gpu_s;
}

}  // namespace

StepDemandFit fit_step_demand(std::span<const MeasuredStep> rows, const GpuProfile& profile,
                              Precision precision) {
  if (rows.empty()) throw CalibrationError("step table", "expected at least one row");
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!(rows[i].gpu_s > 0) || !(rows[i].sms > 0))
      throw CalibrationError("step table, row " + std::to_string(i), "gpu_s and sms must be above zero");
  const auto n = static_cast<Eigen::Index>(rows.size());
  double shortest = rows[0].gpu_s;
  for (const MeasuredStep& row : rows) shortest = std::min(shortest, row.gpu_s);
  LeastSquaresProblem search;
  search.start = Vector{{shortest / 2, 1.5, 1.2}};
  search.lower = Vector{{0, 1, 1}};
  search.upper = Vector{{10 * shortest, 1000, 1000}};
  search.scale = Vector{{shortest, 1, 1}};
  search.residuals = [&](const Vector& x) {
    Vector errors(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      const MeasuredStep& row = rows[static_cast<std::size_t>(i)];
      errors[i] = std::log(time_of(row, x, profile, precision) / row.gpu_s);
    }
    return errors;
  };
  const auto found = least_squares(search);
  StepDemandFit fit{found.parameters[0],
                    reciprocal(found.parameters[1]),
                    reciprocal(found.parameters[2]),
                    {mean_host_s(rows), 0, true},
                    {}};
  for (const double error : found.residuals) fit.relative_errors.push_back(std::expm1(error));
  return fit;
}

}  // namespace gpushare
