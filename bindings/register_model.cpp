#include "handles.hpp"

namespace gpushare::python {

namespace {

py::dict figures(const LlmModel& m) {
  py::list formats;
  for (const WeightFormat& f : m.formats) {
    py::dict d;
    d["name"] = std::string(to_string(f.name));
    d["weight_bytes"] = f.weight_bytes;
    d["read_bytes"] = f.read_bytes;
    d["expert_bytes"] = f.expert_bytes;
    d["kv_bytes_per_token"] = f.kv_bytes_per_token;
    d["gemm_bandwidth_efficiency"] = f.gemm_bandwidth_efficiency;
    d["gemm_flop_efficiency"] = f.gemm_flop_efficiency;
    py::list curve;
    for (const TokensEfficiency& point : f.gemm_flop_curve)
      curve.append(py::make_tuple(point.tokens, point.efficiency));
    d["gemm_flop_curve"] = curve;
    d["compute"] = std::string(to_string(f.compute));
    formats.append(d);
  }
  py::dict d;
  d["layers"] = m.layers;
  d["hidden"] = m.hidden;
  d["experts"] = m.experts;
  d["experts_per_token"] = m.experts_per_token;
  d["flop_per_token"] = m.flop_per_token;
  d["head_flop"] = m.head_flop;
  d["attention_flop_per_pair"] = m.attention_flop_per_pair;
  d["elementwise_floor_s"] = m.elementwise_floor_s;
  d["elementwise_bytes_per_token"] = m.elementwise_bytes_per_token;
  d["attention_floor_s"] = m.attention_floor_s;
  d["attention_flop_efficiency"] = m.attention_flop_efficiency;
  d["kv_efficiency_base"] = m.kv_efficiency_base;
  d["kv_efficiency_slope"] = m.kv_efficiency_slope;
  d["kv_efficiency_max"] = m.kv_efficiency_max;
  d["kv_efficiency_mixed"] = m.kv_efficiency_mixed;
  d["kernels_per_step"] = m.kernels_per_step;
  d["prompt_host_s"] = m.prompt_host_s;
  d["launch_s"] = m.launch_s;
  d["launch_per_sequence_s"] = m.launch_per_sequence_s;
  d["activation_bytes"] = m.activation_bytes;
  d["formats"] = formats;
  return d;
}

py::dict figures(const StreamingAsrModel& m) {
  py::dict d;
  d["flop_per_audio_s"] = m.flop_per_audio_s;
  d["padding_s"] = m.padding_s;
  d["weight_bytes"] = m.weight_bytes;
  d["memory_bytes"] = m.memory_bytes;
  d["flop_efficiency"] = m.flop_efficiency;
  d["bandwidth_efficiency"] = m.bandwidth_efficiency;
  d["floor_s"] = m.floor_s;
  d["host_before_s"] = m.host_before_s;
  d["host_after_s"] = m.host_after_s;
  d["host_per_stream_s"] = m.host_per_stream_s;
  d["segments"] = m.segments;
  d["kernels"] = m.kernels;
  return d;
}

py::dict figures(const AutoregressiveTtsModel& m) {
  py::list profiles;
  for (const auto& p : m.batch_profiles) {
    py::dict d;
    d["batch"] = p.batch;
    d["memory_bytes"] = p.memory_bytes;
    profiles.append(d);
  }
  py::dict d;
  d["frames_per_s"] = m.frames_per_s;
  d["prefill_floor_s"] = m.prefill_floor_s;
  d["prefill_per_stream_s"] = m.prefill_per_stream_s;
  d["frame_floor_s"] = m.frame_floor_s;
  d["frame_flop"] = m.frame_flop;
  d["frame_bytes"] = m.frame_bytes;
  d["weight_bytes"] = m.weight_bytes;
  d["frame_weight_bytes"] = m.frame_weight_bytes;
  d["frame_launch_s"] = m.frame_launch_s;
  d["vocoder_floor_s"] = m.vocoder_floor_s;
  d["vocoder_flop_per_frame"] = m.vocoder_flop_per_frame;
  d["vocoder_bytes_per_frame"] = m.vocoder_bytes_per_frame;
  d["flop_efficiency"] = m.flop_efficiency;
  d["bandwidth_efficiency"] = m.bandwidth_efficiency;
  d["host_per_step_s"] = m.host_per_step_s;
  d["host_per_stream_s"] = m.host_per_stream_s;
  d["kernels_per_frame"] = m.kernels_per_frame;
  d["kernels_per_vocode"] = m.kernels_per_vocode;
  d["batch_profiles"] = profiles;
  return d;
}

py::dict figures(const BatchModel& m) {
  py::dict d;
  d["unit"] = m.unit;
  d["floor_s"] = m.floor_s;
  d["floor_per_item_s"] = m.floor_per_item_s;
  d["flop_per_unit"] = m.flop_per_unit;
  d["bytes_per_unit"] = m.bytes_per_unit;
  d["weight_bytes"] = m.weight_bytes;
  d["flop_efficiency"] = m.flop_efficiency;
  d["bandwidth_efficiency"] = m.bandwidth_efficiency;
  d["working_set_bytes"] = m.working_set_bytes;
  d["reuse"] = m.reuse;
  d["host_before_s"] = m.host_before_s;
  d["host_after_s"] = m.host_after_s;
  d["host_per_item_s"] = m.host_per_item_s;
  d["launch_s"] = m.launch_s;
  d["pcie_bytes_per_unit"] = m.pcie_bytes_per_unit;
  d["memory_bytes"] = m.memory_bytes;
  d["memory_per_item_bytes"] = m.memory_per_item_bytes;
  d["kernels"] = m.kernels;
  d["norm"] = m.norm;
  d["precision"] = std::string(to_string(m.precision));
  return d;
}

py::dict figures(const SyntheticModel& m) {
  py::dict d;
  d["mean_gpu_s"] = m.gpu_s.mean();
  d["host_before_s"] = m.host_before_s;
  d["memory_bytes"] = m.memory_bytes;
  return d;
}

struct KindName {
  const char* operator()(const LlmModel&) const { return "llm"; }
  const char* operator()(const StreamingAsrModel&) const { return "streaming-asr"; }
  const char* operator()(const AutoregressiveTtsModel&) const { return "autoregressive-tts"; }
  const char* operator()(const BatchModel&) const { return "batch"; }
  const char* operator()(const SyntheticModel&) const { return "synthetic"; }
};

}  // namespace

void register_model(py::module_& module) {
  py::class_<ModelHandle>(module, "Model", "A network's cost description.")
      .def_property_readonly(
          "name", [](const ModelHandle& h) { return h.model->name; }, "Short name.")
      .def_property_readonly(
          "title", [](const ModelHandle& h) { return h.model->title; }, "Full name.")
      .def_property_readonly(
          "kind", [](const ModelHandle& h) { return std::visit(KindName{}, h.model->cost); },
          "llm, streaming-asr, autoregressive-tts, batch or synthetic.")
      .def_property_readonly(
          "figures",
          [](const ModelHandle& h) {
            return std::visit([](const auto& m) { return figures(m); }, h.model->cost);
          },
          "Every cost figure, units in the names.")
      .def_property_readonly(
          "provenance", [](const ModelHandle& h) { return provenance_list(h.model->provenance); },
          "Source and grade of every figure.")
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
  module.def("model_names", &model_names, "Names that load_model knows.");
}

}  // namespace gpushare::python
