#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "toy_fleet.hpp"

/// Fleets of toy services in which something fails.
namespace gpushare::test {

inline Fault process_fault(int service, double at_s, double restart_s, FaultKind kind = FaultKind::context) {
  Fault fault;
  fault.service = service;
  fault.at_s = at_s;
  fault.restart_s = constant(restart_s);
  fault.kind = kind;
  return fault;
}

inline Fault hardware_fault(FaultTarget target, int number, double at_s, double repair_s, double restart_s) {
  Fault fault = process_fault(0, at_s, restart_s);
  fault.target = target;
  fault.number = number;
  fault.repair_s = constant(repair_s);
  return fault;
}

/// Services of one process each, called "a", "b", ..., on these GPUs, each with Poisson requests of its own.
inline Scenario toy_fleet(std::vector<GpuPlacement> gpus, double duration_s, double rate_per_s) {
  Scenario scenario;
  int count = 0;
  for (const GpuPlacement& gpu : gpus)
    for (const PartitionPlacement& part : gpu.partitions) count += static_cast<int>(part.processes.size());
  std::vector<Service> services;
  for (int s = 0; s < count; ++s)
    services.push_back(toy_service(std::string(1, static_cast<char>('a' + s)), constant(0.004)));
  scenario.workload = toy_workload(std::move(services), duration_s);
  for (int s = 0; s < count; ++s) {
    Traffic traffic = toy_traffic("to-" + scenario.workload.services[static_cast<std::size_t>(s)].name, s,
                                  Traffic::Kind::open);
    traffic.arrivals.rate_per_s = rate_per_s;
    scenario.workload.traffic.push_back(std::move(traffic));
  }
  int nodes = 1;
  for (const GpuPlacement& gpu : gpus) nodes = std::max(nodes, gpu.node + 1);
  scenario.placement.nodes.resize(static_cast<std::size_t>(nodes));
  scenario.placement.gpus = std::move(gpus);
  return scenario;
}

inline double availability(const Summary& summary, std::size_t service) {
  return *summary.services[service].availability;
}

}  // namespace gpushare::test
