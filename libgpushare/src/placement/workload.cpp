#include "gpushare/workload.hpp"

namespace gpushare {

void resolve_roles(Workload& workload) {
  for (Pipeline& pipeline : workload.pipelines)
    for (Stage& stage : pipeline.stages)
      stage.role = stage.service < 0
                       ? Role::waits
                       : role_of(*workload.services[static_cast<std::size_t>(stage.service)].model);
}

}  // namespace gpushare
