#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "models/llm.hpp"
#include "models/model_reader.hpp"

// The file of an LLM: what its figures are called, and how its weights are stored.

namespace gpushare {
namespace {

Dequantisation read_dequantisation(json::Figures figures) {
  Dequantisation expanded;
  expanded.from_tokens = figures.number("from_tokens", json::kPositive);
  expanded.extra_bytes = figures.number("extra_bytes", json::kPositive);
  expanded.gemm_bandwidth_efficiency = figures.number("gemm_bandwidth_efficiency", json::kEfficiency);
  expanded.gemm_flop_efficiency = figures.number("gemm_flop_efficiency", json::kEfficiency);
  figures.reader().finish();
  return expanded;
}

/// One efficiency, or pairs [tokens, efficiency] that ascend.
void read_gemm_flop_efficiency(json::Figures& figures, WeightFormat& format) {
  constexpr std::string_view kKey = "gemm_flop_efficiency";
  const json::Reader curve = figures.value(kKey);
  if (!curve.is_array()) {
    format.gemm_flop_efficiency = curve.number(json::kEfficiency);
    return;
  }
  if (curve.size() == 0) curve.fail("expected pairs of tokens and efficiency");
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const json::Reader pair = curve.at(i);
    if (!pair.is_array() || pair.size() != 2) pair.fail("expected [tokens, efficiency]");
    const TokensEfficiency point{pair.at(std::size_t{0}).number(json::kPositive),
                                 pair.at(std::size_t{1}).number(json::kEfficiency)};
    if (i > 0 && point.tokens <= format.gemm_flop_curve.back().tokens)
      pair.fail(text::format("tokens must ascend: {} follows {}", point.tokens,
                             format.gemm_flop_curve.back().tokens));
    format.gemm_flop_curve.push_back(point);
  }
  format.gemm_flop_efficiency = format.gemm_flop_curve.back().efficiency;
}

void read_products(json::Figures& figures, WeightFormat& format) {
  format.kv_bytes_per_token = figures.number("kv_bytes_per_token", json::kPositive);
  format.gemm_bandwidth_efficiency = figures.number("gemm_bandwidth_efficiency", json::kEfficiency);
  read_gemm_flop_efficiency(figures, format);
  format.compute = models::read_precision(figures.reader().at("compute"));
  if (figures.reader().has("dequantisation"))
    format.dequantisation = read_dequantisation(figures.section("dequantisation"));
}

/// The same weights where a GPU has no rate for `format.compute`: they are expanded in the products.
WeightFormat read_weight_only(json::Figures figures, const WeightFormat& format) {
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

void read_format(Precision name, json::Figures figures, std::vector<WeightFormat>& formats) {
  WeightFormat format;
  format.name = name;
  format.weight_bytes = figures.number("weight_bytes", json::kPositive);
  format.read_bytes = figures.number("read_bytes", json::kPositive);
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
void check_experts(const LlmModel& model, const json::Reader& reader) {
  if (reader.has("experts") != reader.has("experts_per_token"))
    reader.fail("\"experts\" and \"experts_per_token\" come together");
  if (model.experts_per_token > model.experts)
    reader.at("experts_per_token")
        .fail(text::format("{} experts for each token, but a layer has {}", model.experts_per_token,
                           model.experts));
  for (const WeightFormat& format : model.formats) {
    if ((format.expert_bytes > 0) == (model.experts > 0)) continue;
    reader.at("formats")
        .at(to_string(format.name))
        .fail(model.experts > 0 ? "the model has experts: give \"expert_bytes\", the weights of all of them"
                                : "\"expert_bytes\" needs the model's \"experts\" and \"experts_per_token\"");
  }
}

std::vector<WeightFormat> read_formats(json::Figures figures) {
  std::vector<WeightFormat> formats;
  for (std::size_t i = 0; i < kPrecisionCount; ++i) {
    const auto name = static_cast<Precision>(i);
    if (figures.reader().has(to_string(name))) read_format(name, figures.section(to_string(name)), formats);
  }
  figures.reader().finish();
  if (formats.empty()) figures.reader().fail("expected at least one weight format, such as \"fp16\"");
  return formats;
}

std::optional<Precision> read_published(const json::Reader& reader) {
  const auto name = reader.find("published_format");
  return name ? std::optional(models::read_precision(*name)) : std::nullopt;
}

void check_published(const LlmModel& model, const json::Reader& reader) {
  const auto is_it = [&](const WeightFormat& format) { return format.name == model.published_format; };
  if (model.published_format && std::none_of(model.formats.begin(), model.formats.end(), is_it))
    reader.at("published_format").fail("expected one of the model's \"formats\"");
}

nlohmann::ordered_json written(const WeightFormat& format) {
  nlohmann::ordered_json object;
  object["name"] = to_string(format.name);
  object["weight_bytes"] = format.weight_bytes;
  object["read_bytes"] = format.read_bytes;
  object["expert_bytes"] = format.expert_bytes;
  object["kv_bytes_per_token"] = format.kv_bytes_per_token;
  object["gemm_bandwidth_efficiency"] = format.gemm_bandwidth_efficiency;
  object["gemm_flop_efficiency"] = format.gemm_flop_efficiency;
  auto& curve = object["gemm_flop_curve"] = nlohmann::ordered_json::array();
  for (const TokensEfficiency& point : format.gemm_flop_curve)
    curve.push_back({point.tokens, point.efficiency});
  object["compute"] = to_string(format.compute);
  return object;
}

}  // namespace

std::span<const Field<LlmModel>> ModelKind<LlmModel>::fields() {
  using M = LlmModel;
  using gpushare::fields::kMay, gpushare::fields::kMust;
  static constexpr auto kTable = std::to_array<Field<M>>({
      {"layers", &M::layers, {1}, kMust},
      {"hidden", &M::hidden, {1}, kMust, "Width of the residual stream."},
      {"flop_per_token", &M::flop_per_token, json::kPositive, kMust,
       "Matrix products of one token without the output layer; of the experts it calls on."},
      {"head_flop", &M::head_flop, json::kNonNegative, kMust, "Output layer, for each sampled token."},
      {"attention_flop_per_pair", &M::attention_flop_per_pair, json::kNonNegative, kMust,
       "For each (query token, key token) pair, all layers."},
      {"experts",
       &M::experts,
       {2},
       kMay,
       "Of each layer (mixture of experts); every format then has expert_bytes."},
      {"experts_per_token", &M::experts_per_token, {1}, kMay},
      {"formats", ReadByHand{}, {}, kMust, "How the weights are stored, by precision."},
      {"published_format",
       ReadByHand{},
       {},
       kMay,
       "Of the weights as they are published: what a service has that names no precision; fp16 if left out."},
      {"gemm_floor_s", &M::gemm_floor_s, json::kSpan, kMay,
       "Matrix products: what a step's begin and end with, beside what their efficiencies say."},
      {"elementwise_floor_s", &M::elementwise_floor_s, json::kSpan, kMust,
       "Norms, rotary embedding, activation: latency-bound time of a step."},
      {"elementwise_bytes_per_token", &M::elementwise_bytes_per_token, json::kNonNegative, kMust},
      {"attention_floor_s", &M::attention_floor_s, json::kSpan, kMust},
      {"attention_flop_efficiency", &M::attention_flop_efficiency, json::kEfficiency, kMust,
       "Of the peak rate, for prompt attention."},
      {"kv_efficiency_base", &M::kv_efficiency_base, json::kEfficiency, kMust,
       "Bandwidth efficiency of decode attention: min(max, base + slope * log2(sequences))."},
      {"kv_efficiency_slope", &M::kv_efficiency_slope, json::kNonNegative, kMust},
      {"kv_efficiency_max", &M::kv_efficiency_max, json::kEfficiency, kMust},
      {"kv_efficiency_mixed", &M::kv_efficiency_mixed, json::kFraction, kMay,
       "Decode attention at most, in an iteration that computes prompts too; 0 if left out: no such limit."},
      {"kernels_per_step", &M::kernels_per_step, json::kPositive, kMust},
      {"prompt_host_s", &M::prompt_host_s, json::kSpan, kMay,
       "CPU time before an iteration that computes prompts, in which the GPU waits."},
      {"launch_s", &M::launch_s, json::kSpan, kMay,
       "CPU time of a step's launches, beside the GPU's work: the step lasts at least so long."},
      {"launch_per_sequence_s", &M::launch_per_sequence_s, json::kSpan, kMay,
       "CPU time of each sequence's token, beside the GPU's work."},
      {"activation_bytes", &M::activation_bytes, json::kNonNegative, kMust,
       "Workspace, graphs and activations beside weights and KV cache, up to activation_tokens and "
       "activation_sequences; they grow with the engine's limits beyond."},
      {"activation_tokens",
       &M::activation_tokens,
       {1},
       kMay,
       "Token budget that activation_bytes is enough for; 2,048 if left out."},
      {"activation_sequences",
       &M::activation_sequences,
       {1},
       kMay,
       "Sequences that activation_bytes is enough for; 256 if left out."},
      {"context_tokens",
       &M::context_tokens,
       {1},
       kMay,
       "Of prompt and reply together at most; what is longer is rejected. Not known if left out."},
  });
  return kTable;
}

void ModelKind<LlmModel>::read(json::Figures& figures, LlmModel& model) {
  read_figures(figures, fields(), model, [&](std::string_view name) {
    if (name == "formats") model.formats = read_formats(figures.section(name));
    if (name == "published_format") model.published_format = read_published(figures.reader());
  });
  check_published(model, figures.reader());
  check_experts(model, figures.reader());
}

void ModelKind<LlmModel>::write_by_hand(const LlmModel& model, nlohmann::ordered_json& object) {
  auto& formats = object["formats"] = nlohmann::ordered_json::array();
  for (const WeightFormat& format : model.formats) formats.push_back(written(format));
  if (model.published_format) object["published_format"] = to_string(*model.published_format);
}

}  // namespace gpushare
