#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gpushare/demand.hpp"
#include "gpushare/fields.hpp"
#include "gpushare/provenance.hpp"
#include "gpushare/random.hpp"

namespace gpushare {

/// Large batches of a weight-only format: the weights are expanded to `compute` precision first, and multiplied then.
struct Dequantisation {
  double from_tokens = 0;  ///< tokens of an iteration from which engines do so; 0: never
  double extra_bytes = 0;  ///< expanded weights, written and read again
  double gemm_bandwidth_efficiency = 0;
  double gemm_flop_efficiency = 0;
};

/// A point of an efficiency curve over the tokens of an iteration.
struct TokensEfficiency {
  double tokens = 0;
  double efficiency = 0;
};

/// How an LLM's weights are stored and multiplied.
struct WeightFormat {
  Precision name = Precision::fp16;  ///< fp16, int8, int4, fp8
  double weight_bytes = 0;           ///< resident
  double read_bytes = 0;    ///< read by one step (without the input embedding) that calls on every expert
  double expert_bytes = 0;  ///< of which in experts, all of them; 0: a dense network
  double kv_bytes_per_token = 0;
  double gemm_bandwidth_efficiency = 0;
  double gemm_flop_efficiency = 0;  ///< of many tokens
  /// Of fewer tokens, ascending; linear in the logarithm of the tokens between points. Empty: the same for any number.
  std::vector<TokensEfficiency> gemm_flop_curve;
  Precision compute = Precision::fp16;  ///< rate the products run at
  Dequantisation dequantisation;
};

/// GPUs that compute every layer of an LLM together: each rank holds 1/ranks of its weights, heads and KV cache, and two
/// all-reduces a layer add up what they find (Megatron-LM, Shoeybi et al., 2019).
struct TensorParallel {
  int ranks = 1;
  double latency_s = 0;              ///< of an all-reduce of next to nothing
  double bandwidth_bytes_per_s = 0;  ///< that a rank sends at while it receives as much
  double one_shot_latency_s = 0;     ///< where every rank reads all others' numbers; 0: none does

  /// The faster of latency + 2 (ranks - 1) / ranks * bytes / bandwidth and, where there is one, of one shot:
  /// one_shot_latency + (ranks - 1) * bytes / bandwidth. 0 for one rank.
  [[nodiscard]] double all_reduce_s(double bytes) const;
};

/// Decoder-only transformer under continuous batching.
struct LlmModel {
  int layers = 0;
  int hidden = 0;
  int experts = 0;  ///< of each layer (mixture of experts); 0: a dense network
  int experts_per_token = 0;
  double flop_per_token = 0;  ///< products of one token without the output layer; of the experts it calls on
  double head_flop = 0;       ///< output layer, for each sampled token
  double attention_flop_per_pair = 0;  ///< for each (query token, key token) pair, all layers
  /// A name may come twice in a row: the second is what a GPU does that has no rate for the first's `compute`.
  std::vector<WeightFormat> formats;
  std::optional<Precision>
      published_format;            ///< of the weights as they are published; a service that names none has it
  double gemm_floor_s = 0;         ///< ramps of the matrix products, beside what their efficiencies say
  double elementwise_floor_s = 0;  ///< norms, rotary embedding, activation: latency-bound
  double elementwise_bytes_per_token = 0;
  double attention_floor_s = 0;
  double attention_flop_efficiency = 0;
  /// Bandwidth efficiency of decode attention: min(max, base + slope * log2(sequences)).
  double kv_efficiency_base = 0, kv_efficiency_slope = 0, kv_efficiency_max = 0;
  /// At most this when the iteration computes prompts too: decodes then run in the prompts' kernel, which reads a KV
  /// head once for each of its query heads. 0: no such limit.
  double kv_efficiency_mixed = 0;
  double kernels_per_step = 0;
  /// CPU time of a step's launches, and of each sequence's token, beside the GPU's work: the step lasts at least so long.
  double launch_s = 0, launch_per_sequence_s = 0;
  /// CPU time before an iteration that computes prompts, in which the GPU waits: it runs outside the CUDA graphs.
  double prompt_host_s = 0;
  double activation_bytes =
      0;  ///< workspace, graphs and activations beside weights and KV, up to these limits
  int activation_tokens = 2048, activation_sequences = 256;
  int context_tokens = 0;  ///< of prompt and reply together, at most; 0: not known

  /// With larger limits: every further token of an iteration keeps 15 tensors of the width alive (a gated network's
  /// residual, attention and inner products; 11 of them are divided among ranks), every further sequence its logits in 16
  /// and 32 bits and its probabilities. On an H200 8,192 tokens and 1,024 sequences of Llama 3.1 8B leave 2.4e9 beside
  /// weights and cache, context included; so counted 2.5e9 without it.
  [[nodiscard]] double activations(int tokens, int sequences, int ranks) const;

  /// The weights of that name as this GPU computes with them: the first that it has a rate for, otherwise the first; null
  /// where the model has none.
  [[nodiscard]] const WeightFormat* format_for(Precision name, const GpuProfile& gpu) const;
  /// One iteration: `prefill_tokens` new prompt tokens that attend `prefill_pairs` (query, key) pairs in all and read
  /// `prefill_context` cached tokens, beside `decodes` sequences whose contexts sum to `decode_context` tokens, with
  /// `drafted` tokens in all that were guessed for them and are verified now.
  [[nodiscard]] Demand iteration(const WeightFormat& format, double prefill_tokens, double prefill_pairs,
                                 double prefill_context, double decodes, double decode_context,
                                 double sampled, double drafted = 0) const;
  /// The share of each layer's experts that `tokens` tokens call on: 1 - (1 - experts_per_token / experts)^tokens, if
  /// every token chooses evenly and by itself. 1 for a dense network.
  [[nodiscard]] double experts_called(double tokens) const;
  /// What one rank does of an iteration over `tokens` tokens, its all-reduces included.
  [[nodiscard]] Demand share_of_rank(const Demand& whole, double tokens,
                                     const TensorParallel& parallel) const;
};

/// Speech recognition that works through a stream chunk by chunk.
struct StreamingAsrModel {
  double flop_per_audio_s = 0;  ///< encoder
  double padding_s = 0;         ///< context encoded again with every chunk (left + right)
  double weight_bytes = 0;
  double memory_bytes = 0;  ///< of one process, all told
  double flop_efficiency = 0;
  double bandwidth_efficiency = 0;
  double floor_s = 0;  ///< latency-bound GPU time of a step
  double host_before_s = 0, host_after_s = 0, host_per_stream_s = 0;
  int segments = 1;  ///< decoder steps that wait for each other
  double kernels = 0;

  [[nodiscard]] Demand chunk(double streams, double chunk_s) const;
};

/// Speech synthesis frame by frame with a codec decoder.
struct AutoregressiveTtsModel {
  double frames_per_s = 0;
  double prefill_floor_s = 0, prefill_per_stream_s = 0;       ///< text encoding
  double frame_floor_s = 0, frame_flop = 0, frame_bytes = 0;  ///< flop and bytes of one stream's frame
  double weight_bytes = 0;        ///< of the whole network, read by a text encoding
  double frame_weight_bytes = 0;  ///< read by a frame step: decoder and local transformer
  double frame_launch_s = 0;      ///< host time of a frame's launches, beside the GPU's work
  double vocoder_floor_s = 0;     ///< of each stream: chunks are decoded one after the other
  double vocoder_flop_per_frame = 0, vocoder_bytes_per_frame = 0;
  double flop_efficiency = 0, bandwidth_efficiency = 0;
  double host_per_step_s = 0, host_per_stream_s = 0;  ///< of text encodings and frame steps
  double kernels_per_frame = 0, kernels_per_vocode = 0;
  struct BatchProfile {
    int batch = 0;
    double memory_bytes = 0;
  };
  std::vector<BatchProfile> batch_profiles;  ///< compiled engines, ascending

  [[nodiscard]] Demand prefill(double streams) const;
  [[nodiscard]] Demand frame(double streams) const;
  [[nodiscard]] Demand vocode(double streams, double frames) const;
};

/// Any network that runs a batch in one step: embeddings, rerankers, detectors, feed-forward speech synthesis.
/// Cost grows with units (texts, images, seconds of audio).
struct BatchModel {
  std::string unit;
  double floor_s = 0, floor_per_item_s = 0;
  double flop_per_unit = 0, bytes_per_unit = 0, weight_bytes = 0;
  double flop_efficiency = 0, bandwidth_efficiency = 0;
  double working_set_bytes = 0, reuse = 0;
  double host_before_s = 0, host_after_s = 0, host_per_item_s = 0;
  double launch_s = 0;  ///< host time of the launches, beside the GPU's work
  double pcie_bytes_per_unit = 0;
  double memory_bytes = 0, memory_per_item_bytes = 0;
  double kernels = 0;
  int norm = 1;
  Precision precision = Precision::fp16;

  [[nodiscard]] Demand batch(double items, double units) const;
};

/// A service time drawn from a distribution, on the whole card. What is known of it beside the time is stated as shares:
/// on a part of the card with fewer SMs or less bandwidth than it keeps busy it takes longer in proportion, and beside
/// neighbours it is a step that fills the card for such a share of its time. With shares of 0 it takes the same time
/// everywhere and contends for nothing: queueing studies.
struct SyntheticModel {
  Distribution gpu_s;
  double host_before_s = 0;
  double memory_bytes = 0;
  double sm_share = 1;         ///< of the card's SMs that it keeps busy
  double bandwidth_share = 0;  ///< of the card's peak bandwidth that it draws
  double kernels = 0;          ///< of a step; 0: as many as kernels of 10 us make

  /// For a time that was drawn.
  [[nodiscard]] Demand step(double drawn_s) const;
};

/// A network's cost description, read from models/*.json.
struct Model {
  std::string name;
  std::string title;
  std::variant<LlmModel, StreamingAsrModel, AutoregressiveTtsModel, BatchModel, SyntheticModel> cost;
  std::vector<ProvenanceEntry> provenance;
};

/// What a service does with a request: it settles what the request must bring, and what a job of it is.
enum class Role : std::uint8_t {
  waits,       ///< a delay, without a model
  generates,   ///< tokens
  recognises,  ///< speech, as it is spoken
  speaks,      ///< tokens that were generated
  counts,      ///< units: texts, images
  draws        ///< a service time
};
[[nodiscard]] Role role_of(const Model& model);
/// "llm", "streaming-asr", "autoregressive-tts", "batch" or "synthetic", as model files write it.
[[nodiscard]] std::string_view kind_of(const Model& model);

/// Every cost figure as a JSON object, units in the names.
[[nodiscard]] std::string model_figures(const Model& model);
/// Every kind of model, in the order of Model::cost, with the members that its file states.
[[nodiscard]] std::vector<KindInfo> model_kinds();

/// Reads a model by file path or by name ("llama-3.1-8b"). The file may be a published config.json (of transformers), or
/// the folder that holds it: sizes are the configuration's, times those of the shipped models, and a weights' index beside
/// it has to agree. Throws ModelError with file and JSON pointer.
[[nodiscard]] Model load_model(const std::string& name_or_path);
/// The file of figures that load_model reads; of a configuration what is made of it.
[[nodiscard]] std::string model_document(const std::string& name_or_path);
[[nodiscard]] Model parse_model(std::string_view json, const std::string& source = {});
[[nodiscard]] std::vector<std::string> model_names();

}  // namespace gpushare
