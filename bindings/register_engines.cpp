#include "gpushare/engines.hpp"

#include "handles.hpp"

namespace gpushare::python {

void register_engines(py::module_& module) {
  py::class_<EnginePreset>(module, "EnginePreset", "The defaults of an LLM server and version.")
      .def_readonly("name", &EnginePreset::name, "Name, as a scenario's engine has it in \"preset\".")
      .def_readonly("title", &EnginePreset::title, "Server and version.")
      .def_readonly("description", &EnginePreset::description, "What sets its scheduler apart.")
      .def_property_readonly(
          "engine", [](const EnginePreset& p) { return values_dict(preset_values(p)); },
          "Members of a scenario's engine, units in the names.")
      .def_property_readonly(
          "provenance", [](const EnginePreset& p) { return provenance_list(p.provenance); },
          "Source and grade of every figure.")
      .def("__repr__",
           [](const EnginePreset& p) { return "<EnginePreset " + p.name + ": " + p.title + ">"; });
  module.def("load_engine_preset", &load_engine_preset, py::arg("name"), "Reads a preset by name.");
  module.def("engine_preset_names", &engine_preset_names, "Names that load_engine_preset knows.");
  module.def("usual_llm_preset", &usual_llm_preset, "Of language models' servers where nothing says which.");
  module.def(
      "engines_by_model",
      [] {
        py::dict engines;
        for (const auto& [model, kinds] : engines_by_model()) {
          py::list names;
          for (const EngineKind kind : kinds) names.append(to_string(kind));
          engines[py::str(model.data(), model.size())] = names;
        }
        return engines;
      },
      "Which kinds of engine can serve each kind of model; the first is the default.");
  module.def(
      "engine_kinds", [] { return kinds_list(engine_kinds()); },
      "Every kind of engine: its name, description and fields, by which tools/update_schemas.py writes its "
      "schema.");
}

}  // namespace gpushare::python
