#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "gpushare/capacity.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

void scale(ArrivalProcess& arrivals, double factor) {
  arrivals.rate_per_s *= factor;
  for (double& rate : arrivals.rates) rate *= factor;
  for (ArrivalProcess& client : arrivals.clients) scale(client, factor);
}

void scale_open(Traffic& traffic, double factor, std::size_t position) {
  switch (traffic.kind) {
    case Traffic::Kind::trace:
      traffic.speed *= factor;
      return;
    case Traffic::Kind::calls:
      if (traffic.calls)
        throw ScenarioError(text::format("/traffic/{}", position),
                            "calls of a file have the load that they have; use \"generate\"");
      scale(traffic.recipe.arrivals, factor);
      return;
    case Traffic::Kind::open:
    case Traffic::Kind::closed:
      scale(traffic.arrivals, factor);
      return;
  }
}

}  // namespace

Workload scaled(const Workload& workload, VariedLoad what, double factor) {
  if (!(factor > 0) || !std::isfinite(factor))
    throw ScenarioError("factor", text::format("found {}; a number above 0 is needed", factor));
  Workload changed = workload;
  for (std::size_t i = 0; i < changed.traffic.size(); ++i) {
    Traffic& traffic = changed.traffic[i];
    const bool closed = traffic.kind == Traffic::Kind::closed;
    if (closed && what == VariedLoad::users)
      traffic.users = std::max(1, static_cast<int>(std::floor(traffic.users * factor + 0.5)));
    else if (!closed && what == VariedLoad::rate)
      scale_open(traffic, factor, i);
  }
  return changed;
}

}  // namespace gpushare
