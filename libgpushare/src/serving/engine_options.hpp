#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/fields.hpp"
#include "gpushare/engine.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/model.hpp"

/// What is said of each kind of engine: its name, its options as documents state them, and what a run asks of any.
/// "In a file" here is in an engine preset.
namespace gpushare {

namespace options {

inline constexpr json::Range kItems{1, 1e6};  // of batches, streams and sequences: beyond any server
inline constexpr json::Range kItemsOrNone{0, 1e6};
inline constexpr json::Range kFrames{1, 1e6};
inline constexpr std::string_view kEagerKernel =
    "Host time, beside the GPU's work, for each of the model's kernels, where no CUDA graph holds them: a "
    "step "
    "lasts at least so long. PyTorch took 1.6e-5 for convolutions and 3e-5 for transformers, from Python "
    "beside "
    "an H200; 0 or absent: hidden by the GPU.";

}  // namespace options

/// Of engines of every kind.
inline constexpr auto kEngineFields = std::to_array<Field<Engine>>({
    {"queue_limit",
     &Engine::queue_limit,
     {-1},
     fields::kNever,
     "Waiting requests at most, then rejection; -1 or absent: no limit."},
    {"request_overhead_s", &Engine::request_overhead_s, json::kSpan, fields::kMust,
     "Before the queue: tokenising, HTTP."},
});

template <class Options>
struct EngineTable;

template <>
struct EngineTable<FifoOptions> {
  static constexpr std::string_view kName = "fifo";
  static constexpr std::string_view kDescription =
      "One request a step, first come first served within a priority.";
  static constexpr auto kFields = std::to_array<Field<FifoOptions>>({
      {"concurrency", &FifoOptions::concurrency, options::kItems, fields::kNever,
       "Steps in flight (Triton's instance groups): they run side by side on the GPU as MPS clients do, and "
       "wait for each other's launches. 1 when absent."},
      {"eager_kernel_s", &FifoOptions::eager_kernel_s, json::kSpan, fields::kNever, options::kEagerKernel},
  });
  static bool caches_prefixes(const FifoOptions&) { return false; }
  static int most_steps_at_once(const FifoOptions& fifo) { return fifo.concurrency; }
};

template <>
struct EngineTable<BatchOptions> {
  static constexpr std::string_view kName = "dynamic-batching";
  static constexpr std::string_view kDescription = "Triton's dynamic batcher.";
  static constexpr auto kFields = std::to_array<Field<BatchOptions>>({
      {"max_batch", &BatchOptions::max_batch, options::kItems, fields::kNever,
       "Items of a step; 4 when absent, as Triton has it for a model that configures nothing."},
      {"preferred_batch", ReadByHand{}, {}, fields::kNever, "Sizes dispatched at once, ascending."},
      {"max_queue_delay_s", &BatchOptions::max_queue_delay_s, json::kSpan, fields::kNever,
       "How long the oldest request waits for a larger batch."},
      {"eager_kernel_s", &BatchOptions::eager_kernel_s, json::kSpan, fields::kNever, options::kEagerKernel},
  });
  static bool caches_prefixes(const BatchOptions&) { return false; }
  static int most_steps_at_once(const BatchOptions&) { return 2; }
};

template <>
struct EngineTable<StreamOptions> {
  static constexpr std::string_view kName = "stream-batching";
  static constexpr std::string_view kDescription = "Streaming recognition, chunk by chunk.";
  static constexpr auto kFields = std::to_array<Field<StreamOptions>>({
      {"max_batch", &StreamOptions::max_batch, options::kItems, fields::kNever,
       "Streams of a step; 64 when absent, the batch that NVIDIA's speech servers prefer."},
      {"chunk_s", &StreamOptions::chunk_s, {0.001, 3600}, fields::kNever, "Audio of one chunk."},
      {"speech_speed", &StreamOptions::speech_speed, json::kPositive, fields::kNever,
       "Seconds of audio that arrive in a second."},
      {"max_streams", &StreamOptions::max_streams, options::kItemsOrNone, fields::kNever,
       "Open streams at most, then queueing; 0: no limit."},
      {"max_queue_delay_s", &StreamOptions::max_queue_delay_s, json::kSpan, fields::kNever,
       "How long the oldest chunk waits for a larger batch."},
      {"overlap_decoding", &StreamOptions::overlap_decoding, fields::kFlag, fields::kNever,
       "The host works on a step's results beside the next step; true when absent, as where decoding is a "
       "model of its own (Riva)."},
  });
  static bool caches_prefixes(const StreamOptions&) { return false; }
  static int most_steps_at_once(const StreamOptions&) { return 2; }
};

template <>
struct EngineTable<SlotOptions> {
  static constexpr std::string_view kName = "autoregressive-slots";
  static constexpr std::string_view kDescription = "Frame-by-frame synthesis in a fixed number of slots.";
  static constexpr auto kFields = std::to_array<Field<SlotOptions>>({
      {"slots", &SlotOptions::slots, options::kItemsOrNone, fields::kNever,
       "Batch profile of the model; 0: the largest that fits the memory."},
      {"first_chunk_frames", &SlotOptions::first_chunk_frames, options::kFrames, fields::kNever,
       "Codec frames before the first audio."},
      {"chunk_frames", &SlotOptions::chunk_frames, options::kFrames, fields::kNever,
       "Codec frames of each further chunk."},
      {"chunk_growth", &SlotOptions::chunk_growth, json::kNonNegative, fields::kNever,
       "Share by which chunks, the first as well, grow with every stream beyond the first."},
  });
  static bool caches_prefixes(const SlotOptions&) { return false; }
  static int most_steps_at_once(const SlotOptions&) { return 2; }
};

template <>
struct EngineTable<ContinuousOptions> {
  using O = ContinuousOptions;
  static constexpr std::string_view kName = "continuous-batching";
  static constexpr std::string_view kDescription = "An LLM server with paged attention, after vLLM.";
  static constexpr auto kFields = std::to_array<Field<O>>({
      {"preset",
       ReadByHand{},
       {},
       fields::kNever,
       "A server and version whose defaults the other members change: a name of engines/, or the path of "
       "such "
       "a file."},
      {"max_num_seqs", &O::max_num_seqs, options::kItems, fields::kMust, "Running sequences."},
      {"max_num_batched_tokens", &O::max_num_batched_tokens, options::kItems, fields::kMust,
       "Tokens of one iteration."},
      {"large_card_max_num_seqs", &O::large_card_max_num_seqs, options::kItemsOrNone, fields::kMay,
       "max_num_seqs on a card or slice of 70 GiB or more that is no A100; 0 or absent: the same. An engine "
       "that states max_num_seqs has it everywhere."},
      {"large_card_max_num_batched_tokens", &O::large_card_max_num_batched_tokens, options::kItemsOrNone,
       fields::kMay, "Likewise, max_num_batched_tokens there."},
      {"max_model_len", &O::max_model_len, options::kItemsOrNone, fields::kMay,
       "Tokens of prompt and reply together at most, longer ones are rejected; 0 or absent: the model's "
       "context_tokens."},
      {"chunked_prefill", &O::chunked_prefill, fields::kFlag, fields::kMust,
       "Prompts are split over iterations where the token budget is short; true when absent. Otherwise what "
       "is longer than the budget is refused."},
      {"prefill_first", &O::prefill_first, fields::kFlag, fields::kMust,
       "Prompts go in iterations of their own, before any decode (vLLM V0, SGLang), instead of beside the "
       "decodes."},
      {"reserve_output", &O::reserve_output, fields::kFlag, fields::kMay,
       "Admits what fits the cache with its whole output, so that nothing is preempted (TensorRT-LLM, "
       "GUARANTEED_NO_EVICT)."},
      {"async_scheduling", &O::async_scheduling, fields::kFlag, fields::kMay,
       "An iteration is planned while the one before runs: requests that come then join the next but one, "
       "and a sequence that has ended takes part once more (vLLM V1 with asynchronous scheduling)."},
      {"async_output", &O::async_output, fields::kFlag, fields::kMay,
       "Tokens leave the server when the next iteration ends, in which a sequence that has ended still takes "
       "part (vLLM V0 with asynchronous output processing)."},
      {"max_num_partial_prefills", &O::max_num_partial_prefills, options::kItems, fields::kMust,
       "Prompts in the middle of their prefill; 1 when absent."},
      {"long_prefill_token_threshold", &O::long_prefill_token_threshold, options::kItemsOrNone, fields::kMust,
       "Tokens of one prompt in an iteration; 0 or absent: no limit."},
      {"priority_scheduling", &O::priority_scheduling, fields::kFlag, fields::kNever,
       "Out of blocks, the least urgent and then latest sequence is preempted; absent: the latest admitted."},
      {"block_size", &O::block_size, {1, 1024}, fields::kMust, "Tokens of a block of the cache."},
      {"gpu_memory_utilization",
       &O::gpu_memory_utilization,
       {0, 1, true},
       fields::kNever,
       "Share of the partition's memory that a process takes; absent: 0.9 over the number of LLM processes "
       "that share it."},
      {"kv_blocks",
       &O::kv_blocks,
       {0, 4294967296},
       fields::kNever,
       "Blocks of the cache; 0: what the memory leaves."},
      {"watermark", &O::watermark, json::kFraction, fields::kMust,
       "Share of the blocks kept free at admission; 0.01 when absent."},
      {"prefix_caching", &O::prefix_caching, fields::kFlag, fields::kMust,
       "Each replica keeps the blocks of prompts and replies and finds them again, least recently used out "
       "first. What prompts share comes from system prompts, histories and a trace's hash_ids."},
      {"prefix_cache_share", &O::prefix_cache_share, json::kFraction, fields::kNever,
       "Share of every prompt's tokens found in the cache, whatever they are; instead of prefix_caching."},
      {"cuda_graph_max_batch", &O::cuda_graph_max_batch, options::kItemsOrNone, fields::kMust,
       "Iterations of up to so many tokens are padded to the next captured size: 1, 2, 4, 8, 16, 24, ... "
       "256, 272, ...; 0 or absent: none."},
      {"enforce_eager", &O::enforce_eager, fields::kFlag, fields::kMay,
       "Runs without CUDA graphs: the host launches every kernel of every iteration, each in eager_kernel_s; "
       "where nothing says that, in 6.6e-5 (assumed)."},
      {"kv_cache_dtype",
       ReadByHand{},
       {},
       fields::kNever,
       "How keys and values are kept: auto, as the weights' format has it, or fp8, in 8 bits each."},
      {"host_per_step_s", &O::host_per_step_s, json::kSpan, fields::kMust,
       "Scheduler and sampler, each iteration, in turns with the GPU."},
      {"host_per_sequence_s", &O::host_per_sequence_s, json::kSpan, fields::kMust,
       "The same, for each running sequence."},
      {"beside_per_step_s", &O::beside_per_step_s, json::kSpan, fields::kMay,
       "What the host does beside the GPU's work: an iteration lasts at least so long; 0 or absent: "
       "nothing."},
      {"beside_per_sequence_s", &O::beside_per_sequence_s, json::kSpan, fields::kMay,
       "The same, for each running sequence."},
      {"piecewise_kernel_s", &O::piecewise_kernel_s, json::kSpan, fields::kMay,
       "Host time, beside the GPU's work, for each of the model's kernels in an iteration with prompts whose "
       "batch CUDA graphs hold but for attention; 0 or absent: hidden by the GPU."},
      {"eager_kernel_s", &O::eager_kernel_s, json::kSpan, fields::kMay,
       "The same, in an iteration whose batch is larger than any captured, and with enforce_eager in all."},
      {"idle_start_s", &O::idle_start_s, json::kSpan, fields::kMay,
       "Host time before the first iteration of a server that had nothing to do, which in a busy one passes "
       "beside the GPU; 0 or absent: nothing."},
      {"frontend_request_s", &O::frontend_request_s, json::kSpan, fields::kMay,
       "One thread takes requests in and sends tokens out, first come first served, beside the iterations: "
       "its time for each request; 0 or absent: none."},
      {"frontend_token_s", &O::frontend_token_s, json::kSpan, fields::kMay, "The same, for each token."},
      {"speculation",
       ReadByHand{},
       {},
       fields::kNever,
       "Speculative decoding: a draft guesses tokens, and the model verifies them together."},
  });
  static bool caches_prefixes(const O& server) { return server.prefix_caching; }
  static int most_steps_at_once(const O&) { return 1; }
};

template <class Options>
[[nodiscard]] std::span<const Field<Options>> table_of(const Options&) {
  return EngineTable<Options>::kFields;
}
[[nodiscard]] inline std::span<const Field<Engine>> table_of(const Engine&) { return kEngineFields; }

/// Tokens of a sequence at most, prompt and reply; 0: no limit.
[[nodiscard]] inline std::int64_t context_of(const ContinuousOptions& options, const LlmModel& model) {
  return options.max_model_len > 0 ? options.max_model_len : model.context_tokens;
}

/// The preset that a document names there.
[[nodiscard]] EnginePreset named_preset(const json::Reader& reader);

/// In the order of EngineKind.
inline constexpr auto kEngineNames = of_each_alternative<decltype(Engine::options)>(
    []<class Options>(std::type_identity<Options>) { return EngineTable<Options>::kName; });
/// Of this kind, with its defaults.
[[nodiscard]] inline Engine engine_of(EngineKind kind) {
  Engine engine;
  engine.options = alternative<decltype(Engine::options)>(static_cast<std::size_t>(kind));
  return engine;
}

}  // namespace gpushare
