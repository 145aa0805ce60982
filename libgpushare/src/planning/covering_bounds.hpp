#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "planning/covering.hpp"

/// What packings cost at least.
namespace gpushare::planning {

/// A config as the search counts it.
struct Column {
  const Config* config = nullptr;
  double share = 0;  ///< of the price of its GPUs; of an instance what it takes of one at least
  double risk = 0;
  std::vector<std::pair<Tenant, int>> tenants{};  ///< how many of each
  std::size_t name = 0;                           ///< position of its instance's
};

/// By service, of one replica of each tenant: those of no column are more than its share together.
[[nodiscard]] std::vector<std::map<Tenant, double>> shares_of(const std::vector<Column>& columns,
                                                              std::size_t services);

/// Of which all prices are multiples, to a ten thousandth; 0 where there is none such.
[[nodiscard]] double common_measure(const CoveringProblem& problem);

}  // namespace gpushare::planning
