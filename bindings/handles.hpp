#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <vector>

#include "gpushare/fields.hpp"
#include "gpushare/mig.hpp"
#include "gpushare/model.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/scenario.hpp"
#include "gpushare/simulation.hpp"
#include "gpushare/trace.hpp"
#include "gpushare/warnings.hpp"

namespace gpushare::python {

namespace py = pybind11;

// Python sees immutable handles: they share the C++ value, and every view keeps it alive.

struct ProfileHandle {
  std::shared_ptr<const GpuProfile> profile;
  std::string origin;    ///< what load_profile was given, or the JSON text
  bool is_text = false;  ///< origin is JSON text
};

struct LayoutHandle {
  ProfileHandle profile;
  Layout layout;
  std::string text;  ///< format_layout's, the identity for == and hash
};

struct ModelHandle {
  std::shared_ptr<const Model> model;
};

struct TraceHandle {
  std::shared_ptr<const Trace> trace;
};

struct CallsHandle {
  std::shared_ptr<const std::vector<VoiceCall>> calls;
};

struct ScenarioHandle {
  std::shared_ptr<const Scenario> scenario;
};

struct PlacementHandle {
  std::shared_ptr<const Placement> placement;
  std::vector<std::string> services;  ///< what its indices stand for
};

struct TableHandle {
  std::shared_ptr<const Table> table;
};

struct RunHandle {
  std::shared_ptr<const Run> run;
};

/// A read-only NumPy view of a vector that `owner` keeps alive.
template <class T>
py::array_t<T> view(const std::shared_ptr<const void>& owner, const std::vector<T>& values) {
  auto keep = std::make_unique<std::shared_ptr<const void>>(owner);
  const py::capsule base(keep.get(), [](void* p) { delete static_cast<std::shared_ptr<const void>*>(p); });
  static_cast<void>(keep.release());
  py::array_t<T> array(static_cast<py::ssize_t>(values.size()), values.data(), base);
  array.attr("flags").attr("writeable") = false;
  return array;
}

[[nodiscard]] ProfileHandle load_profile_handle(const std::string& name_or_path);
[[nodiscard]] LayoutHandle make_layout(const ProfileHandle& profile, Layout layout);
/// As study/actions.py has checked them, of services by number.
[[nodiscard]] std::vector<control::TimedAction> actions_of(const py::list& given, const Scenario& scenario);
[[nodiscard]] PlacementHandle placement_of(const ScenarioHandle& scenario);
/// A placement with indices of the scenario's services: both know them by name.
[[nodiscard]] Placement for_scenario(const PlacementHandle& placement, const Scenario& scenario);
/// That placement, or the scenario's own; it suits the scenario's workload.
[[nodiscard]] Placement placement_or_own(const ScenarioHandle& scenario,
                                         const std::optional<PlacementHandle>& placement);
/// Every GPU as a dict: node, profile, layout and partitions, with their sharing and processes.
[[nodiscard]] py::list gpu_list(const Placement& placement, const std::vector<std::string>& services);
[[nodiscard]] py::list provenance_list(const std::vector<ProvenanceEntry>& entries);

[[nodiscard]] py::dict values_dict(const FieldValues& values);
[[nodiscard]] py::list kinds_list(const std::vector<KindInfo>& kinds);

/// The table as an Arrow C stream of one record batch, in a PyCapsule named "arrow_array_stream".
[[nodiscard]] py::capsule arrow_stream(std::shared_ptr<const Table> table);

/// The names of a table's columns as a line of CSV.
[[nodiscard]] std::string csv_header(const Table& table);
/// Its rows from `begin` to before `end` as lines of CSV; missing numbers are empty.
[[nodiscard]] std::string csv_rows(const Table& table, std::size_t begin, std::size_t end);

/// Every figure of a run, nested by latency, partition and service.
[[nodiscard]] py::dict summary_dict(const Summary& summary);
/// Every figure by its canonical name.
[[nodiscard]] py::dict figures_dict(const Summary& summary);
[[nodiscard]] py::dict bottleneck_dict(const Summary& summary);
/// (where, text) of each.
[[nodiscard]] py::list warning_list(const std::vector<Warning>& warnings);

void register_errors(py::module_& module);
void register_profile(py::module_& module);
void register_yaml();
void register_mig(py::module_& module);
void register_model(py::module_& module);
void register_engines(py::module_& module);
void register_json_rows(py::module_& module);
void register_trace(py::module_& module);
void register_calls(py::module_& module);
void register_placement(py::module_& module);
void register_scenario(py::module_& module);
void register_table(py::module_& module);
void register_simulation(py::module_& module);
void register_figures(py::module_& module);
void register_calibration(py::module_& module);
void register_bounds(py::module_& module);
void register_parts(py::module_& module);
void register_clusters(py::module_& module);

}  // namespace gpushare::python
