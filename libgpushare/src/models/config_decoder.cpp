#include <array>
#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "models/config_file.hpp"

// Decoder-only transformers with gated feed-forward networks, dense or of experts.

namespace gpushare::config_file {
namespace {

const std::string kAsLlama = "assumed: as Llama 3.1 8B on A100";
constexpr double kLlamaLayers = 32, kLlamaHidden = 4096, kLlamaFfn = 14336, kLlamaElementwise = 12e6;

// Parameters, of one layer unless said.
struct Sizes {
  double layers = 0, hidden = 0, ffn = 0, heads = 0, kv_heads = 0, head = 0, vocabulary = 0;
  double experts = 0, experts_per_token = 0;
  bool tied = false;
  double attention = 0;  // products
  double expert = 0;     // products of one FFN
  double router = 0;
  double rest = 0;  // biases, norms and what else no product reads
  double final_norm = 0;

  [[nodiscard]] bool has_experts() const { return experts > 0; }
  [[nodiscard]] double embedding() const { return vocabulary * hidden; }
  [[nodiscard]] double embeddings() const { return (tied ? 1 : 2) * embedding(); }
  [[nodiscard]] double ffns() const { return has_experts() ? experts : 1; }
  [[nodiscard]] double in_layers() const {
    return layers * (attention + router + ffns() * expert + rest) + final_norm;
  }
  [[nodiscard]] double met() const {
    return layers * (attention + router + (has_experts() ? experts_per_token : 1) * expert);
  }
  [[nodiscard]] double in_experts() const { return has_experts() ? layers * experts * expert : 0; }
  [[nodiscard]] double total() const { return in_layers() + embeddings(); }
};

std::string type_of(const json::Reader& config) { return config.string("model_type", ""); }

bool is_gemma(const std::string& family) { return family.starts_with("gemma"); }

bool has_head_norms(const std::string& family) {
  return family.starts_with("qwen3") || family.starts_with("gemma3");
}

void add_experts(const json::Reader& config, const std::string& family, Sizes& s) {
  const char* key = family == "qwen3_moe" ? "num_experts" : "num_local_experts";
  if (family != "qwen3_moe" && family != "mixtral" && family != "gpt_oss") return;
  if (size(config, "decoder_sparse_step", 1) != 1)
    config.at("decoder_sparse_step").fail("expected experts in every layer (1)");
  s.experts = size(config, key);
  s.experts_per_token = size(config, "num_experts_per_tok");
  s.router = s.hidden * s.experts;
  if (family == "qwen3_moe") s.ffn = size(config, "moe_intermediate_size");
}

void add_rest(const json::Reader& config, const std::string& family, Sizes& s) {
  const double query = s.heads * s.head, key_value = s.kv_heads * s.head;
  const bool gpt_oss = family == "gpt_oss";
  const bool biased = config.boolean("attention_bias", family == "qwen2");
  s.rest = (family == "gemma2" || family.starts_with("gemma3") ? 4 : 2) * s.hidden;
  if (has_head_norms(family)) s.rest += 2 * s.head;
  if (biased) s.rest += query + 2 * key_value;
  if (biased && family != "qwen2") s.rest += s.hidden;  // of the output product
  if (gpt_oss) s.rest += s.heads + s.experts + s.experts * (2 * s.ffn + s.hidden);
}

// What configurations leave out where it is as transformers has it by default.
struct Defaults {
  double heads = 0, kv_heads = 0, head = 0, vocabulary = 0;
};

Defaults defaults_of(const std::string& family) {
  if (family.starts_with("gemma3")) return {8, 4, 256, 262208};
  if (family == "gemma2") return {8, 4, 256, 256000};
  if (family == "gemma") return {16, 16, 256, 256000};
  return {};
}

double size_or(const json::Reader& config, const char* key, double otherwise) {
  return otherwise > 0 ? size(config, key, otherwise) : size(config, key);
}

Sizes sizes_of(const json::Reader& config) {
  const std::string family = type_of(config);
  const Defaults defaults = defaults_of(family);
  Sizes s;
  s.layers = size(config, "num_hidden_layers");
  s.hidden = s.final_norm = size(config, "hidden_size");
  s.ffn = size(config, "intermediate_size");
  s.heads = size_or(config, "num_attention_heads", defaults.heads);
  s.kv_heads = size(config, "num_key_value_heads", defaults.kv_heads > 0 ? defaults.kv_heads : s.heads);
  s.head = size(config, "head_dim", defaults.head > 0 ? defaults.head : s.hidden / s.heads);
  s.vocabulary = size_or(config, "vocab_size", defaults.vocabulary);
  s.tied = config.boolean("tie_word_embeddings", is_gemma(family));
  add_experts(config, family, s);
  s.attention = 2 * s.hidden * s.heads * s.head + 2 * s.hidden * s.kv_heads * s.head;
  s.expert = 3 * s.hidden * s.ffn;
  add_rest(config, family, s);
  return s;
}

std::string kv_source(const json::Reader& config, const Sizes& s, int bytes) {
  std::string text = text::format("2 x {} layers x {} KV heads x {} x {} byte{}", shown(s.layers),
                                  shown(s.kv_heads), shown(s.head), bytes, bytes == 1 ? "" : "s");
  if (config.has("sliding_window") && config.at("sliding_window").is_number() &&
      config.boolean("use_sliding_window", true))
    text += text::format("; layers with a window of {} tokens keep no more than those, which is not counted",
                         shown(size(config, "sliding_window")));
  return text;
}

void add_efficiencies(Sheet& format, double bandwidth, double flop) {
  format.assumed("gemm_bandwidth_efficiency", bandwidth, kAsLlama);
  format.assumed("gemm_flop_efficiency", flop, kAsLlama);
}

// Products of experts get few tokens each.
void add_expert_curve(const Sizes& s, Sheet& format) {
  const double share = s.experts / s.experts_per_token;
  format.put("gemm_flop_efficiency", {{512 * share, 0.77}, {1024 * share, 0.82}, {2048 * share, 0.86}},
             text::format(
                 "assumed: Llama 3.1 8B's products of 512, 1,024 and 2,048 tokens on A100, as Mixtral 8x7B; "
                 "of the tokens of an iteration an expert gets {} of {}",
                 shown(s.experts_per_token), shown(s.experts)),
             "assumed");
}

void add_dequantisation(const Sizes& s, double from_tokens, Sheet format) {
  Sheet expanded = format.section("dequantisation");
  expanded.assumed("from_tokens", from_tokens, "assumed: as Llama 3.1 8B");
  expanded.derived("extra_bytes", 4 * s.in_layers(),
                   "the layers' weights written and read once more as fp16");
  add_efficiencies(expanded, 0.77, 0.835);
}

// Bytes of a weight in the layers; embeddings and output layer stay in fp16.
void add_weights(const Sizes& s, double bytes, Sheet& format) {
  const double resident = bytes * s.in_layers() + 2 * s.embeddings();
  format.derived("weight_bytes", resident,
                 text::format("{}e9 parameters of the layers x {} byte{} + fp16 embedding{}",
                              text::format("{:.4g}", s.in_layers() / 1e9), text::format("{}", bytes),
                              bytes == 1 ? "" : "s", s.tied ? ", tied" : " and output layer"));
  format.derived("read_bytes", resident - (s.tied ? 0 : 2 * s.embedding()),
                 s.tied ? "all resident weights: the tied embedding is read as the output layer"
                        : "resident weights less the input embedding");
  if (s.has_experts())
    format.derived("expert_bytes", bytes * s.in_experts(),
                   text::format("{} layers x {} experts x {} parameters", shown(s.layers), shown(s.experts),
                                shown(s.expert)));
}

double kv_bytes(const Sizes& s, double bytes) { return 2 * s.layers * s.kv_heads * s.head * bytes; }

void add_fp16(const json::Reader& config, const Sizes& s, Sheet format) {
  format.raw()["compute"] = "fp16";
  add_weights(s, 2, format);
  format.derived("kv_bytes_per_token", kv_bytes(s, 2), kv_source(config, s, 2));
  format.assumed("gemm_bandwidth_efficiency", 0.77, kAsLlama);
  if (s.has_experts()) return add_expert_curve(s, format);
  format.assumed("gemm_flop_efficiency", 0.835, kAsLlama);
}

struct WeightOnly {
  const char* name;
  double bytes, bandwidth, flop, from_tokens;
};

void add_weight_only(const json::Reader& config, const Sizes& s, const WeightOnly& how, Sheet format) {
  format.raw()["compute"] = "fp16";
  add_weights(s, how.bytes, format);
  format.derived("kv_bytes_per_token", kv_bytes(s, 2), kv_source(config, s, 2));
  add_efficiencies(format, how.bandwidth, how.flop);
  add_dequantisation(s, how.from_tokens, format);
}

void add_fp8(const json::Reader& config, const Sizes& s, Sheet format) {
  format.raw()["compute"] = "fp8";
  add_weights(s, 1, format);
  format.derived("kv_bytes_per_token", kv_bytes(s, 1), kv_source(config, s, 1) + ": FP8 keys and values");
  format.assumed("gemm_bandwidth_efficiency", 0.77, kAsLlama);
  format.assumed("gemm_flop_efficiency", 0.77, "assumed: of the FP8 peak, as Llama 3.1 8B");
  Sheet expanded = format.section("weight_only");
  expanded.raw()["compute"] = "fp16";
  expanded.derived("kv_bytes_per_token", kv_bytes(s, 2), kv_source(config, s, 2));
  add_efficiencies(expanded, 0.688, 0.467);
  add_dequantisation(s, 300, expanded);
}

void add_formats(const json::Reader& config, const Sizes& s, Sheet formats) {
  add_fp16(config, s, formats.section("fp16"));
  static constexpr std::array<WeightOnly, 2> kWeightOnly{
      {{"int8", 1, 0.688, 0.365, 200}, {"int4", 0.5, 0.524, 0.15, 256}}};
  for (const WeightOnly& how : kWeightOnly) add_weight_only(config, s, how, formats.section(how.name));
  add_fp8(config, s, formats.section("fp8"));
}

void add_arithmetic(const Sizes& s, Sheet& sheet) {
  const double width = s.heads * s.head;
  sheet.derived(
      "flop_per_token", 2 * s.met(),
      s.has_experts()
          ? text::format("2 FLOP for each parameter that a token meets: {} layers of attention {}, router {} "
                         "and {} experts of {}",
                         shown(s.layers), shown(s.attention), shown(s.router), shown(s.experts_per_token),
                         shown(s.expert))
          : text::format("2 FLOP for each parameter of the products: {} layers of attention {} and FFN {}",
                         shown(s.layers), shown(s.attention), shown(s.expert)));
  sheet.derived("head_flop", 2 * s.embedding(),
                text::format("2 FLOP for each parameter of the output layer, {} x {}", shown(s.vocabulary),
                             shown(s.hidden)));
  sheet.derived(
      "attention_flop_per_pair", 4 * s.layers * width,
      text::format("4 x {} layers x {} (query-key and value products)", shown(s.layers), shown(width)));
}

void add_floors(const Sizes& s, Sheet& sheet) {
  const double products = 4 * s.layers + 1;
  const double ffn = s.ffn * (s.has_experts() ? s.experts_per_token : 1);
  sheet.assumed("gemm_floor_s", 5e-6 * products,
                text::format("5 us for each of {} products, as Llama 3.1 8B on A100", shown(products)));
  sheet.assumed("elementwise_floor_s", 26e-6 * s.layers, kAsLlama + ", 26 us a layer");
  sheet.assumed("elementwise_bytes_per_token",
                kLlamaElementwise * s.layers / kLlamaLayers * (s.hidden / kLlamaHidden + ffn / kLlamaFfn) / 2,
                "assumed: as Llama 3.1 8B, scaled by layers, hidden and FFN width");
  sheet.assumed("attention_floor_s", 18.4e-6 * s.layers, kAsLlama + ", 18 us a layer");
  sheet.assumed("attention_flop_efficiency", 0.59, kAsLlama);
  sheet.assumed("kv_efficiency_base", 0.51, kAsLlama);
  sheet.assumed("kv_efficiency_slope", 0.043, kAsLlama);
  sheet.assumed("kv_efficiency_max", 0.82, kAsLlama);
  const double kernels = s.has_experts() ? 14 : 10;
  sheet.assumed("kernels_per_step", kernels * s.layers + 5,
                text::format("estimate: {} layers x {} kernels + 5", shown(s.layers), shown(kernels)));
}

}  // namespace

void add_decoder(const json::Reader& config, const std::string& source, Sheet& sheet) {
  const Sizes s = sizes_of(config);
  sheet.raw()["kind"] = "llm";
  sheet.vendor("layers", s.layers, source);
  sheet.vendor("hidden", s.hidden, source);
  if (s.has_experts()) {
    sheet.vendor("experts", s.experts, source);
    sheet.vendor("experts_per_token", s.experts_per_token, source);
  }
  add_arithmetic(s, sheet);
  add_formats(config, s, sheet.section("formats"));
  add_floors(s, sheet);
  if (config.has("max_position_embeddings"))
    sheet.vendor("context_tokens", size(config, "max_position_embeddings"),
                 source + ": max_position_embeddings");
  sheet.assumed("activation_bytes", 0.8e9 * s.hidden / kLlamaHidden,
                "assumed: as Llama 3.1 8B by width; of each GPU");
}

}  // namespace gpushare::config_file
