#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "planning/covering_program.hpp"
#include "planning/cutting.hpp"

/// A cheap packing of some configs, from fractions of them that become whole ones one by one.
namespace gpushare::planning {

/// Takes the config of which the cheapest mixture has most besides whole ones, mixes what else is to be held anew, and so on;
/// then at one place, at two places and so on it takes others instead. Configs may hold more replicas than are asked for,
/// which are left out in the end.
class CoveringDive {
 public:
  /// Packings that cost more than `most` are not looked for. `grid`: of which every cost is a multiple; 0: none is known.
  CoveringDive(const CoveringProblem& problem, const Forbidden& forbidden, double most, double grid);

  /// Mixtures that cost the same are of low risks, each from 0 to 1.
  void add(const Config& config, double risk);
  /// The cheapest that is found, looked for within costs that differ by `step`, with so many mixtures at most within each.
  [[nodiscard]] std::optional<Packed> solve(double step, std::size_t most_mixtures);

 private:
  using Chosen = std::vector<std::optional<Tenant>>;  // by service

  // What is decided, and a program of the rest.
  struct Node {
    LinearProgram program;
    std::vector<int> taken;  // of each config
    Chosen chosen;
    double cost = 0;  // of what is taken
  };

  bool look_within(double limit, const Node& root, std::size_t most_mixtures);
  [[nodiscard]] bool is_over() const { return found_ || mixtures_left_ == 0; }
  void dive(Node node, int others);
  void dive_around(const Node& node, const std::vector<double>& values, int others);
  [[nodiscard]] double bound_of(const Node& node) const;
  [[nodiscard]] std::optional<std::size_t> most_of(const std::vector<double>& values) const;
  void take(Node& node, std::size_t config) const;
  void choose(Node& node, const Tenant& tenant) const;
  [[nodiscard]] bool choose_forms(Node& node, const std::vector<double>& values) const;
  bool accept(const Node& node, const std::vector<double>& values);
  [[nodiscard]] std::vector<Config> trimmed(std::vector<Config> configs, const Chosen& chosen) const;

  const CoveringProblem& problem_;
  const Forbidden& forbidden_;
  CoveringRows rows_;
  LinearProgram program_;
  std::vector<Cutting> cuttings_;  // by kind
  std::vector<Config> configs_;
  std::vector<std::size_t> columns_;  // of the program, by config
  std::vector<double> costs_;         // with risks, by config
  double grid_, risks_, risk_weight_, most_, limit_ = 0;
  std::size_t mixtures_left_ = 0;
  bool found_ = false;      // one within the limit
  bool cut_short_ = false;  // others could be taken at more places
  std::optional<Packed> best_;
};

}  // namespace gpushare::planning
