#include <tuple>

#include "gpushare/bounds.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

std::vector<std::string> service_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const Service& service : scenario.workload.services) names.push_back(service.name);
  return names;
}

py::object price_object(const Prices& prices) {
  return prices.by_gpu.empty() ? py::object(py::float_(prices.any_gpu)) : py::cast(prices.by_gpu);
}

ScenarioHandle make(Scenario scenario) { return {std::make_shared<const Scenario>(std::move(scenario))}; }

py::list service_list(const Workload& workload) {
  py::list list;
  for (const Service& service : workload.services) {
    py::dict d;
    d["name"] = service.name;
    d["model"] = service.model->name;
    d["precision"] = std::string(to_string(service.precision));
    d["replicas"] = service.replicas;
    d["tensor_parallel"] = service.tensor_parallel;
    d["memory_bytes"] = service.memory_bytes > 0 ? py::object(py::float_(service.memory_bytes)) : py::none();
    list.append(d);
  }
  return list;
}

py::dict pipeline_dict(const Workload& workload) {
  py::dict pipelines;
  for (const Pipeline& pipeline : workload.pipelines) {
    py::list stages;
    for (const Stage& stage : pipeline.stages) stages.append(stage.name);
    pipelines[py::str(pipeline.name)] = stages;
  }
  return pipelines;
}

py::dict workload_dict(const ScenarioHandle& h) {
  const Workload& workload = h.scenario->workload;
  py::dict traffic;
  for (const Traffic& entry : workload.traffic)
    traffic[py::str(entry.name)] = Traffic::kKinds[static_cast<std::size_t>(entry.kind)];
  py::dict d;
  d["services"] = service_list(workload);
  d["pipelines"] = pipeline_dict(workload);
  d["traffic"] = traffic;
  d["warmup_s"] = workload.warmup_s;
  d["duration_s"] = workload.duration_s;
  d["price_per_gpu_hour"] = price_object(workload.prices);
  d["carbon_g_per_kwh"] =
      workload.carbon_g_per_kwh ? py::object(py::float_(*workload.carbon_g_per_kwh)) : py::none();
  return d;
}

/// (kind, path, format, time unit, tokens of a block, tokens of an output, columns)
using FileTuple =
    std::tuple<std::string, std::string, std::string, std::string, std::int32_t, std::int32_t, std::string>;

FileTuple file_tuple(const InputFile& file) {
  return {file.kind == InputFile::Kind::trace ? "trace" : "calls",
          file.path,
          file.format,
          file.time_unit,
          file.block_tokens,
          file.output_tokens,
          file.columns};
}

InputFile trace_file(const FileTuple& file) {
  const auto& [kind, path, format, time_unit, block_tokens, output_tokens, columns] = file;
  return {InputFile::Kind::trace, path, format, time_unit, block_tokens, output_tokens, columns};
}

py::list file_list(const ScenarioDocument& document) {
  py::list files;
  for (const InputFile& file : document.files()) files.append(file_tuple(file));
  return files;
}

py::list files_read(const Inputs& inputs) {
  py::list files;
  for (const auto& [file, trace] : inputs.trace_files) files.append(file_tuple(file));
  for (const auto& [path, calls] : inputs.call_files)
    files.append(file_tuple({InputFile::Kind::calls, path}));
  return files;
}

using Traces = std::map<std::string, TraceHandle>;
using Calls = std::map<std::string, CallsHandle>;
using TraceFiles = std::map<FileTuple, TraceHandle>;

Inputs inputs_of(const Traces& traces, const Calls& calls, const TraceFiles& trace_files,
                 const Calls& call_files, const std::vector<std::string>& formats) {
  Inputs inputs;
  for (const auto& [name, handle] : traces) inputs.traces[name] = handle.trace;
  for (const auto& [name, handle] : calls) inputs.calls[name] = handle.calls;
  for (const auto& [file, handle] : trace_files) inputs.trace_files[trace_file(file)] = handle.trace;
  for (const auto& [path, handle] : call_files) inputs.call_files[path] = handle.calls;
  if (!formats.empty()) inputs.trace_formats = formats;
  return inputs;
}

void register_document(py::module_& module) {
  py::class_<ScenarioDocument> cls(module, "ScenarioDocument",
                                   "A document in one of its modes, not read yet.");
  cls.def_static("parse", &ScenarioDocument::parse, py::arg("json"), py::arg("mode") = "",
                 py::arg("source") = "", py::arg("folder") = "",
                 "Parses JSON text; nothing that it names is read.");
  cls.def_static("load", &ScenarioDocument::load, py::arg("name_or_path"), py::arg("mode") = "",
                 "Parses a document by name or file path.")
      .def("in_mode", &ScenarioDocument::in_mode, py::arg("mode"), "Another mode of the document given.")
      .def_property_readonly("given", &ScenarioDocument::given, "JSON before any mode.")
      .def_property_readonly("text", &ScenarioDocument::text, "JSON with the mode applied.")
      .def_property_readonly(
          "files", &file_list,
          "(kind, path, format, time_unit, block_tokens, output_tokens) of the traces and calls it names.")
      .def(
          "read",
          [](const ScenarioDocument& document, const Traces& traces, const Calls& calls,
             const TraceFiles& trace_files, const Calls& call_files, const std::vector<std::string>& formats,
             const std::optional<ScenarioHandle>& like) {
            const Inputs inputs = inputs_of(traces, calls, trace_files, call_files, formats);
            const py::gil_scoped_release release;
            return make(document.read(inputs, like ? like->scenario.get() : nullptr));
          },
          py::kw_only(), py::arg("traces") = Traces(), py::arg("calls") = Calls(),
          py::arg("trace_files") = TraceFiles(), py::arg("call_files") = Calls(),
          py::arg("formats") = std::vector<std::string>(), py::arg("like") = py::none(),
          "The scenario, with what is handed over; what it has in common with `like` is taken from there.");
}

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

void add_warnings(py::class_<ScenarioHandle>& cls) {
  cls.def_property_readonly(
      "warnings",
      [](const ScenarioHandle& h) {
        std::vector<Warning> all = warnings_of(*h.scenario);
        for (Warning& warning : short_timeouts(*h.scenario)) all.push_back(std::move(warning));
        return warning_list(all);
      },
      "(where, text) of what is legal and still likely to mislead.");
  cls.def_property_readonly(
      "assumptions", [](const ScenarioHandle& h) { return warning_list(assumptions_of(*h.scenario)); },
      "(where, text) of what its figures hang on and it does not say.");
  cls.def_property_readonly(
      "carries_over", [](const ScenarioHandle& h) { return carries_over(*h.scenario); },
      "Whether constants of sharing that it uses were measured on another card.");
}

void add_objectives(py::class_<ScenarioHandle>& cls) {
  cls.def_property_readonly(
      "objectives",
      [](const ScenarioHandle& h) { return objectives_document(h.scenario->workload.objectives); },
      "JSON text of what it has to keep to, figures by their canonical names.");
  cls.def_property_readonly(
      "figure_names", [](const ScenarioHandle& h) { return figure_names(*h.scenario); },
      "Canonical names of the figures that its runs have.");
  cls.def(
      "with_objectives",
      [](const ScenarioHandle& h, const std::string& json) {
        return make(with_objectives(*h.scenario, json));
      },
      py::arg("json"), "The scenario with other objectives, in every mode of its document.");
  cls.def(
      "with_faults",
      [](const ScenarioHandle& h, const std::string& json) { return make(with_faults(*h.scenario, json)); },
      py::arg("json"), "The scenario with other faults, of what its placement has.");
}

}  // namespace

py::list warning_list(const std::vector<Warning>& warnings) {
  py::list list;
  for (const Warning& warning : warnings) list.append(py::make_tuple(warning.where, warning.text));
  return list;
}

void register_scenario(py::module_& module) {
  register_document(module);
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
      "gpus",
      [](const ScenarioHandle& h) { return gpu_list(h.scenario->placement, service_names(*h.scenario)); },
      "Where every process is placed, as dicts.");
  cls.def_property_readonly("placement", &placement_of, "Where every process is placed.");
  cls.def_property_readonly("workload", &workload_dict, "What is to be served, as a dict.");
  cls.def_property_readonly(
      "files", [](const ScenarioHandle& h) { return files_read(h.scenario->inputs); },
      "(kind, path, format, time_unit, block_tokens, output_tokens) of the files it was read with.");
  cls.def_property_readonly(
      "original", [](const ScenarioHandle& h) { return *h.scenario->original; },
      "The document it was read from, in its mode.");
  add_objectives(cls);
  add_warnings(cls);
  cls.def(
      "check_memory", [](const ScenarioHandle& h) { check_memory(*h.scenario); },
      "Raises OutOfMemoryError with the sum when a partition's processes do not fit it.");
  cls.def("__repr__", [](const ScenarioHandle& h) {
    return "<Scenario " + h.scenario->name + ", " + h.scenario->mode + ">";
  });

  module.def(
      "load_scenario",
      [](const std::string& name, const std::string& mode) {
        const py::gil_scoped_release release;
        return make(load_scenario(name, mode));
      },
      py::arg("name_or_path"), py::arg("mode") = "", "Reads a scenario by name or file path.");
  module.def(
      "parse_scenario",
      [](const std::string& json, const std::string& mode, const std::string& source,
         const std::string& folder) {
        const py::gil_scoped_release release;
        return make(parse_scenario(json, mode, source, folder));
      },
      py::arg("json"), py::arg("mode") = "", py::arg("source") = "", py::arg("folder") = "",
      "Reads a scenario from JSON text.");
  module.def("scenario_names", &scenario_names, "Names that load_scenario knows.");
}

}  // namespace gpushare::python
