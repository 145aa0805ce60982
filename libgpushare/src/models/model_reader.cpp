
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/builtin.hpp"
#include "core/figures.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/model.hpp"

namespace gpushare {

namespace {

using json::Figures;
using json::kNonNegative;
using json::kPositive;
using json::Reader;

constexpr std::string_view kFolder = "models";
constexpr json::Range kEfficiency{0, 1, true};

[[noreturn]] void fail(std::string where, const std::string& what) {
  throw ModelError(std::move(where), what);
}

Precision read_precision(const Reader& name) {
  return static_cast<Precision>(name.choice({"fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8", "int4"}));
}

std::string read_text(const Reader& value) {
  auto text = value.string();
  if (text.empty()) value.fail("expected a text that is not empty");
  return text;
}

Dequantisation read_dequantisation(Figures figures) {
  Dequantisation expanded;
  expanded.from_tokens = figures.number("from_tokens", kPositive);
  expanded.extra_bytes = figures.number("extra_bytes", kPositive);
  expanded.gemm_bandwidth_efficiency = figures.number("gemm_bandwidth_efficiency", kEfficiency);
  expanded.gemm_flop_efficiency = figures.number("gemm_flop_efficiency", kEfficiency);
  figures.reader().finish();
  return expanded;
}

/// One efficiency, or pairs [tokens, efficiency] that ascend.
void read_gemm_flop_efficiency(Figures& figures, WeightFormat& format) {
  constexpr std::string_view kKey = "gemm_flop_efficiency";
  const Reader curve = figures.value(kKey);
  if (!curve.is_array()) {
    format.gemm_flop_efficiency = curve.number(kEfficiency);
    return;
  }
  if (curve.size() == 0) curve.fail("expected pairs of tokens and efficiency");
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const Reader pair = curve.at(i);
    if (!pair.is_array() || pair.size() != 2) pair.fail("expected [tokens, efficiency]");
    const TokensEfficiency point{pair.at(std::size_t{0}).number(kPositive),
                                 pair.at(std::size_t{1}).number(kEfficiency)};
    if (i > 0 && point.tokens <= format.gemm_flop_curve.back().tokens)
      pair.fail(text::format("tokens must ascend: {} follows {}", point.tokens,
                             format.gemm_flop_curve.back().tokens));
    format.gemm_flop_curve.push_back(point);
  }
  format.gemm_flop_efficiency = format.gemm_flop_curve.back().efficiency;
}

void read_products(Figures& figures, WeightFormat& format) {
  format.kv_bytes_per_token = figures.number("kv_bytes_per_token", kPositive);
  format.gemm_bandwidth_efficiency = figures.number("gemm_bandwidth_efficiency", kEfficiency);
  read_gemm_flop_efficiency(figures, format);
  format.compute = read_precision(figures.reader().at("compute"));
  if (figures.reader().has("dequantisation"))
    format.dequantisation = read_dequantisation(figures.section("dequantisation"));
}

/// The same weights where a GPU has no rate for `format.compute`: they are expanded in the products.
WeightFormat read_weight_only(Figures figures, const WeightFormat& format) {
  WeightFormat expanded = format;
  expanded.gemm_flop_curve.clear();
  expanded.dequantisation = {};
  read_products(figures, expanded);
  figures.reader().finish();
  if (expanded.compute == format.compute)
    figures.reader().at("compute").fail(text::format(
        "the format computes in {} where a GPU can; expected another precision", to_string(format.compute)));
  return expanded;
}

void read_format(Precision name, Figures figures, std::vector<WeightFormat>& formats) {
  WeightFormat format;
  format.name = name;
  format.weight_bytes = figures.number("weight_bytes", kPositive);
  format.read_bytes = figures.number("read_bytes", kPositive);
  format.expert_bytes = figures.number("expert_bytes", 0.0);
  read_products(figures, format);
  formats.push_back(format);
  if (figures.reader().has("weight_only"))
    formats.push_back(read_weight_only(figures.section("weight_only"), format));
  figures.reader().finish();
  if (format.read_bytes > format.weight_bytes) {
    figures.reader().fail(text::format("a step reads {} bytes of weights, but only {} are resident",
                                       format.read_bytes, format.weight_bytes));
  }
  if (format.expert_bytes > format.read_bytes) {
    figures.reader().fail(text::format("experts have {} bytes of weights, but a step reads only {} in all",
                                       format.expert_bytes, format.read_bytes));
  }
}

/// Both members or neither; every format then says what its experts weigh.
void read_experts(Figures& figures, LlmModel& model) {
  const Reader& reader = figures.reader();
  if (reader.has("experts") != reader.has("experts_per_token"))
    reader.fail("\"experts\" and \"experts_per_token\" come together");
  if (!reader.has("experts")) return;
  model.experts = figures.integer("experts", 2);
  model.experts_per_token = figures.integer("experts_per_token", 1);
  if (model.experts_per_token > model.experts)
    reader.at("experts_per_token")
        .fail(text::format("{} experts for each token, but a layer has {}", model.experts_per_token,
                           model.experts));
}

void check_experts(const LlmModel& model, const Reader& formats) {
  for (const WeightFormat& format : model.formats) {
    if ((format.expert_bytes > 0) == (model.experts > 0)) continue;
    formats.at(to_string(format.name))
        .fail(model.experts > 0 ? "the model has experts: give \"expert_bytes\", the weights of all of them"
                                : "\"expert_bytes\" needs the model's \"experts\" and \"experts_per_token\"");
  }
}

std::vector<WeightFormat> read_formats(Figures figures) {
  std::vector<WeightFormat> formats;
  for (std::size_t i = 0; i < kPrecisionCount; ++i) {
    const auto name = static_cast<Precision>(i);
    if (figures.reader().has(to_string(name))) read_format(name, figures.section(to_string(name)), formats);
  }
  figures.reader().finish();
  if (formats.empty()) figures.reader().fail("expected at least one weight format, such as \"fp16\"");
  return formats;
}

LlmModel read_llm(Figures& figures) {
  LlmModel model;
  model.layers = figures.integer("layers", 1);
  model.hidden = figures.integer("hidden", 1);
  model.flop_per_token = figures.number("flop_per_token", kPositive);
  model.head_flop = figures.number("head_flop");
  model.attention_flop_per_pair = figures.number("attention_flop_per_pair");
  read_experts(figures, model);
  model.formats = read_formats(figures.section("formats"));
  check_experts(model, figures.reader().at("formats"));
  model.elementwise_floor_s = figures.number("elementwise_floor_s");
  model.elementwise_bytes_per_token = figures.number("elementwise_bytes_per_token");
  model.attention_floor_s = figures.number("attention_floor_s");
  model.attention_flop_efficiency = figures.number("attention_flop_efficiency", kEfficiency);
  model.kv_efficiency_base = figures.number("kv_efficiency_base", kEfficiency);
  model.kv_efficiency_slope = figures.number("kv_efficiency_slope");
  model.kv_efficiency_max = figures.number("kv_efficiency_max", kEfficiency);
  model.kv_efficiency_mixed = figures.number("kv_efficiency_mixed", 0.0, {0, 1, false});
  model.kernels_per_step = figures.number("kernels_per_step", kPositive);
  model.prompt_host_s = figures.number("prompt_host_s", 0.0);
  model.launch_s = figures.number("launch_s", 0.0);
  model.launch_per_sequence_s = figures.number("launch_per_sequence_s", 0.0);
  model.activation_bytes = figures.number("activation_bytes");
  return model;
}

StreamingAsrModel read_streaming_asr(Figures& figures) {
  StreamingAsrModel model;
  model.flop_per_audio_s = figures.number("flop_per_audio_s", kPositive);
  model.padding_s = figures.number("padding_s");
  model.weight_bytes = figures.number("weight_bytes", kPositive);
  model.memory_bytes = figures.number("memory_bytes", kPositive);
  model.flop_efficiency = figures.number("flop_efficiency", kEfficiency);
  model.bandwidth_efficiency = figures.number("bandwidth_efficiency", kEfficiency);
  model.floor_s = figures.number("floor_s");
  model.host_before_s = figures.number("host_before_s");
  model.host_after_s = figures.number("host_after_s");
  model.host_per_stream_s = figures.number("host_per_stream_s");
  model.segments = figures.integer("segments", 1);
  model.kernels = figures.number("kernels", kPositive);
  return model;
}

std::vector<AutoregressiveTtsModel::BatchProfile> read_batch_profiles(Figures figures) {
  std::vector<AutoregressiveTtsModel::BatchProfile> profiles;
  const Reader& list = figures.reader();
  if (!list.is_array() || list.size() == 0) list.fail("expected an array of at least one batch profile");
  for (std::size_t i = 0; i < list.size(); ++i) {
    Figures row = figures.section(i);
    const Reader batch = row.reader().at("batch");
    profiles.push_back({static_cast<int>(batch.integer(1, 65536)), row.number("memory_bytes", kPositive)});
    row.reader().finish();
    if (i > 0 && profiles[i].batch <= profiles[i - 1].batch)
      batch.fail(text::format("batch profiles must ascend: {} follows {}", profiles[i].batch,
                              profiles[i - 1].batch));
  }
  return profiles;
}

AutoregressiveTtsModel read_autoregressive_tts(Figures& figures) {
  AutoregressiveTtsModel model;
  model.frames_per_s = figures.number("frames_per_s", kPositive);
  model.prefill_floor_s = figures.number("prefill_floor_s");
  model.prefill_per_stream_s = figures.number("prefill_per_stream_s");
  model.frame_floor_s = figures.number("frame_floor_s");
  model.frame_flop = figures.number("frame_flop", kPositive);
  model.frame_bytes = figures.number("frame_bytes");
  model.weight_bytes = figures.number("weight_bytes", kPositive);
  model.frame_weight_bytes = figures.number("frame_weight_bytes", kPositive);
  model.frame_launch_s = figures.number("frame_launch_s", 0.0);
  model.vocoder_floor_s = figures.number("vocoder_floor_s");
  model.vocoder_flop_per_frame = figures.number("vocoder_flop_per_frame", kPositive);
  model.vocoder_bytes_per_frame = figures.number("vocoder_bytes_per_frame");
  model.flop_efficiency = figures.number("flop_efficiency", kEfficiency);
  model.bandwidth_efficiency = figures.number("bandwidth_efficiency", kEfficiency);
  model.host_per_step_s = figures.number("host_per_step_s");
  model.host_per_stream_s = figures.number("host_per_stream_s");
  model.kernels_per_frame = figures.number("kernels_per_frame", kPositive);
  model.kernels_per_vocode = figures.number("kernels_per_vocode", kPositive);
  model.batch_profiles = read_batch_profiles(figures.section("batch_profiles"));
  return model;
}

/// A step that takes no time would let a queue run empty at one instant, however long it is.
void check_batch(const BatchModel& model, const Reader& reader) {
  if (model.floor_s + model.floor_per_item_s + model.flop_per_unit + model.bytes_per_unit +
          model.weight_bytes ==
      0) {
    reader.fail(
        "a step would take no GPU time: give at least one of floor_s, floor_per_item_s, flop_per_unit, "
        "bytes_per_unit and weight_bytes");
  }
}

double needed_if(bool needed, Figures& figures, std::string_view key, json::Range range) {
  return needed ? figures.number(key, range) : figures.number(key, 0.0, range);
}

BatchModel read_batch(Figures& figures) {
  BatchModel model;
  const Reader& reader = figures.reader();
  model.unit = read_text(reader.at("unit"));
  model.norm = static_cast<int>(reader.integer("norm", 1, 1, 2));
  if (const auto precision = reader.find("precision")) model.precision = read_precision(*precision);
  model.floor_s = figures.number("floor_s", 0.0);
  model.floor_per_item_s = figures.number("floor_per_item_s", 0.0);
  model.flop_per_unit = figures.number("flop_per_unit", 0.0);
  model.bytes_per_unit = figures.number("bytes_per_unit", 0.0);
  model.weight_bytes = figures.number("weight_bytes", 0.0);
  const bool moves_bytes = model.bytes_per_unit + model.weight_bytes > 0;
  model.flop_efficiency = needed_if(model.flop_per_unit > 0, figures, "flop_efficiency", kEfficiency);
  model.bandwidth_efficiency = needed_if(moves_bytes, figures, "bandwidth_efficiency", kEfficiency);
  model.working_set_bytes = figures.number("working_set_bytes", 0.0);
  model.reuse = needed_if(model.working_set_bytes > 0, figures, "reuse", json::kFraction);
  model.host_before_s = figures.number("host_before_s", 0.0);
  model.host_after_s = figures.number("host_after_s", 0.0);
  model.host_per_item_s = figures.number("host_per_item_s", 0.0);
  model.launch_s = figures.number("launch_s", 0.0);
  model.pcie_bytes_per_unit = figures.number("pcie_bytes_per_unit", 0.0);
  model.memory_bytes = figures.number("memory_bytes", kPositive);
  model.memory_per_item_bytes = figures.number("memory_per_item_bytes", 0.0);
  model.kernels = figures.number("kernels", kPositive);
  check_batch(model, reader);
  return model;
}

SyntheticModel read_synthetic(const Reader& reader) {
  SyntheticModel model;
  model.gpu_s = reader.at("gpu_s").distribution();
  model.host_before_s = reader.number("host_before_s", 0, kNonNegative);
  model.memory_bytes = reader.number("memory_bytes", 0, kNonNegative);
  return model;
}

void read_cost(Model& model, Figures& figures) {
  switch (figures.reader().at("kind").choice(
      {"llm", "streaming-asr", "autoregressive-tts", "batch", "synthetic"})) {
    case 0:
      model.cost = read_llm(figures);
      break;
    case 1:
      model.cost = read_streaming_asr(figures);
      break;
    case 2:
      model.cost = read_autoregressive_tts(figures);
      break;
    case 3:
      model.cost = read_batch(figures);
      break;
    default:
      model.cost = read_synthetic(figures.reader());
      break;
  }
}

Model read_model(const nlohmann::json& document, const std::string& source) {
  Model model;
  Figures figures(Reader(document, source, fail), {}, model.provenance);
  figures.reader().ignore("$schema");
  figures.reader().ignore("description");
  model.name = read_text(figures.reader().at("name"));
  model.title = figures.reader().string("title", model.name);
  read_cost(model, figures);
  figures.reader().finish();
  return model;
}

bool is_path(std::string_view name) { return name.find('/') != name.npos || name.find(".json") != name.npos; }

[[noreturn]] void fail_unknown(const std::string& name, const std::vector<std::string>& names) {
  const auto near = json::nearest(name, names);
  fail({}, text::format("no model is called \"{}\"{}; known: {}; or give the path of a .json file", name,
                        near ? text::format("; did you mean \"{}\"?", *near) : "", text::join(names, ", ")));
}

}  // namespace

Model load_model(const std::string& name_or_path) {
  if (is_path(name_or_path)) return read_model(json::load_file(name_or_path, fail), name_or_path);
  const auto text = builtin(kFolder, name_or_path);
  if (!text) fail_unknown(name_or_path, model_names());
  return parse_model(*text, text::format("{}/{}.json", kFolder, name_or_path));
}

Model parse_model(std::string_view text, const std::string& source) {
  return read_model(json::parse(text, source, fail), source);
}

std::vector<std::string> model_names() {
  auto names = builtin_names(kFolder);
  std::erase(names, "schema");
  return names;
}

}  // namespace gpushare
