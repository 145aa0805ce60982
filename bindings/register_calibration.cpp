#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>

#include "gpushare/calibration.hpp"
#include "gpushare/errors.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

// What Python hands over, in the order of the C++ fields.
using StepTuple = std::tuple<double, double, double, double, double, double, double, double, int, bool>;
using JobTuple = std::tuple<double, std::vector<std::pair<std::uint32_t, std::uint32_t>>>;
using ClientTuple = std::tuple<std::vector<StepTuple>, std::vector<JobTuple>>;
using GroupTuple =
    std::tuple<std::vector<int>, std::vector<double>, std::vector<double>, std::vector<double>>;
using KindTuple = std::tuple<double, double, double, double, std::string>;
using RowTuple = std::tuple<double, double, double, double, double>;

Precision precision_of(const std::string& name) {
  for (std::size_t i = 0; i < kPrecisionCount; ++i)
    if (to_string(static_cast<Precision>(i)) == name) return static_cast<Precision>(i);
  throw CalibrationError("precision",
                         "\"" + name + "\" is none of fp64, fp32, tf32, fp16, bf16, fp8, int8, int4");
}

SharingMode mode_of(const std::string& name) {
  const std::vector<std::string>& names = sharing_modes();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<SharingMode>(found - names.begin());
  std::string known;
  for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
  throw CalibrationError("mode", "\"" + name + "\" is none of " + known);
}

CoRunClient client_of(const ClientTuple& tuple) {
  CoRunClient client;
  for (const auto& [gpu_s, memory_s, compute_s, power_w, s, d, occupancy, slip, kind, one_launch] :
       std::get<0>(tuple))
    client.steps.push_back({gpu_s, memory_s, compute_s, power_w, {s, d, occupancy, slip}, kind, one_launch});
  for (const auto& [arrival_s, parts] : std::get<1>(tuple)) {
    CoRunJob job{arrival_s, {}};
    for (const auto& [step, repeats] : parts) job.parts.push_back({step, repeats});
    client.jobs.push_back(std::move(job));
  }
  return client;
}

std::vector<SaturatedGroup> groups_of(const std::vector<GroupTuple>& tuples) {
  std::vector<SaturatedGroup> groups;
  groups.reserve(tuples.size());
  for (const auto& [kinds, alone_s, shared_s, sm_share] : tuples)
    groups.push_back({kinds, alone_s, shared_s, sm_share});
  return groups;
}

std::vector<StepKind> kinds_of(const std::vector<KindTuple>& tuples) {
  std::vector<StepKind> kinds;
  kinds.reserve(tuples.size());
  for (const auto& [kernels, saturating_share, flop, bytes, precision] : tuples)
    kinds.push_back({kernels, saturating_share, flop, bytes, precision_of(precision)});
  return kinds;
}

py::tuple fitted(const Fitted& f) { return py::make_tuple(f.value, f.standard_error, f.determined); }

py::list fitted_list(const std::vector<Fitted>& all) {
  py::list list;
  for (const Fitted& one : all) list.append(fitted(one));
  return list;
}

py::array_t<double> rows_array(const std::vector<CoRunRow>& rows) {
  py::array_t<double> array({static_cast<py::ssize_t>(rows.size()), py::ssize_t{4}});
  auto cells = array.mutable_unchecked<2>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto r = static_cast<py::ssize_t>(i);
    cells(r, 0) = rows[i].arrival_s;
    cells(r, 1) = rows[i].wait_s;
    cells(r, 2) = rows[i].first_s;
    cells(r, 3) = rows[i].done_s;
  }
  return array;
}

py::list co_run(const std::vector<ClientTuple>& tuples, const std::string& mode, const ProfileHandle& profile,
                double stop_after_s, double switching_factor, std::vector<double> pair_factors) {
  std::vector<CoRunClient> clients;
  clients.reserve(tuples.size());
  for (const ClientTuple& tuple : tuples) clients.push_back(client_of(tuple));
  CoRunSharing sharing{mode_of(mode), profile.profile->time_slicing, profile.profile->power,
                       std::move(pair_factors)};
  sharing.time_slicing.switch_idle_s *= switching_factor;
  sharing.time_slicing.switch_preempted_s *= switching_factor;
  std::vector<std::vector<CoRunRow>> rows;
  {
    const py::gil_scoped_release release;
    rows = simulate_co_run(clients, sharing, stop_after_s);
  }
  py::list list;
  for (const auto& one : rows) list.append(rows_array(one));
  return list;
}

std::vector<double> saturated(const std::vector<StepTuple>& tuples, const std::string& mode,
                              const ProfileHandle& profile, double horizon_s) {
  const CoRunClient client = client_of({tuples, {}});
  const CoRunSharing sharing{mode_of(mode), profile.profile->time_slicing, profile.profile->power, {}};
  const py::gil_scoped_release release;
  return simulate_saturated(client.steps, sharing, horizon_s);
}

py::dict time_slicing_fit(const std::vector<GroupTuple>& groups, const std::vector<KindTuple>& kinds,
                          const ProfileHandle& profile, double slice_s) {
  TimeSlicingFit fit;
  {
    const py::gil_scoped_release release;
    fit = fit_time_slicing(groups_of(groups), kinds_of(kinds), *profile.profile, slice_s);
  }
  py::dict d;
  d["switch_idle_s"] = fitted(fit.switch_idle_s);
  d["switch_preempted_s"] = fitted(fit.switch_preempted_s);
  d["refill_s"] = fitted(fit.refill_s);
  d["throttle"] = fitted(fit.throttle);
  d["relative_errors"] = fit.relative_errors;
  return d;
}

py::dict interference_fit(const std::vector<GroupTuple>& groups, const std::vector<KindTuple>& kinds,
                          const ProfileHandle& profile, bool capped) {
  const InterferenceFit fit = fit_interference(groups_of(groups), kinds_of(kinds), *profile.profile, capped);
  py::dict d;
  d["susceptibility"] = fitted_list(fit.susceptibility);
  d["launch"] = fitted_list(fit.launch);
  d["proportional"] = fitted_list(fit.proportional);
  d["relative_errors"] = fit.relative_errors;
  return d;
}

py::dict law_fit(const std::vector<GroupTuple>& groups, const std::vector<KindTuple>& kinds,
                 const ProfileHandle& profile, bool capped) {
  py::dict d;
  py::dict law;
  if (capped) {
    const CappedLawFit fit = fit_capped_law(groups_of(groups), kinds_of(kinds), *profile.profile);
    law["launch"] = fit.law.launch;
    law["bandwidth"] = fit.law.bandwidth;
    law["compute"] = fit.law.compute;
    law["s_exponent"] = fit.law.s_exponent;
    law["s_bandwidth"] = fit.law.s_bandwidth;
    d["parameters"] = fitted_list(fit.parameters);
    d["relative_errors"] = fit.relative_errors;
  } else {
    const UncappedLawFit fit = fit_uncapped_law(groups_of(groups), kinds_of(kinds), *profile.profile);
    law["launch_s"] = fit.law.launch_s;
    law["exponent"] = fit.law.exponent;
    if (fit.law.slip > 0) law["slip"] = fit.law.slip;
    d["parameters"] = fitted_list(fit.parameters);
    d["relative_errors"] = fit.relative_errors;
  }
  d["law"] = law;
  return d;
}

py::dict demand_fit(const std::vector<RowTuple>& tuples, const ProfileHandle& profile,
                    const std::string& precision) {
  std::vector<MeasuredStep> rows;
  rows.reserve(tuples.size());
  for (const auto& [flop, bytes, sms, gpu_s, synced_s] : tuples)
    rows.push_back({flop, bytes, sms, gpu_s, synced_s});
  const StepDemandFit fit = fit_step_demand(rows, *profile.profile, precision_of(precision));
  py::dict d;
  d["floor_s"] = fitted(fit.floor_s);
  d["flop_efficiency"] = fitted(fit.flop_efficiency);
  d["bandwidth_efficiency"] = fitted(fit.bandwidth_efficiency);
  d["host_s"] = fitted(fit.host_s);
  d["relative_errors"] = fit.relative_errors;
  return d;
}

/// A step of a kind that takes `alone_s`, its interference by the profile's law.
StepTuple predicted(const KindTuple& tuple, const ProfileHandle& handle, double alone_s, double sm_share,
                    bool capped) {
  const CoRunStep step =
      predict_co_run_step(kinds_of({tuple}).front(), *handle.profile, alone_s, sm_share, capped);
  return {step.gpu_s,
          step.memory_s,
          step.compute_s,
          step.power_w,
          step.interference.susceptibility,
          step.interference.pressure,
          step.interference.occupancy,
          step.interference.slip,
          step.kind,
          step.one_launch};
}

}  // namespace

void register_calibration(py::module_& module) {
  module.def(
      "simulate_co_run", &co_run, py::arg("clients"), py::arg("mode"), py::arg("profile"),
      py::arg("stop_after_s"), py::kw_only(), py::arg("switching_factor") = 1.0,
      py::arg("pair_factors") = std::vector<double>{},
      "Rows (arrival_s, wait_s, first_s, done_s) of each client's jobs. A client is (steps, jobs); a step "
      "(gpu_s, memory_s, compute_s, power_w, susceptibility, pressure, occupancy, kind, one_launch), a job "
      "(arrival_s, "
      "[(step, repeats)]).");
  module.def("simulate_saturated", &saturated, py::arg("steps"), py::arg("mode"), py::arg("profile"),
             py::arg("horizon_s"), "Mean seconds of a step when each client repeats its own without pause.");
  module.def("fit_time_slicing", &time_slicing_fit, py::arg("groups"), py::arg("kinds"), py::arg("profile"),
             py::arg("slice_s"), "Switch costs from saturated groups.");
  module.def("fit_interference", &interference_fit, py::arg("groups"), py::arg("kinds"), py::arg("profile"),
             py::kw_only(), py::arg("capped"),
             "Pressure and susceptibility of each kind from saturated groups.");
  module.def("fit_interference_law", &law_fit, py::arg("groups"), py::arg("kinds"), py::arg("profile"),
             py::kw_only(), py::arg("capped"), "The law that predicts both from a kind's card.");
  module.def("fit_step_demand", &demand_fit, py::arg("rows"), py::arg("profile"), py::arg("precision"),
             "Floor and efficiencies from rows (flop, bytes, sms, gpu_s, synced_s).");
  module.def("predict_step", &predicted, py::arg("kind"), py::arg("profile"), py::arg("alone_s"),
             py::arg("sm_share"), py::kw_only(), py::arg("capped"),
             "A step of a kind that takes so long alone, its interference by the profile's law.");
  module.attr("POWER_LIMITED_SHARE") = kPowerLimitedShare;
  module.attr("REACHABLE_FLOP_SHARE") = kReachableFlopShare;
}

}  // namespace gpushare::python
