#include <algorithm>

#include "gpushare/workload.hpp"

namespace gpushare {

namespace {

bool ends_by_itself(const Traffic& traffic) {
  return traffic.kind == Traffic::Kind::trace ||
         (traffic.kind == Traffic::Kind::open && traffic.arrivals.count > 0);
}

}  // namespace

bool until_served(const Workload& workload) {
  return workload.duration_s == 0 && !workload.traffic.empty() &&
         std::all_of(workload.traffic.begin(), workload.traffic.end(), ends_by_itself);
}

bool has_clients(const Workload& workload) {
  return std::any_of(workload.traffic.begin(), workload.traffic.end(),
                     [](const Traffic& traffic) { return traffic.client.has_value(); });
}

void resolve_roles(Workload& workload) {
  for (Pipeline& pipeline : workload.pipelines)
    for (Stage& stage : pipeline.stages)
      stage.role = stage.service < 0
                       ? Role::waits
                       : role_of(*workload.services[static_cast<std::size_t>(stage.service)].model);
}

}  // namespace gpushare
