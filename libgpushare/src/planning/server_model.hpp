#pragma once

#include "gpushare/what_if.hpp"
#include "planning/neighbourhood.hpp"
#include "planning/work_site.hpp"

namespace gpushare::planning {

/// A process of a service, as a queue among its neighbours.
struct ServerModel {
  WorkSite site;
  double rate = 0;  ///< requests a second that it gets
  int in_turn = 1;  ///< servers that are sent requests in turn, of which it is one

  /// What it does to its neighbours, from the mean step that it has among these.
  /// `before` is what it was taken to do, from which to begin.
  [[nodiscard]] Presence presence(const Neighbourhood& among, const Presence& before) const;
  [[nodiscard]] ServicePrediction predict(const Neighbourhood& among, const Presence& own) const;
};

}  // namespace gpushare::planning
