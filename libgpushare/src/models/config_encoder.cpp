#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "models/config_file.hpp"

// Encoders of the BERT kind (embedders and rerankers) and Whisper: batches in one step.

namespace gpushare::config_file {
namespace {

// As the shipped embedder of BERT-large class has them.
constexpr double kKernelS = 5e-6, kActivations = 16;

// Assumed: what a reply of 30 s of speech has (3.3 tokens a second).
constexpr double kWhisperTokens = 100, kWhisperPositions = 1500;

bool is_reranker(const json::Reader& config) {
  if (!config.has("architectures")) return false;
  const json::Reader names = config.at("architectures");
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names.at(i).string().ends_with("ForSequenceClassification")) return true;
  return false;
}

void add_host(Sheet& sheet, const std::string& item) {
  sheet.assumed("host_before_s", 0.3e-3, "assumed: batching and launch");
  sheet.assumed("host_after_s", 0.1e-3, "assumed");
  sheet.assumed("host_per_item_s", 0.05e-3, "assumed: preparing one " + item);
}

void add_efficiencies(Sheet& sheet) {
  sheet.assumed("flop_efficiency", 0.45, "assumed: products of width 1,024 below those of an 8B model");
  sheet.assumed("bandwidth_efficiency", 0.8, "assumed: as a large copy on A100");
}

}  // namespace

void add_encoder(const json::Reader& config, const std::string& source, Sheet& sheet) {
  const bool reranks = is_reranker(config);
  const double tokens = reranks ? 512 : 256;
  const std::string item = reranks ? "pair" : "text";
  const double layers = size(config, "num_hidden_layers"), hidden = size(config, "hidden_size"),
               ffn = size(config, "intermediate_size"), vocabulary = size(config, "vocab_size"),
               positions = size(config, "max_position_embeddings", 512);
  const double in_layers = layers * (4 * hidden * hidden + 2 * hidden * ffn);
  const double embeddings = (vocabulary + positions) * hidden, kernels = 12 * layers + 12;
  sheet.raw()["kind"] = "batch";
  sheet.raw()["unit"] = text::format("{} of {} tokens", item, shown(tokens));
  sheet.raw()["precision"] = "fp16";
  sheet.raw()["norm"] = 2;
  sheet.assumed("floor_s", kernels * kKernelS,
                text::format("assumed: {} dependent kernels of 5 us", shown(kernels)));
  sheet.derived(
      "flop_per_unit", tokens * 2 * in_layers + 4 * layers * hidden * tokens * tokens,
      text::format("{} tokens x 2 x {} parameters ({}) + attention 4 x {} x {} x {}^2", shown(tokens),
                   shown(in_layers), source, shown(layers), shown(hidden), shown(tokens)));
  sheet.derived("bytes_per_unit", tokens * layers * kActivations * hidden * 2,
                text::format("{} tokens x {} layers x 16 activations of {} in fp16", shown(tokens),
                             shown(layers), shown(hidden)));
  sheet.derived("weight_bytes", 2 * in_layers,
                text::format("{} parameters x 2 bytes; of the token embeddings only the rows used are read",
                             shown(in_layers)));
  add_efficiencies(sheet);
  add_host(sheet, item);
  sheet.derived("pcie_bytes_per_unit", tokens * 16 + (reranks ? 1 : hidden) * 4,
                text::format("{} tokens x 16 bytes of ids and mask + {} values x 4 bytes", shown(tokens),
                             shown(reranks ? 1 : hidden)));
  sheet.assumed("memory_bytes", 2 * (in_layers + embeddings) + 1.3e9,
                text::format("{} parameters x 2 bytes + 1.3e9 of workspace and framework (assumed)",
                             shown(in_layers + embeddings)));
  sheet.assumed("memory_per_item_bytes", 20e6 * layers / 24 * hidden / 1024 * tokens / 256,
                "assumed: activations of one " + item);
  sheet.assumed("kernels", kernels, text::format("estimate: {} layers x 12 + 12", shown(layers)));
}

void add_whisper(const json::Reader& config, const std::string& source, Sheet& sheet) {
  const double width = size(config, "d_model"), encoder = size(config, "encoder_layers"),
               decoder = size(config, "decoder_layers"), vocabulary = size(config, "vocab_size"),
               mels = size(config, "num_mel_bins", 80);
  const double in_encoder = encoder * (4 * width * width + 2 * width * size(config, "encoder_ffn_dim")) +
                            3 * width * (mels + width);
  const double in_decoder = decoder * (8 * width * width + 2 * width * size(config, "decoder_ffn_dim"));
  const double head = vocabulary * width, kernels = 12 * encoder + kWhisperTokens * 14 * decoder;
  const double n = kWhisperPositions;
  sheet.raw()["kind"] = "batch";
  sheet.raw()["unit"] = "window of 30 s of speech";
  sheet.raw()["precision"] = "fp16";
  sheet.raw()["norm"] = 2;
  sheet.assumed(
      "floor_s", kernels * kKernelS,
      text::format("assumed: {} dependent kernels of 5 us, 100 tokens decoded one after the other for a "
                   "window of 30 s among them; their weights are read meanwhile",
                   shown(kernels)));
  sheet.derived(
      "flop_per_unit",
      n * 2 * in_encoder + 4 * encoder * width * n * n + n * 4 * decoder * width * width +
          kWhisperTokens * (2 * (in_decoder + head) + 4 * decoder * width * n),
      text::format("1,500 positions through {} parameters of the encoder with attention, and 100 tokens "
                   "through {} of the decoder and its output layer ({})",
                   shown(in_encoder), shown(in_decoder + head), source));
  sheet.derived(
      "bytes_per_unit", n * encoder * kActivations * width * 2 + kWhisperTokens * decoder * 4 * n * width,
      "activations of the encoder, 16 a layer in fp16, and keys and values of 1,500 positions read for "
      "each of 100 tokens");
  sheet.derived("weight_bytes", 2 * (in_encoder + in_decoder + head),
                text::format("{} parameters x 2 bytes", shown(in_encoder + in_decoder + head)));
  add_efficiencies(sheet);
  add_host(sheet, "window");
  sheet.derived("pcie_bytes_per_unit", 3000 * mels * 2, "3,000 mel frames in fp16");
  sheet.assumed("memory_bytes", 2 * (in_encoder + in_decoder + head) + 1.3e9,
                "the weights + 1.3e9 of workspace and framework (assumed)");
  sheet.derived("memory_per_item_bytes", 4 * decoder * width * (n + 448) + n * kActivations * width * 2,
                "keys and values of 1,500 positions and 448 tokens, and a layer's activations, in fp16");
  sheet.assumed("kernels", kernels,
                "estimate: 12 a layer of the encoder, 14 a layer of the decoder and token");
}

}  // namespace gpushare::config_file
