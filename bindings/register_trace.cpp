#include <cmath>

#include "gpushare/errors.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

std::vector<std::int32_t> tokens(const py::array& given, const char* name) {
  const char kind = given.dtype().kind();
  if (given.size() > 0 && kind != 'i' && kind != 'u')
    throw TraceError(name, "token counts are whole numbers");
  const auto values = Integers::ensure(given);
  if (!values) throw py::error_already_set();
  std::vector<std::int32_t> result;
  result.reserve(static_cast<std::size_t>(values.size()));
  for (py::ssize_t i = 0; i < values.size(); ++i) {
    const std::int64_t value = values.data()[i];
    if (value < 0 || value > std::numeric_limits<std::int32_t>::max()) {
      throw TraceError(std::string(name) + "[" + std::to_string(i) + "]",
                       "found " + std::to_string(value) + "; a token count is 0 to 2147483647");
    }
    result.push_back(static_cast<std::int32_t>(value));
  }
  return result;
}

void check_arrivals(const std::vector<double>& arrivals) {
  if (arrivals.empty()) throw TraceError("arrival_s", "a trace needs at least one request");
  double last = 0;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    if (!(arrivals[i] >= last) || !std::isfinite(arrivals[i])) {
      throw TraceError(
          "arrival_s[" + std::to_string(i) + "]",
          "found " + std::to_string(arrivals[i]) + "; arrivals are finite, ascending and not negative");
    }
    last = arrivals[i];
  }
}

TraceHandle trace_from_arrays(const Doubles& arrival_s, const py::object& input_tokens,
                              const py::object& output_tokens, const std::string& name) {
  const py::array input = py::array::ensure(input_tokens);
  const py::array output = py::array::ensure(output_tokens);
  if (!input || !output) throw TraceError("", "token counts are arrays of whole numbers");
  if (arrival_s.ndim() != 1 || input.ndim() != 1 || output.ndim() != 1 || input.size() != arrival_s.size() ||
      output.size() != arrival_s.size()) {
    throw TraceError("",
                     "arrival_s, input_tokens and output_tokens must be one-dimensional and of equal length");
  }
  Trace trace;
  trace.arrival_s.assign(arrival_s.data(), arrival_s.data() + arrival_s.size());
  check_arrivals(trace.arrival_s);
  trace.input_tokens = tokens(input, "input_tokens");
  trace.output_tokens = tokens(output, "output_tokens");
  trace.name = name;
  return {std::make_shared<const Trace>(std::move(trace))};
}

py::dict summary_dict(const TraceSummary& s) {
  py::dict d;
  d["requests"] = s.requests;
  d["duration_s"] = s.duration_s;
  d["rate_per_s"] = s.rate_per_s;
  d["gap_cv"] = s.gap_cv;
  d["dispersion_1s"] = s.dispersion_1s;
  d["dispersion_10s"] = s.dispersion_10s;
  d["dispersion_60s"] = s.dispersion_60s;
  d["ties"] = s.ties;
  d["empty_outputs"] = s.empty_outputs;
  d["input_mean"] = s.input_mean;
  d["input_p50"] = s.input_p50;
  d["input_p90"] = s.input_p90;
  d["input_p99"] = s.input_p99;
  d["input_max"] = s.input_max;
  d["output_mean"] = s.output_mean;
  d["output_p50"] = s.output_p50;
  d["output_p90"] = s.output_p90;
  d["output_p99"] = s.output_p99;
  d["output_max"] = s.output_max;
  return d;
}

TraceHandle make(Trace trace) { return {std::make_shared<const Trace>(std::move(trace))}; }

}  // namespace

void register_trace(py::module_& module) {
  py::class_<TraceHandle>(module, "Trace", "A request trace, columnar; seconds from the first request.")
      .def(py::init(&trace_from_arrays), py::arg("arrival_s"), py::arg("input_tokens"),
           py::arg("output_tokens"), py::arg("name") = "")
      .def_property_readonly(
          "name", [](const TraceHandle& h) { return h.trace->name; }, "Name, for messages.")
      .def_property_readonly(
          "arrival_s", [](const TraceHandle& h) { return view(h.trace, h.trace->arrival_s); },
          "Arrivals, float64, seconds, ascending; read-only view.")
      .def_property_readonly(
          "input_tokens", [](const TraceHandle& h) { return view(h.trace, h.trace->input_tokens); },
          "Prompt tokens, int32; read-only view.")
      .def_property_readonly(
          "output_tokens", [](const TraceHandle& h) { return view(h.trace, h.trace->output_tokens); },
          "Generated tokens, int32; read-only view.")
      .def(
          "inspect", [](const TraceHandle& h) { return summary_dict(inspect(*h.trace)); },
          "Statistics, as a dict.")
      .def(
          "save", [](const TraceHandle& h, const std::string& path) { save_trace(*h.trace, path); },
          py::arg("path"), py::call_guard<py::gil_scoped_release>(), "Writes the canonical CSV, atomically.")
      .def("__len__", [](const TraceHandle& h) { return h.trace->size(); })
      .def("__repr__",
           [](const TraceHandle& h) {
             return "<Trace " + h.trace->name + ": " + std::to_string(h.trace->size()) + " requests>";
           })
      .def("__reduce__", [module](const TraceHandle& h) {
        return py::make_tuple(
            module.attr("Trace"),
            py::make_tuple(view(h.trace, h.trace->arrival_s), view(h.trace, h.trace->input_tokens),
                           view(h.trace, h.trace->output_tokens), h.trace->name));
      });
  module.def(
      "load_trace",
      [](const std::string& path, const std::string& format, bool keep_empty) {
        return make(load_trace(path, {format, keep_empty}));
      },
      py::arg("path"), py::kw_only(), py::arg("format") = "auto", py::arg("keep_empty") = false,
      py::call_guard<py::gil_scoped_release>(), "Reads a CSV or JSON-lines trace.");
  module.def(
      "parse_trace",
      [](const std::string& text, const std::string& source, const std::string& format, bool keep_empty) {
        return make(parse_trace(text, source, {format, keep_empty}));
      },
      py::arg("text"), py::arg("source") = "", py::kw_only(), py::arg("format") = "auto",
      py::arg("keep_empty") = false, py::call_guard<py::gil_scoped_release>(), "Reads a trace from text.");
  module.def(
      "azure_conversation_like",
      [](std::uint64_t seed, double duration_s, double rate_per_s) {
        return make(azure_conversation_like(seed, duration_s, rate_per_s));
      },
      py::arg("seed"), py::arg("duration_s") = 3501.7, py::arg("rate_per_s") = 5.53,
      py::call_guard<py::gil_scoped_release>(),
      "A synthetic trace with the statistics of Azure's conversation trace.");
}

}  // namespace gpushare::python
