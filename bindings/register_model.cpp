#include "handles.hpp"

#include <pybind11/stl/filesystem.h>

#include <filesystem>

#include "gpushare/errors.hpp"

namespace gpushare::python {

namespace {

// Lists of numbers alone, such as the points of a curve, are tuples in Python.
py::object tupled(const py::handle& value) {
  if (py::isinstance<py::dict>(value)) {
    py::dict members;
    for (const auto& [name, member] : py::reinterpret_borrow<py::dict>(value)) members[name] = tupled(member);
    return members;
  }
  if (!py::isinstance<py::list>(value)) return py::reinterpret_borrow<py::object>(value);
  py::list elements;
  bool numbers = py::len(value) > 0;
  for (const py::handle& element : value) {
    numbers = numbers && (py::isinstance<py::float_>(element) || py::isinstance<py::int_>(element));
    elements.append(tupled(element));
  }
  if (numbers) return py::tuple(elements);
  return elements;
}

}  // namespace

void register_model(py::module_& module) {
  py::class_<ModelHandle>(module, "Model", "A network's cost description.")
      .def_property_readonly(
          "name", [](const ModelHandle& h) { return h.model->name; }, "Short name.")
      .def_property_readonly(
          "title", [](const ModelHandle& h) { return h.model->title; }, "Full name.")
      .def_property_readonly(
          "kind", [](const ModelHandle& h) { return kind_of(*h.model); },
          "llm, streaming-asr, autoregressive-tts, batch or synthetic.")
      .def_property_readonly(
          "figures",
          [](const ModelHandle& h) {
            return tupled(py::module_::import("json").attr("loads")(model_figures(*h.model)));
          },
          "Every cost figure, units in the names.")
      .def_property_readonly(
          "provenance", [](const ModelHandle& h) { return provenance_list(h.model->provenance); },
          "Source and grade of every figure.")
      .def_static(
          "from_hf",
          [](const std::filesystem::path& path) {
            if (!std::filesystem::exists(path))
              throw ModelError(path.string(),
                               "there is no such file or folder; gs.model() knows those that are shipped by "
                               "their repository's id");
            return ModelHandle{std::make_shared<const Model>(load_model(std::filesystem::absolute(path)))};
          },
          py::arg("path"),
          "A model of a published configuration: a config.json of transformers, or the folder that holds it.")
      .def("__repr__",
           [](const ModelHandle& h) { return "<Model " + h.model->name + ": " + h.model->title + ">"; });
  module.def(
      "load_model",
      [](const std::string& name) { return ModelHandle{std::make_shared<const Model>(load_model(name))}; },
      py::arg("name_or_path"), "Reads a model by name or file path.");
  module.def(
      "parse_model",
      [](const std::string& json, const std::string& source) {
        return ModelHandle{std::make_shared<const Model>(parse_model(json, source))};
      },
      py::arg("json"), py::arg("source") = "", "Reads a model from JSON text.");
  module.def(
      "model_kinds", [] { return kinds_list(model_kinds()); },
      "Every kind of model: its name and fields, from which tools/update_schemas.py writes its schema.");
  module.def("model_document", &model_document, py::arg("name_or_path"),
             "The file of figures of a model; of a configuration what is made of it.");
  module.def("model_names", &model_names, "Names that load_model knows.");
}

}  // namespace gpushare::python
