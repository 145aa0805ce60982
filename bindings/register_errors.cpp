#include "gpushare/errors.hpp"

#include <utility>

#include "handles.hpp"

namespace gpushare::python {

namespace {

/// Borrowed references, one for each class of errors.hpp; the module owns them and is never unloaded.
struct ErrorTypes {
  PyObject* error = nullptr;
  PyObject* profile = nullptr;
  PyObject* layout = nullptr;
  PyObject* model = nullptr;
  PyObject* scenario = nullptr;
  PyObject* memory = nullptr;
  PyObject* trace = nullptr;
  PyObject* simulation = nullptr;
  PyObject* calibration = nullptr;
  PyObject* figure = nullptr;
};

ErrorTypes& types() {
  static ErrorTypes instance;
  return instance;
}

PyObject* add(py::module_& module, const char* name, const char* doc, PyObject* base) {
  const std::string qualified = std::string("gpushare.") + name;
  PyObject* type = PyErr_NewExceptionWithDoc(qualified.c_str(), doc, base, nullptr);
  if (type == nullptr) throw py::error_already_set();
  py::object object = py::reinterpret_steal<py::object>(type);
  object.attr("where") = "";
  module.add_object(name, object);
  return type;
}

/// Messages may quote bytes of a file that are no UTF-8.
py::object text_of(std::string_view message) {
  return py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(message.data(), static_cast<py::ssize_t>(message.size()), "backslashreplace"));
}

void raise(PyObject* type, const Error& error) {
  const py::object raised = py::reinterpret_borrow<py::object>(type)(text_of(error.what()));
  raised.attr("where") = text_of(error.where());
  PyErr_SetObject(type, raised.ptr());
}

PyObject* type_of(const Error& error) {
  if (dynamic_cast<const ProfileError*>(&error) != nullptr) return types().profile;
  if (dynamic_cast<const LayoutError*>(&error) != nullptr) return types().layout;
  if (dynamic_cast<const ModelError*>(&error) != nullptr) return types().model;
  if (dynamic_cast<const ScenarioError*>(&error) != nullptr) return types().scenario;
  if (dynamic_cast<const MemoryError*>(&error) != nullptr) return types().memory;
  if (dynamic_cast<const TraceError*>(&error) != nullptr) return types().trace;
  if (dynamic_cast<const SimulationError*>(&error) != nullptr) return types().simulation;
  if (dynamic_cast<const CalibrationError*>(&error) != nullptr) return types().calibration;
  if (dynamic_cast<const FigureError*>(&error) != nullptr) return types().figure;
  return types().error;
}

/// A figure that a summary lacks is a missing key of a mapping too; it speaks as other errors do.
PyObject* add_figure_error(py::module_& module, PyObject* base) {
  const py::tuple bases = py::make_tuple(py::handle(base), py::handle(PyExc_KeyError));
  PyObject* type = add(module, "FigureError",
                       "A figure that no run has, a name that several have, or a bound that says nothing of "
                       "a figure.",
                       bases.ptr());
  py::handle(type).attr("__str__") = py::handle(PyExc_Exception).attr("__str__");
  return type;
}

}  // namespace

void register_errors(py::module_& module) {
  ErrorTypes& t = types();
  t.error = add(module, "Error",
                "Base of every error of gpushare; `where` is a JSON pointer, `file:line` or empty.",
                PyExc_Exception);
  t.profile = add(module, "ProfileError",
                  "A GPU profile that is missing, malformed or asks for the impossible.", t.error);
  t.layout = add(module, "LayoutError", "A MIG layout that no such GPU can be cut into.", t.error);
  t.model = add(module, "ModelError", "A model file that is missing, malformed or lacks what is asked of it.",
                t.error);
  t.scenario = add(module, "ScenarioError",
                   "A scenario document that is missing, malformed or contradicts itself.", t.error);
  t.memory =
      add(module, "OutOfMemoryError", "Processes that do not fit the memory of their partition.", t.error);
  t.trace =
      add(module, "TraceError", "A request trace that is missing, malformed, empty or unsorted.", t.error);
  t.simulation = add(module, "SimulationError",
                     "A run that was interrupted, or broke one of its own invariants.", t.error);
  t.calibration =
      add(module, "CalibrationError",
          "Measurements that are missing, malformed or too few to fit what is asked of them.", t.error);
  t.figure = add_figure_error(module, t.error);
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(std::move(pointer));
    } catch (const Error& error) {
      raise(type_of(error), error);
    }
  });
}

}  // namespace gpushare::python
