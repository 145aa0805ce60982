#include "planning/linear_program.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gpushare::planning {
namespace {

constexpr double kRoundingError = 1e-9;
constexpr double kLeastPivot = 1e-8;
constexpr std::size_t kAnew = 100;  // pivots after which the inverse is worked out anew
constexpr std::size_t kDegenerate =
    50;  // pivots without progress, after which the first column enters that may
constexpr std::size_t kMostDualPivots = 1'000;  // before it begins anew
constexpr auto kNoColumn = std::numeric_limits<std::size_t>::max();

}  // namespace

LinearProgram::LinearProgram(std::vector<double> least, double penalty)
    : least_(std::move(least)), penalty_(penalty) {
  for (std::size_t r = 0; r < least_.size(); ++r) {
    columns_.push_back({0, {{r, -1.0}}});
    columns_.push_back({penalty_, {{r, 1.0}}});
  }
  begin_anew();
}

// Each row has its surplus, or lacks all of its least.
void LinearProgram::begin_anew() {
  const std::size_t rows = least_.size();
  inverse_.assign(rows * rows, 0);
  basis_.clear();
  values_.clear();
  for (std::size_t r = 0; r < rows; ++r) {
    const bool lacks = least_[r] > 0;
    basis_.push_back(2 * r + (lacks ? 1 : 0));
    inverse(r, r) = lacks ? 1 : -1;
    values_.push_back(std::abs(least_[r]));
  }
  is_basic_.assign(columns_.size(), false);
  for (const std::size_t column : basis_) is_basic_[column] = true;
}

std::size_t LinearProgram::add(double cost, std::vector<std::pair<std::size_t, double>> weights) {
  columns_.push_back({cost, std::move(weights)});
  is_basic_.push_back(false);
  return columns_.size() - 1 - 2 * least_.size();
}

// What is in the basis leaves it by its cost.
void LinearProgram::drop(std::size_t column) {
  Column& dropped = columns_[2 * least_.size() + column];
  dropped.may_enter = false;
  dropped.cost = penalty_;
}

void LinearProgram::require(std::size_t column) {
  const Column& required = columns_[2 * least_.size() + column];
  for (const auto& [row, weight] : required.weights) least_[row] -= weight;
  const std::vector<double> change = change_by(required);
  for (std::size_t r = 0; r < values_.size(); ++r) values_[r] -= change[r];
}

void LinearProgram::solve() {
  restore();
  std::size_t idle = 0;
  for (find_duals();; find_duals()) {
    const bool first = idle > kDegenerate;
    const std::size_t column = entering(first);
    if (column == kNoColumn) return;
    const std::vector<double> change = change_by(columns_[column]);
    const std::size_t row = leaving(change, first);
    if (row == kNoColumn) return;  // costs are at least 0, so this is rounding
    idle = values_[row] > kRoundingError ? 0 : idle + 1;
    pivot(column, row, change);
  }
}

// By the dual method: what was an optimum before columns were required is near to one.
void LinearProgram::restore() {
  for (std::size_t pivots = 0; pivots < kMostDualPivots; ++pivots) {
    const auto worst = std::min_element(values_.begin(), values_.end());
    if (worst == values_.end() || *worst >= -kRoundingError) return;
    const auto row = static_cast<std::size_t>(worst - values_.begin());
    find_duals();
    const std::size_t column = entering_for(row);
    if (column == kNoColumn) break;
    pivot(column, row, change_by(columns_[column]));
  }
  begin_anew();
}

// What raises a row's value from below 0 at the least cost for it.
std::size_t LinearProgram::entering_for(std::size_t row) const {
  const std::size_t rows = least_.size();
  std::size_t best = kNoColumn;
  double least = 0, raised = 0;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (is_basic_[c] || !columns_[c].may_enter) continue;
    double change = 0;
    for (const auto& [r, weight] : columns_[c].weights) change += inverse_[row * rows + r] * weight;
    if (change >= -kLeastPivot) continue;
    const double ratio = std::max(0.0, -saving_of(columns_[c])) / -change;
    if (best != kNoColumn &&
        (ratio > least + kRoundingError || (ratio > least - kRoundingError && change >= raised)))
      continue;
    best = c;
    least = ratio;
    raised = change;
  }
  return best;
}

double LinearProgram::saving_of(const Column& column) const {
  double saved = -column.cost;
  for (const auto& [row, weight] : column.weights) saved += duals_[row] * weight;
  return saved;
}

// The one whose unit saves most, or the first that saves anything, which never goes in a circle.
std::size_t LinearProgram::entering(bool first) const {
  std::size_t best = kNoColumn;
  double saving = kRoundingError;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (is_basic_[c] || !columns_[c].may_enter) continue;
    const double saved = saving_of(columns_[c]);
    const double counts = kRoundingError * (1 + columns_[c].cost);
    if (saved <= std::max(saving, counts)) continue;
    if (first) return c;
    saving = saved;
    best = c;
  }
  return best;
}

std::size_t LinearProgram::leaving(const std::vector<double>& change, bool first) const {
  std::size_t best = kNoColumn;
  double least = 0;
  for (std::size_t r = 0; r < basis_.size(); ++r) {
    if (change[r] <= kLeastPivot) continue;
    const double ratio = std::max(0.0, values_[r]) / change[r];
    const bool same = best != kNoColumn && std::abs(ratio - least) <= kRoundingError * (1 + least);
    const bool better = first ? basis_[r] < basis_[best == kNoColumn ? r : best]
                              : best == kNoColumn || change[r] > change[best];
    if (best == kNoColumn || (same ? better : ratio < least)) {
      least = ratio;
      best = r;
    }
  }
  return best;
}

std::vector<double> LinearProgram::change_by(const Column& column) const {
  const std::size_t rows = least_.size();
  std::vector<double> change(rows);
  for (const auto& [row, weight] : column.weights)
    for (std::size_t r = 0; r < rows; ++r) change[r] += inverse_[r * rows + row] * weight;
  return change;
}

void LinearProgram::pivot(std::size_t column, std::size_t row, const std::vector<double>& change) {
  const std::size_t rows = least_.size();
  // Below 0 only by rounding where a value has to fall.
  const double step =
      change[row] > 0 ? std::max(0.0, values_[row]) / change[row] : values_[row] / change[row];
  for (std::size_t c = 0; c < rows; ++c) inverse(row, c) /= change[row];
  for (std::size_t r = 0; r < rows; ++r) {
    if (r == row || change[r] == 0) continue;
    values_[r] -= step * change[r];
    for (std::size_t c = 0; c < rows; ++c) inverse(r, c) -= change[r] * inverse(row, c);
  }
  values_[row] = step;
  is_basic_[basis_[row]] = false;
  is_basic_[column] = true;
  basis_[row] = column;
  if (++pivots_ % kAnew == 0) invert();
}

// By Gauss and Jordan, with the largest pivot of each column.
void LinearProgram::invert() {
  const std::size_t rows = least_.size();
  std::vector<double> left(rows * rows);
  for (std::size_t b = 0; b < rows; ++b)
    for (const auto& [row, weight] : columns_[basis_[b]].weights) left[row * rows + b] = weight;
  inverse_.assign(rows * rows, 0);
  for (std::size_t r = 0; r < rows; ++r) inverse(r, r) = 1;
  for (std::size_t c = 0; c < rows; ++c) {
    std::size_t largest = c;
    for (std::size_t r = c; r < rows; ++r)
      if (std::abs(left[r * rows + c]) > std::abs(left[largest * rows + c])) largest = r;
    for (std::size_t k = 0; k < rows; ++k) {
      std::swap(left[c * rows + k], left[largest * rows + k]);
      std::swap(inverse(c, k), inverse(largest, k));
    }
    const double pivot = left[c * rows + c];
    for (std::size_t k = 0; k < rows; ++k) {
      left[c * rows + k] /= pivot;
      inverse(c, k) /= pivot;
    }
    for (std::size_t r = 0; r < rows; ++r) {
      const double factor = left[r * rows + c];
      if (r == c || factor == 0) continue;
      for (std::size_t k = 0; k < rows; ++k) {
        left[r * rows + k] -= factor * left[c * rows + k];
        inverse(r, k) -= factor * inverse(c, k);
      }
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    values_[r] = 0;
    for (std::size_t c = 0; c < rows; ++c) values_[r] += inverse(r, c) * least_[c];
  }
}

void LinearProgram::find_duals() {
  const std::size_t rows = least_.size();
  duals_.assign(rows, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    const double cost = columns_[basis_[r]].cost;
    if (cost == 0) continue;
    for (std::size_t c = 0; c < rows; ++c) duals_[c] += cost * inverse_[r * rows + c];
  }
  for (double& dual : duals_) dual = std::abs(dual) < kRoundingError ? 0 : dual;
}

double LinearProgram::cost() const {
  double cost = 0;
  for (std::size_t r = 0; r < basis_.size(); ++r) cost += columns_[basis_[r]].cost * values_[r];
  return cost;
}

std::vector<double> LinearProgram::values() const {
  const std::size_t own = 2 * least_.size();
  std::vector<double> values(columns_.size() - own);
  for (std::size_t r = 0; r < basis_.size(); ++r)
    if (basis_[r] >= own) values[basis_[r] - own] = values_[r];
  return values;
}

bool LinearProgram::lacks() const {
  for (std::size_t r = 0; r < basis_.size(); ++r) {
    const Column& column = columns_[basis_[r]];
    const bool is_lack = basis_[r] < 2 * least_.size() && basis_[r] % 2 == 1;
    if ((is_lack || !column.may_enter) && values_[r] > 1e-7) return true;
  }
  return false;
}

}  // namespace gpushare::planning
