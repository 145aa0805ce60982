#pragma once

#include <string>
#include <vector>

#include "gpushare/faults.hpp"
#include "gpushare/objectives.hpp"
#include "gpushare/scenario.hpp"

/// A placement while a node, a GPU or an instance of it is lost.
namespace gpushare::planning {

struct Failure {
  std::string lost;     ///< "node0", "gpu0", or "gpu0/3g.40gb@4"
  Fault fault;          ///< from the first request to the last
  std::string lacking;  ///< a service that has no process left; empty: every one has
};

/// Of each node, GPU or partition that serves anything; none where nothing is to be tolerated.
[[nodiscard]] std::vector<Failure> failures_of(const Scenario& scenario, Tolerance tolerate);

}  // namespace gpushare::planning
