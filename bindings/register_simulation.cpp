#include <cxxabi.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <future>

#include "gpushare/statistics.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

constexpr std::chrono::milliseconds kPoll{
    20};  ///< between looks at signals and calls of the progress function

/// How far the workers are, and the wish to stop them: they touch this and never Python.
class Watch {
 public:
  /// Called by a worker with the fraction of the whole; false when it should stop.
  bool report(double fraction) {
    double last = fraction_;
    while (fraction > last && !fraction_.compare_exchange_weak(last, fraction)) {
    }
    return !stop_;
  }
  [[nodiscard]] double fraction() const { return fraction_; }
  void stop() { stop_ = true; }

 private:
  std::atomic<double> fraction_ = 0;
  std::atomic<bool> stop_ = false;
};

/// The table as part of the run that keeps it alive.
TableHandle part(const RunHandle& h, const Table& table) {
  return {std::shared_ptr<const Table>(h.run, &table)};
}

/// Lets Python handle signals and the progress function speak; the error to raise once the workers have stopped.
std::exception_ptr poll(const py::object& progress, Watch& watch) {
  try {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!progress.is_none()) {
      const py::object go_on = progress(watch.fraction());
      if (go_on.ptr() == Py_False) watch.stop();
    }
  } catch (const abi::__forced_unwind&) {  // the interpreter ended, and ends this thread
    throw;
  } catch (...) {
    watch.stop();
    return std::current_exception();
  }
  return nullptr;
}

/// Waits while others use the interpreter. Where it has ended meanwhile, taking it back ends this thread by unwinding:
/// out of a destructor, such as that of pybind11's guard, that would abort the process.
template <class Future>
bool ready(const Future& future) {
  PyThreadState* const state = PyEval_SaveThread();
  const bool done = future.wait_for(kPoll) == std::future_status::ready;
  PyEval_RestoreThread(state);
  return done;
}

/// Runs `work` on a thread of its own while this one polls; `work` must not touch Python.
template <class Work>
auto watched(Work work, const py::object& progress, Watch& watch) {
  auto future = std::async(std::launch::async, std::move(work));
  std::exception_ptr error;
  while (!ready(future))
    if (!error) error = poll(progress, watch);
  if (error) std::rethrow_exception(error);
  return future.get();
}

/// The run's log as tables by name; empty without one.
py::dict log_tables(const RunHandle& h) {
  py::dict tables;
  if (h.run->log == nullptr) return tables;
  for (Table& table : to_tables(*h.run->log)) {
    const py::str name(table.name);
    tables[name] = TableHandle{std::make_shared<const Table>(std::move(table))};
  }
  return tables;
}

std::vector<RunHandle> run(const ScenarioHandle& h, std::optional<std::uint64_t> seed,
                           std::uint32_t replications, std::uint32_t first_replication, bool record_requests,
                           bool record_steps, bool record_log, std::optional<double> series_s,
                           unsigned threads, const std::array<double, 4>& spread,
                           std::vector<int> watched_replicas, double most_requests, const py::list& actions,
                           const py::object& progress) {
  if (replications == 0) throw py::value_error("replications: found 0; at least 1 is needed");
  Watch watch;
  RunOptions options;
  options.seed = seed;
  options.replication = first_replication;
  options.record_requests = record_requests;
  options.record_steps = record_steps;
  options.record_log = record_log;
  options.series_s = series_s;
  options.watched_replicas = std::move(watched_replicas);
  options.spread = {spread[0], spread[1], spread[2], spread[3]};
  options.most_requests = most_requests;
  options.actions = actions_of(actions, *h.scenario);
  options.progress = [&watch](double fraction) { return watch.report(fraction); };
  std::vector<Run> runs = watched(
      [&] { return simulate_replications(*h.scenario, replications, options, threads); }, progress, watch);
  if (!progress.is_none()) progress(1.0);
  std::vector<RunHandle> result;
  result.reserve(runs.size());
  for (Run& r : runs) result.push_back({std::make_shared<const Run>(std::move(r))});
  return result;
}

}  // namespace

void register_simulation(py::module_& module) {
  py::class_<RunHandle>(module, "Run", "One replication of a scenario.")
      .def_property_readonly(
          "scenario", [](const RunHandle& h) { return h.run->scenario; }, "Scenario's name.")
      .def_property_readonly(
          "mode", [](const RunHandle& h) { return h.run->mode; }, "Mode as shown in tables.")
      .def_property_readonly(
          "seed", [](const RunHandle& h) { return h.run->seed; }, "Seed.")
      .def_property_readonly(
          "replication", [](const RunHandle& h) { return h.run->replication; }, "Replication.")
      .def_property_readonly(
          "perturbed", [](const RunHandle& h) { return h.run->perturbed; },
          "Whether it drew its own calibration errors.")
      .def_property_readonly(
          "until_served", [](const RunHandle& h) { return h.run->until_served; },
          "Whether it was measured until the last answer.")
      .def_property_readonly(
          "summary", [](const RunHandle& h) { return summary_dict(h.run->summary); }, "Every figure, nested.")
      .def_property_readonly(
          "figures", [](const RunHandle& h) { return figures_dict(h.run->summary); },
          "Every figure by its canonical name.")
      .def_property_readonly(
          "only_pipeline", [](const RunHandle& h) { return h.run->summary.only_pipeline; },
          "Pipeline that the names of latencies leave out; empty where there are several.")
      .def_property_readonly(
          "bottleneck", [](const RunHandle& h) { return bottleneck_dict(h.run->summary); },
          "What the requests wait for most.")
      .def_property_readonly(
          "requests", [](const RunHandle& h) { return part(h, h.run->requests); }, "Requests.")
      .def_property_readonly(
          "steps", [](const RunHandle& h) { return part(h, h.run->steps); }, "Steps.")
      .def_property_readonly(
          "partitions", [](const RunHandle& h) { return part(h, h.run->partitions); }, "Partitions.")
      .def_property_readonly(
          "series", [](const RunHandle& h) { return part(h, h.run->series); }, "Windows.")
      .def_property_readonly(
          "changes", [](const RunHandle& h) { return part(h, h.run->changes); },
          "What happened to the fleet.")
      .def("log", &log_tables, "Tables of the run's log by name; empty unless it was recorded.");
  module.def("simulate", &run, py::arg("scenario"), py::kw_only(), py::arg("seed") = py::none(),
             py::arg("replications") = 1, py::arg("first_replication") = 0, py::arg("record_requests") = true,
             py::arg("record_steps") = false, py::arg("record_log") = false, py::arg("series_s") = py::none(),
             py::arg("threads") = 0, py::arg("spread") = std::array<double, 4>{},
             py::arg("watched_replicas") = std::vector<int>{},
             py::arg("most_requests") = RunOptions{}.most_requests, py::arg("actions") = py::list(),
             py::arg("progress") = py::none(),
             "Runs so many replications of a scenario from one on, in order.");
  module.attr("MOST_REQUESTS") = RunOptions{}.most_requests;
  module.def(
      "warnings_after",
      [](const ScenarioHandle& scenario, const RunHandle& h) {
        return warning_list(warnings_of(*scenario.scenario, h.run->summary));
      },
      py::arg("scenario"), py::arg("run"), "(where, text) of what the figures of a run hide.");
  module.def(
      "mean_estimate",
      [](const std::vector<double>& values, double level) {
        const Estimate e = mean_estimate(values, level);
        return py::make_tuple(e.mean, e.half_width, e.count);
      },
      py::arg("values"), py::arg("level") = 0.95, "Mean, half-width and count (Student's t).");
}

}  // namespace gpushare::python
