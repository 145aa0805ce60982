#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "planning/covering_problem.hpp"

/// GPUs of one kind that are cut: how few of them hold so many instances, and which instance is on which.
namespace gpushare::planning {

class Cutting {
 public:
  using Counts = std::vector<int>;  ///< of instances, by the position of their name

  Cutting(int kind, const std::vector<CoveringProblem::Layout>& layouts);

  [[nodiscard]] std::size_t names() const { return names_.size(); }
  [[nodiscard]] std::size_t position_of(const std::string& name) const;
  /// The fewest GPUs that have so many instances; each name is in some layout.
  [[nodiscard]] int fewest(const Counts& wanted);
  /// The configs on so many GPUs, where they can be; `spread`: no two replicas of a service on one. Counts its steps in
  /// `nodes`, and gives up beyond `most_nodes`.
  [[nodiscard]] std::optional<std::vector<Pattern>> hold(const std::vector<Config>& configs, int gpus,
                                                         bool spread, std::size_t& nodes,
                                                         std::size_t most_nodes);

 private:
  struct Holding;
  bool choose_layouts(Holding& holding, Counts wanted, std::size_t first);
  bool put_config(Holding& holding, std::size_t config) const;

  int kind_ = 0;
  std::vector<std::string> names_;
  std::vector<Counts> layouts_;
  std::map<Counts, int> fewest_;
};

/// Of each kind.
[[nodiscard]] std::vector<Cutting> cuttings_of(const CoveringProblem& problem);

/// The fewest GPUs that hold configs, as far as they are found in so many steps, which are counted; nullopt: there are none.
[[nodiscard]] std::optional<Packed> pack(const CoveringProblem& problem, std::vector<Cutting>& cuttings,
                                         const std::vector<Config>& configs, std::size_t& nodes,
                                         std::size_t most_nodes);

}  // namespace gpushare::planning
