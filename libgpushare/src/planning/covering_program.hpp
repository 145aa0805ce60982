#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "planning/covering_problem.hpp"
#include "planning/linear_program.hpp"

/// The linear program of a covering problem: fractions of configs that hold all replicas of all services.
namespace gpushare::planning {

/// Rows of the program.
struct CoveringRows {
  explicit CoveringRows(const CoveringProblem& problem);

  std::map<Tenant, std::size_t> tenants;  ///< as many as the part of its service that is it has replicas
  std::vector<std::size_t> services;      ///< each is some tenant
  std::map<Part, std::size_t> instances;  ///< as many as are used
  std::vector<std::size_t> kinds;         ///< no more GPUs than there are

  /// What one more of a config weighs in them.
  [[nodiscard]] std::vector<std::pair<std::size_t, double>> weights(const Config& config) const;
};

/// The program before it has configs: its first columns say what services are, in the order of the tenants' rows, the next
/// how many GPUs of each kind have each layout.
[[nodiscard]] LinearProgram program_of(const CoveringProblem& problem, const CoveringRows& rows);

/// What a config of a part costs; instances cost nothing beside their GPU.
[[nodiscard]] double cost_of(const CoveringProblem& problem, const Part& part);

}  // namespace gpushare::planning
