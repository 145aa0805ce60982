#pragma once

#include <cstddef>
#include <utility>
#include <vector>

/// A linear program that grows while it is solved again and again, each time from where it stood.
namespace gpushare::planning {

/// Minimises the cost of columns of at least 0 whose weighted sum reaches the least of each row: the revised simplex method
/// with a dense inverse of the basis, for a few hundred rows.
class LinearProgram {
 public:
  /// What a row above 0 lacks costs `penalty` a unit, so that there is a solution at first; none may be cheaper without.
  LinearProgram(std::vector<double> least, double penalty);

  /// Weights by row, each row once; returns its position.
  std::size_t add(double cost, std::vector<std::pair<std::size_t, double>> weights);
  /// Keeps a column at 0.
  void drop(std::size_t column);
  /// Takes one more of a column for sure; its values and the cost are of what comes beside.
  void require(std::size_t column);
  void solve();

  // ---- Of the last optimum ----

  [[nodiscard]] double cost() const;
  [[nodiscard]] std::vector<double> values() const;  ///< of all columns
  /// What one more of each row's least costs; at least 0.
  [[nodiscard]] const std::vector<double>& duals() const { return duals_; }
  /// Whether rows lack something.
  [[nodiscard]] bool lacks() const;

 private:
  struct Column {
    double cost = 0;
    std::vector<std::pair<std::size_t, double>> weights;
    bool may_enter = true;
  };
  [[nodiscard]] double& inverse(std::size_t row, std::size_t column) {
    return inverse_[row * least_.size() + column];
  }
  [[nodiscard]] double saving_of(const Column& column) const;
  [[nodiscard]] std::size_t entering(bool first) const;
  [[nodiscard]] std::size_t leaving(const std::vector<double>& change, bool first) const;
  [[nodiscard]] std::vector<double> change_by(const Column& column) const;
  void restore();
  [[nodiscard]] std::size_t entering_for(std::size_t row) const;
  void begin_anew();
  void pivot(std::size_t column, std::size_t row, const std::vector<double>& change);
  void find_duals();
  void invert();

  std::vector<double> least_;
  double penalty_;
  std::vector<Column> columns_;  // each row's surplus and lack first
  std::vector<std::size_t> basis_;
  std::vector<double> inverse_, values_, duals_;  // values of the basis
  std::vector<bool> is_basic_;
  std::size_t pivots_ = 0;
};

}  // namespace gpushare::planning
