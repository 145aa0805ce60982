#include "handles.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Compiled part of gpushare; use the names of the package instead.";
  gpushare::python::register_errors(module);
  gpushare::python::register_profile(module);
  gpushare::python::register_yaml();
  gpushare::python::register_mig(module);
  gpushare::python::register_model(module);
  gpushare::python::register_engines(module);
  gpushare::python::register_json_rows(module);
  gpushare::python::register_trace(module);
  gpushare::python::register_calls(module);
  gpushare::python::register_placement(module);
  gpushare::python::register_scenario(module);
  gpushare::python::register_table(module);
  gpushare::python::register_simulation(module);
  gpushare::python::register_figures(module);
  gpushare::python::register_calibration(module);
  gpushare::python::register_bounds(module);
  gpushare::python::register_parts(module);
  gpushare::python::register_clusters(module);
}
