#include "handles.hpp"

namespace gpushare::python {

namespace {

py::list service_names(const Scenario& scenario) {
  py::list names;
  for (const Service& service : scenario.workload.services) names.append(service.name);
  return names;
}

py::dict partition_dict(const Scenario& scenario, const Partition& partition,
                        const PartitionPlacement& placement) {
  py::list processes;
  for (const ProcessPlacement& process : placement.processes) {
    processes.append(scenario.workload.services[static_cast<std::size_t>(process.service)].name);
  }
  py::dict d;
  d["name"] = partition.name;
  d["sharing"] = std::string(to_string(placement.sharing.mode));
  d["memory_bytes"] = partition.memory_bytes;
  d["processes"] = processes;
  return d;
}

py::list gpu_list(const Scenario& scenario) {
  py::list list;
  for (const GpuPlacement& gpu : scenario.placement.gpus) {
    const std::vector<Partition>& parts = gpu.parts();
    py::list placed;
    for (std::size_t i = 0; i < parts.size() && i < gpu.partitions.size(); ++i) {
      placed.append(partition_dict(scenario, parts[i], gpu.partitions[i]));
    }
    py::dict d;
    d["profile"] = gpu.profile().name;
    d["layout"] = format_layout(gpu.profile(), gpu.layout());
    d["partitions"] = placed;
    list.append(d);
  }
  return list;
}

py::object price_object(const Prices& prices) {
  return prices.by_gpu.empty() ? py::object(py::float_(prices.any_gpu)) : py::cast(prices.by_gpu);
}

/// Reads the files that a document names through Python, which knows more formats; None: as the library does.
FileReaders file_readers(const std::vector<std::string>& formats, const py::object& load_trace,
                         const py::object& read_bytes) {
  FileReaders files;
  if (!formats.empty()) files.trace_formats = formats;
  if (!load_trace.is_none()) {
    files.trace = [&load_trace](const std::string& path, const std::string& format) {
      const py::gil_scoped_acquire acquire;
      return *load_trace(path, format).cast<TraceHandle>().trace;
    };
  }
  if (!read_bytes.is_none()) {
    files.calls = [&read_bytes](const std::string& path) {
      const py::gil_scoped_acquire acquire;
      const py::bytes text = read_bytes(path);
      return parse_calls(std::string_view(text), path);
    };
  }
  return files;
}

ScenarioHandle make(Scenario scenario) { return {std::make_shared<const Scenario>(std::move(scenario))}; }

template <class T>
void field(py::class_<ScenarioHandle>& cls, const char* name, T Scenario::*member, const char* doc) {
  cls.def_property_readonly(
      name, [member](const ScenarioHandle& h) { return (*h.scenario).*member; }, doc);
}

template <class T>
void field(py::class_<ScenarioHandle>& cls, const char* name, T Workload::*member, const char* doc) {
  cls.def_property_readonly(
      name, [member](const ScenarioHandle& h) { return h.scenario->workload.*member; }, doc);
}

}  // namespace

void register_scenario(py::module_& module) {
  py::class_<ScenarioHandle> cls(module, "Scenario", "A scenario document that was read and checked.");
  field(cls, "name", &Scenario::name, "Name.");
  field(cls, "description", &Scenario::description, "What it stands for.");
  field(cls, "mode", &Scenario::mode, "Mode as shown in tables.");
  field(cls, "modes", &Scenario::modes, "The document's own named modes, in its order.");
  field(cls, "seed", &Scenario::seed, "Seed of its random streams.");
  field(cls, "duration_s", &Workload::duration_s, "Simulated seconds.");
  field(cls, "warmup_s", &Workload::warmup_s, "Seconds left out of the figures.");
  cls.def_property_readonly(
      "host_cores", [](const ScenarioHandle& h) { return h.scenario->placement.nodes.front().host_cores; },
      "CPU cores; 0: no limit.");
  cls.def_property_readonly(
      "price_per_gpu_hour", [](const ScenarioHandle& h) { return price_object(h.scenario->workload.prices); },
      "Price of a GPU for an hour, or the prices by kind of GPU.");
  field(cls, "baseline_gpus", &Scenario::baseline_gpus, "GPUs of the dedicated placement.");
  field(cls, "document", &Scenario::document, "The JSON text it was read from, with the mode applied.");
  cls.def_property_readonly(
      "services", [](const ScenarioHandle& h) { return service_names(*h.scenario); },
      "Names of the services.");
  cls.def_property_readonly(
      "gpus", [](const ScenarioHandle& h) { return gpu_list(*h.scenario); },
      "Where every process is placed, as dicts.");
  cls.def(
      "check_memory", [](const ScenarioHandle& h) { check_memory(*h.scenario); },
      "Raises OutOfMemoryError with the sum when a partition's processes do not fit it.");
  cls.def("__repr__", [](const ScenarioHandle& h) {
    return "<Scenario " + h.scenario->name + ", " + h.scenario->mode + ">";
  });

  module.def(
      "load_scenario",
      [](const std::string& name, const std::string& mode, const std::vector<std::string>& formats,
         const py::object& load_trace, const py::object& read_bytes) {
        const FileReaders files = file_readers(formats, load_trace, read_bytes);
        const py::gil_scoped_release release;
        return make(load_scenario(name, mode, files));
      },
      py::arg("name_or_path"), py::arg("mode") = "", py::kw_only(),
      py::arg("formats") = std::vector<std::string>(), py::arg("load_trace") = py::none(),
      py::arg("read_bytes") = py::none(),
      "Reads a scenario by name or file path; load_trace(path, format) and read_bytes(path) read its files.");
  module.def(
      "parse_scenario",
      [](const std::string& json, const std::string& mode, const std::string& source,
         const std::string& folder, const std::vector<std::string>& formats, const py::object& load_trace,
         const py::object& read_bytes) {
        const FileReaders files = file_readers(formats, load_trace, read_bytes);
        const py::gil_scoped_release release;
        return make(parse_scenario(json, mode, source, folder, files));
      },
      py::arg("json"), py::arg("mode") = "", py::arg("source") = "", py::arg("folder") = "", py::kw_only(),
      py::arg("formats") = std::vector<std::string>(), py::arg("load_trace") = py::none(),
      py::arg("read_bytes") = py::none(), "Reads a scenario from JSON text, and its files likewise.");
  module.def("scenario_names", &scenario_names, "Names that load_scenario knows.");
}

}  // namespace gpushare::python
