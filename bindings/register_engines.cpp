#include "gpushare/engines.hpp"

#include "handles.hpp"

namespace gpushare::python {

namespace {

py::dict engine_dict(const Engine& engine) {
  py::dict d;
  d["max_num_seqs"] = engine.max_num_seqs;
  d["max_num_batched_tokens"] = engine.max_num_batched_tokens;
  d["chunked_prefill"] = engine.chunked_prefill;
  d["prefill_first"] = engine.prefill_first;
  d["reserve_output"] = engine.reserve_output;
  d["async_scheduling"] = engine.async_scheduling;
  d["async_output"] = engine.async_output;
  d["max_num_partial_prefills"] = engine.max_num_partial_prefills;
  d["long_prefill_token_threshold"] = engine.long_prefill_token_threshold;
  d["block_size"] = engine.block_size;
  d["watermark"] = engine.watermark;
  d["prefix_caching"] = engine.prefix_caching;
  d["cuda_graph_max_batch"] = engine.cuda_graph_max_batch;
  d["host_per_step_s"] = engine.host_per_step_s;
  d["host_per_sequence_s"] = engine.host_per_sequence_s;
  d["request_overhead_s"] = engine.request_overhead_s;
  d["frontend_request_s"] = engine.frontend_request_s;
  d["frontend_token_s"] = engine.frontend_token_s;
  return d;
}

}  // namespace

void register_engines(py::module_& module) {
  py::class_<EnginePreset>(module, "EnginePreset", "The defaults of an LLM server and version.")
      .def_readonly("name", &EnginePreset::name, "Name, as a scenario's engine has it in \"preset\".")
      .def_readonly("title", &EnginePreset::title, "Server and version.")
      .def_readonly("description", &EnginePreset::description, "What sets its scheduler apart.")
      .def_property_readonly(
          "engine", [](const EnginePreset& p) { return engine_dict(p.engine); },
          "Members of a scenario's engine, units in the names.")
      .def_property_readonly(
          "provenance", [](const EnginePreset& p) { return provenance_list(p.provenance); },
          "Source and grade of every figure.")
      .def("__repr__",
           [](const EnginePreset& p) { return "<EnginePreset " + p.name + ": " + p.title + ">"; });
  module.def("load_engine_preset", &load_engine_preset, py::arg("name"), "Reads a preset by name.");
  module.def("engine_preset_names", &engine_preset_names, "Names that load_engine_preset knows.");
}

}  // namespace gpushare::python
