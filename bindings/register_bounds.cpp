#include "gpushare/bounds.hpp"
#include "gpushare/what_if.hpp"

#include "handles.hpp"

namespace gpushare::python {

namespace {

// The whole GPU, then an instance of every profile.
std::vector<Partition> kinds_of_partition(const GpuProfile& gpu) {
  std::vector<Partition> kinds = partitions(gpu, {});
  for (std::size_t i = 0; i < gpu.mig.size(); ++i) {
    Partition part = partitions(gpu, {{{static_cast<int>(i), gpu.mig[i].starts.front(), {}}}}).front();
    part.name = gpu.mig[i].name;
    kinds.push_back(std::move(part));
  }
  return kinds;
}

py::dict bounds_on(const Service& service, const VisitSizes& sizes, const GpuProfile& gpu,
                   const Partition& partition) {
  const ProcessSite site{gpu, partition};
  py::dict d;
  d["partition"] = partition.name;
  const double capacity = capacity_bound(service, sizes, site);
  d["fits"] = capacity > 0;
  d["capacity_per_s"] = capacity;
  if (capacity == 0) return d;
  const MemoryNeed memory = memory_need(service, gpu, partition, 1);
  const LeastWork work = least_work(service, sizes, site, memory);
  const PeakWork peak = peak_work(service, sizes, site, memory);
  const AloneTimes alone = alone_times(service, sizes, site);
  d["least_gpu_s"] = work.gpu_s;
  d["least_host_s"] = work.host_s;
  d["least_process_s"] = work.process_s;
  d["flop"] = work.flop;
  d["bytes"] = work.bytes;
  d["alone_first_s"] = alone.first_s;
  d["alone_token_s"] = alone.token_s;
  d["peak_flop"] = peak.flop;
  d["peak_bytes"] = peak.bytes;
  d["peak_capacity_per_s"] = peak.gpu_s > 0 ? 1 / peak.gpu_s : kNoBound;
  d["peak_compute_s"] = peak.compute_s;
  d["peak_memory_s"] = peak.memory_s;
  d["peak_first_s"] = peak.first_s;
  d["peak_token_s"] = peak.token_s;
  return d;
}

py::list service_bounds(const ScenarioHandle& h, const std::optional<ProfileHandle>& profile) {
  const Workload& workload = h.scenario->workload;
  const GpuProfile& gpu = profile ? *profile->profile : *h.scenario->placing.gpu;
  const std::vector<ServiceTraffic> traffic = service_traffic(workload, &gpu);
  py::list list;
  for (std::size_t s = 0; s < workload.services.size(); ++s) {
    py::list parts;
    for (const Partition& partition : kinds_of_partition(gpu))
      parts.append(bounds_on(workload.services[s], traffic[s].mean, gpu, partition));
    py::dict d;
    d["service"] = workload.services[s].name;
    d["offered_per_s"] = traffic[s].per_s;
    d["partitions"] = parts;
    list.append(d);
  }
  return list;
}

py::object number_or_none(int number) {
  return number < 0 ? py::object(py::none()) : py::object(py::int_(number));
}

py::dict load_bound_of(const ScenarioHandle& h, const std::optional<PlacementHandle>& other) {
  const Workload& workload = h.scenario->workload;
  const Placement placement = placement_or_own(h, other);
  const std::vector<ServiceTraffic> traffic = service_traffic(workload, &placement.gpus.front().profile());
  const LoadBound bound = load_bound(workload, traffic, placement);
  py::dict d;
  d["factor"] = bound.factor;
  d["gpu"] = number_or_none(bound.gpu);
  d["partition"] = number_or_none(bound.partition);
  d["node"] = number_or_none(bound.node);
  d["service"] = py::none();
  if (bound.service >= 0) d["service"] = workload.services[static_cast<std::size_t>(bound.service)].name;
  return d;
}

py::dict what_if_of(const ScenarioHandle& h, const std::optional<PlacementHandle>& other) {
  const Workload& workload = h.scenario->workload;
  const Placement placement = placement_or_own(h, other);
  const WhatIf found = what_if(workload, placement);
  py::dict services;
  for (std::size_t s = 0; s < found.services.size(); ++s) {
    const ServicePrediction& one = found.services[s];
    py::dict d;
    d["latency"] = std::string(one.latency);
    d["p95_s"] = one.p95_s;
    d["busy"] = one.busy;
    d["batch"] = one.batch;
    d["slowdown"] = one.slowdown;
    services[py::str(workload.services[s].name)] = d;
  }
  py::dict d;
  d["fits"] = found.fit.misfits.empty();
  d["load_factor"] = found.load.factor;
  d["services"] = services;
  return d;
}

}  // namespace

void register_bounds(py::module_& module) {
  module.def(
      "service_bounds", &service_bounds, py::arg("scenario"), py::arg("profile") = py::none(),
      "What each service is offered, and the most that a process can serve on each kind of partition.");
  module.def(
      "peaks_to_mean", [](const ScenarioHandle& h) { return peaks_to_mean(h.scenario->workload); },
      py::arg("scenario"), "The highest rate of what each service is asked against its mean.");
  module.def(
      "load_bound", &load_bound_of, py::arg("scenario"), py::arg("placement") = py::none(),
      "How far all offered rates could grow before a placement cannot carry them, and what binds first.");
  module.def("what_if", &what_if_of, py::arg("scenario"), py::arg("placement") = py::none(),
             "What a placement would probably do, without simulating it.");
}

}  // namespace gpushare::python
