#include <cmath>

#include "gpushare/arrivals.hpp"
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

/// Columns that only some traces have, by name; "hash_ids" goes with "hash_starts" and "block_tokens".
template <class T>
std::vector<T> extra(const py::dict& given, const char* name) {
  if (!given.contains(name)) return {};
  const auto values = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(given[name]);
  if (!values) throw py::error_already_set();
  return {values.data(), values.data() + values.size()};
}

void add_extra(Trace& trace, const py::dict& given) {
  trace.session = extra<std::int32_t>(given, "session");
  trace.parent = extra<std::int32_t>(given, "parent");
  trace.delay_s = extra<double>(given, "delay_s");
  trace.images = extra<std::int32_t>(given, "images");
  trace.hash_ids = extra<std::int64_t>(given, "hash_ids");
  trace.hash_starts = extra<std::int64_t>(given, "hash_starts");
  if (given.contains("block_tokens")) trace.block_tokens = given["block_tokens"].cast<std::int32_t>();
}

/// Calls with the name and the member of all that is said of how a file was read.
template <class Origin, class Visit>
void visit_origin(Origin& origin, Visit&& visit) {
  visit("format", origin.format);
  visit("time_unit", origin.time_unit);
  visit("delimiter", origin.delimiter);
  visit("columns", origin.columns);
  visit("reason", origin.reason);
  visit("guessed_unit", origin.guessed_unit);
  visit("rows", origin.rows);
  visit("empty_outputs", origin.empty_outputs);
  visit("inversions", origin.inversions);
  visit("estimated", origin.estimated);
  visit("assumed", origin.assumed);
  visit("failed", origin.failed);
  visit("is_log", origin.is_log);
}

/// What a reader in Python says of a file.
TraceOrigin origin_of(const py::dict& given) {
  TraceOrigin origin;
  visit_origin(origin, [&](const char* name, auto& value) {
    if (given.contains(name)) value = given[name].template cast<std::decay_t<decltype(value)>>();
  });
  return origin;
}

TraceHandle trace_from_arrays(const Doubles& arrival_s, const py::object& input_tokens,
                              const py::object& output_tokens, const std::string& name,
                              const py::dict& others, const py::dict& origin) {
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
  add_extra(trace, others);
  trace.origin = origin_of(origin);
  static_cast<void>(inspect(trace));  // refuses columns that do not fit
  return {std::make_shared<const Trace>(std::move(trace))};
}

py::dict origin_dict(const TraceOrigin& origin) {
  py::dict d;
  visit_origin(origin, [&](const char* name, const auto& value) { d[name] = value; });
  return d;
}

py::dict extra_dict(const TraceHandle& h) {
  const Trace& t = *h.trace;
  py::dict d;
  if (!t.session.empty()) d["session"] = view(h.trace, t.session);
  if (!t.parent.empty()) d["parent"] = view(h.trace, t.parent);
  if (!t.delay_s.empty()) d["delay_s"] = view(h.trace, t.delay_s);
  if (!t.images.empty()) d["images"] = view(h.trace, t.images);
  if (t.hash_starts.empty()) return d;
  d["hash_ids"] = view(h.trace, t.hash_ids);
  d["hash_starts"] = view(h.trace, t.hash_starts);
  d["block_tokens"] = t.block_tokens;
  return d;
}

py::array_t<double> draw_arrivals(const std::string& document, std::uint64_t seed, double duration_s,
                                  std::size_t most, const std::string& name) {
  std::vector<double> times;
  {
    const py::gil_scoped_release release;
    ArrivalGenerator generator(parse_arrivals(document), Stream(seed, 0, name));
    for (Time at = generator.next(); at != kNever && to_seconds(at - Time{}) < duration_s;
         at = generator.next()) {
      if (times.size() == most)
        throw TraceError(name,
                         "more than " + std::to_string(most) + " requests; lower duration_s or the rate");
      times.push_back(to_seconds(at - Time{}));
    }
  }
  return py::array_t<double>(static_cast<py::ssize_t>(times.size()), times.data());
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
  d["sessions"] = s.sessions;
  d["prefix_blocks"] = s.prefix_blocks;
  d["prefix_hit_rate"] = s.prefix_hit_rate;
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

void register_class(py::module_& module) {
  py::class_<TraceHandle>(module, "Trace", "A request trace, columnar; seconds from the first request.")
      .def(py::init(&trace_from_arrays), py::arg("arrival_s"), py::arg("input_tokens"),
           py::arg("output_tokens"), py::arg("name") = "", py::arg("extra") = py::dict(),
           py::arg("origin") = py::dict())
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
      .def_property_readonly(
          "extra", &extra_dict,
          "What only some formats have, by name: session, parent, delay_s, images, hash_ids "
          "with hash_starts and block_tokens; read-only views.")
      .def_property_readonly(
          "origin", [](const TraceHandle& h) { return origin_dict(h.trace->origin); },
          "How the trace was read: format, time_unit, delimiter, columns, reason, rows, empty_outputs, "
          "inversions, estimated, assumed, failed, is_log.")
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
                           view(h.trace, h.trace->output_tokens), h.trace->name, extra_dict(h),
                           origin_dict(h.trace->origin)));
      });
}

void register_readers(py::module_& module) {
  const auto def_reader = [&](const char* name, auto reader, auto... arguments) {
    module.def(name, reader, arguments..., py::kw_only(), py::arg("format") = "auto",
               py::arg("keep_empty") = false, py::arg("sort") = false, py::arg("time_unit") = "auto",
               py::arg("block_tokens") = 0, py::arg("output_tokens") = 0, py::arg("columns") = "");
  };
  def_reader(
      "load_trace",
      [](const std::string& path, const std::string& format, bool keep_empty, bool sort,
         const std::string& time_unit, std::int32_t block_tokens, std::int32_t output_tokens,
         const std::string& columns) {
        const py::gil_scoped_release release;
        return make(
            load_trace(path, {format, keep_empty, sort, time_unit, block_tokens, output_tokens, columns}));
      },
      py::arg("path"), "Reads a CSV or JSON-lines trace.");
  def_reader(
      "parse_trace",
      [](std::string_view text, const std::string& source, const std::string& format, bool keep_empty,
         bool sort, const std::string& time_unit, std::int32_t block_tokens, std::int32_t output_tokens,
         const std::string& columns) {
        const py::gil_scoped_release release;
        return make(parse_trace(text, source,
                                {format, keep_empty, sort, time_unit, block_tokens, output_tokens, columns}));
      },
      py::arg("text"), py::arg("source") = "", "Reads a trace from text.");
  def_reader(
      "read_trace",
      [](const py::function& read, const std::string& source, const std::string& format, bool keep_empty,
         bool sort, const std::string& time_unit, std::int32_t block_tokens, std::int32_t output_tokens,
         const std::string& columns) {
        const auto block = [&read](char* to, std::size_t size) {
          const py::gil_scoped_acquire acquire;
          const py::bytes text = read(size);
          const std::string_view view(text);
          if (view.size() > size) throw TraceError("", "read(size) gave more bytes than it was asked for");
          return view.copy(to, size);
        };
        const py::gil_scoped_release release;
        return make(read_trace(block, source,
                               {format, keep_empty, sort, time_unit, block_tokens, output_tokens, columns}));
      },
      py::arg("read"), py::arg("source") = "", "Reads a trace from what read(size) gives, block by block.");
  module.def(
      "trace_formats", [] { return trace_formats(); }, "The names of the formats, \"auto\" first.");
}

}  // namespace

void register_trace(py::module_& module) {
  register_class(module);
  register_readers(module);
  module.def("draw_arrivals", &draw_arrivals, py::arg("document"), py::arg("seed"), py::arg("duration_s"),
             py::arg("most") = 20'000'000, py::arg("name") = "arrivals",
             "Arrivals of the process in a JSON text, in seconds, up to duration_s.");
  module.def(
      "mean_rate", [](const std::string& document) { return parse_arrivals(document).mean_rate(); },
      py::arg("document"), "Requests a second in the long run, of the process in a JSON text.");
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
