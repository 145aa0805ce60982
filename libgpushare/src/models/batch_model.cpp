#include "gpushare/model.hpp"

namespace gpushare {

Demand BatchModel::batch(double items, double units) const {
  Demand demand;
  if (items <= 0) return demand;
  OperatorGroup group;
  group.floor_s = floor_s + items * floor_per_item_s;
  group.flop = units * flop_per_unit;
  group.bytes = weight_bytes + units * bytes_per_unit;
  group.flop_efficiency = flop_efficiency;
  group.bandwidth_efficiency = bandwidth_efficiency;
  group.working_set_bytes = working_set_bytes;
  group.reuse = reuse;
  group.precision = precision;
  group.norm = static_cast<std::uint8_t>(norm);
  demand.host_before_s = host_before_s + items * host_per_item_s;
  demand.host_after_s = host_after_s;
  demand.launch_s = launch_s;
  demand.pcie_bytes = units * pcie_bytes_per_unit;
  demand.kernels = kernels;
  demand.add(group);
  return demand;
}

}  // namespace gpushare
