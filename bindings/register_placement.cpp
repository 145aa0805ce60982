#include "handles.hpp"

namespace gpushare::python {

namespace {

py::object optional_time(double seconds) {
  return seconds < 0 ? py::object(py::none()) : py::object(py::float_(seconds));
}

py::dict partition_dict(const Partition& partition, const PartitionPlacement& placement,
                        const std::vector<std::string>& services) {
  py::list processes, percentages, limits, shares;
  for (const ProcessPlacement& process : placement.processes) {
    processes.append(services[static_cast<std::size_t>(process.service)]);
    percentages.append(process.active_thread_percentage);
    shares.append(process.share);
    limits.append(process.memory_limit_bytes > 0 ? py::object(py::float_(process.memory_limit_bytes))
                                                 : py::object(py::none()));
  }
  py::dict d;
  d["name"] = partition.name;
  d["sharing"] = std::string(to_string(placement.sharing.mode));
  d["slice_s"] = optional_time(placement.sharing.slice_s);
  d["switch_preempted_s"] = optional_time(placement.sharing.switch_preempted_s);
  d["switch_idle_s"] = optional_time(placement.sharing.switch_idle_s);
  d["policy"] = std::string(to_string(placement.sharing.policy));
  d["lease_s"] = placement.sharing.lease_s;
  d["plan_s"] = placement.sharing.plan_s;
  d["shares"] = shares;
  d["memory_bytes"] = partition.memory_bytes;
  d["processes"] = processes;
  d["active_thread_percentages"] = percentages;
  d["memory_limits_bytes"] = limits;
  return d;
}

py::list node_list(const PlacementHandle& h) {
  py::list list;
  for (int i = 0; i < static_cast<int>(h.placement->nodes.size()); ++i) {
    const Node& node = h.placement->nodes[static_cast<std::size_t>(i)];
    py::dict d;
    d["name"] = node_name(*h.placement, i);
    d["host_cores"] = node.host_cores;
    d["interconnect"] = py::none();
    if (node.link) {
      py::dict link;
      link["latency_s"] = node.link->latency_s;
      link["bandwidth_bytes_per_s"] = node.link->bandwidth_bytes_per_s;
      if (node.link->one_shot_latency_s > 0) link["one_shot_latency_s"] = node.link->one_shot_latency_s;
      d["interconnect"] = link;
    }
    list.append(d);
  }
  return list;
}

PlacementHandle place_mode(const ScenarioHandle& h, const std::string& text,
                           const std::optional<ProfileHandle>& gpu,
                           const std::optional<std::vector<int>>& consolidate) {
  const py::gil_scoped_release release;
  PlacementOptions options = h.scenario->placing;
  if (gpu) options.gpu = gpu->profile;
  if (consolidate) options.consolidate = *consolidate;
  PlacementHandle placed = placement_of(h);
  placed.placement =
      std::make_shared<const Placement>(place(parse_mode(text, *options.gpu), h.scenario->workload, options));
  return placed;
}

py::dict misfit_dict(const Misfit& misfit, const Workload& workload, const Placement& placement) {
  py::dict d;
  d["reason"] = std::string(to_string(misfit.reason));
  d["place"] = place_of(misfit, placement);
  d["gpu"] = misfit.gpu;
  d["partition"] = misfit.partition;
  d["process"] = misfit.process < 0 ? py::object(py::none()) : py::object(py::int_(misfit.process));
  d["service"] = py::none();
  if (misfit.service >= 0) d["service"] = workload.services[static_cast<std::size_t>(misfit.service)].name;
  d["needed"] = misfit.needed;
  d["available"] = misfit.available;
  d["fitting_share"] = misfit.fitting_share > 0 ? py::object(py::float_(misfit.fitting_share)) : py::none();
  d["text"] = explain(misfit, workload, placement);
  return d;
}

/// (free bytes by partition, misfits as dicts)
py::tuple fit_of(const ScenarioHandle& h, const std::optional<PlacementHandle>& other) {
  const Workload& workload = h.scenario->workload;
  const Placement placement = placement_or_own(h, other);
  const Fit fit = fits(workload, placement);
  py::dict free_bytes;
  for (const Fit::Part& part : fit.parts) {
    const GpuPlacement& gpu = placement.gpus[static_cast<std::size_t>(part.gpu)];
    const std::string& name = gpu.parts()[static_cast<std::size_t>(part.partition)].name;
    free_bytes[py::str("gpu" + std::to_string(part.gpu) + "/" + name)] = part.free_bytes;
  }
  py::list misfits;
  for (const Misfit& misfit : fit.misfits) misfits.append(misfit_dict(misfit, workload, placement));
  return py::make_tuple(free_bytes, misfits);
}

}  // namespace

Placement for_scenario(const PlacementHandle& h, const Scenario& scenario) {
  std::vector<std::string> names;
  for (const Service& service : scenario.workload.services) names.push_back(service.name);
  if (names == h.services) return *h.placement;
  return parse_placement(placement_document(*h.placement, h.services), names, "placement");
}

Placement placement_or_own(const ScenarioHandle& h, const std::optional<PlacementHandle>& other) {
  const Placement placement = other ? for_scenario(*other, *h.scenario) : h.scenario->placement;
  check_placement(h.scenario->workload, placement);
  return placement;
}

PlacementHandle placement_of(const ScenarioHandle& h) {
  PlacementHandle placement;
  placement.placement = std::shared_ptr<const Placement>(h.scenario, &h.scenario->placement);
  for (const Service& service : h.scenario->workload.services) placement.services.push_back(service.name);
  return placement;
}

py::list gpu_list(const Placement& placement, const std::vector<std::string>& services) {
  py::list list;
  for (const GpuPlacement& gpu : placement.gpus) {
    py::list placed;
    for (std::size_t i = 0; i < gpu.partitions.size(); ++i)
      placed.append(partition_dict(gpu.parts()[i], gpu.partitions[i], services));
    py::dict d;
    d["node"] = node_name(placement, gpu.node);
    d["profile"] = gpu.profile().name;
    d["layout"] = format_layout(gpu.profile(), gpu.layout());
    d["partitions"] = placed;
    list.append(d);
  }
  return list;
}

void register_placement(py::module_& module) {
  py::class_<PlacementHandle>(module, "Placement", "Where processes run: nodes, GPUs, partitions.")
      .def(py::init([](const std::string& json, const std::vector<std::string>& services,
                       const std::string& source) {
             return PlacementHandle{
                 std::make_shared<const Placement>(parse_placement(json, services, source)), services};
           }),
           py::arg("json"), py::arg("services"), py::arg("source") = "")
      .def_property_readonly(
          "json", [](const PlacementHandle& h) { return placement_document(*h.placement, h.services); },
          "JSON text, as the constructor reads it.")
      .def_readonly("services", &PlacementHandle::services, "Names of the services it may place.")
      .def_property_readonly("nodes", &node_list, "Hosts and their links, as dicts.")
      .def_property_readonly(
          "gpus", [](const PlacementHandle& h) { return gpu_list(*h.placement, h.services); },
          "Every GPU, as dicts.")
      .def("__repr__", [](const PlacementHandle& h) {
        return "<Placement: " + std::to_string(h.placement->gpus.size()) + " GPUs>";
      });
  module.def(
      "fits", &fit_of, py::arg("scenario"), py::arg("placement") = py::none(),
      "Free bytes by partition, and what does not fit as dicts; another placement than the scenario's.");
  module.def(
      "mode_kinds",
      [] {
        py::list kinds;
        for (const ModeKind& kind : mode_kinds())
          kinds.append(py::make_tuple(kind.grammar, kind.description));
        return kinds;
      },
      "Every kind of mode of the grammar: how it is written, and what it does.");
  module.def(
      "load_metrics", [] { return load_metrics(); }, "The names of what a replica count can follow.");
  module.def(
      "sharing_modes", [] { return sharing_modes(); }, "The names of the ways in which processes share.");
  module.def("place", &place_mode, py::arg("scenario"), py::arg("mode"), py::arg("gpu") = py::none(),
             py::arg("consolidate") = py::none(),
             "A scenario's processes as a mode of the grammar places them.");
  module.def(
      "with_placement",
      [](const ScenarioHandle& h, const PlacementHandle& placement, const std::string& label) {
        const py::gil_scoped_release release;
        return ScenarioHandle{std::make_shared<const Scenario>(
            with_placement(*h.scenario, for_scenario(placement, *h.scenario), label))};
      },
      py::arg("scenario"), py::arg("placement"), py::arg("label"), "The scenario on another placement.");
}

}  // namespace gpushare::python
