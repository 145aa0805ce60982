#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gpushare/profile.hpp"

namespace gpushare {

struct Model;

/// One request a step, first come first served within a priority.
struct FifoOptions {
  int concurrency = 1;        ///< steps in flight
  double eager_kernel_s = 0;  ///< host time, beside the GPU's work, for each kernel that no CUDA graph holds
};

/// Dynamic batching: a step serves a batch of waiting requests (Triton's dynamic batcher, with the defaults that it gives a
/// model whose configuration says nothing: batches of up to 4, as large as can be had without a delay).
struct BatchOptions {
  int max_batch = 4;                 ///< items of a step
  std::vector<int> preferred_batch;  ///< sizes dispatched at once
  double max_queue_delay_s = 0;      ///< how long the oldest waits for a larger batch
  double eager_kernel_s = 0;         ///< as FifoOptions has it
};

/// Streaming recognition: a step takes one chunk of many streams. The defaults are those of NVIDIA's speech servers: the
/// acoustic model prefers batches of 64 and takes what is there, decoding is a model of its own with its own queue, and
/// low-latency mode works in chunks of 0.16 s.
struct StreamOptions {
  int max_batch = 64;            ///< streams of a step
  double chunk_s = 0.16;         ///< audio of one chunk
  double speech_speed = 1;       ///< seconds of audio that arrive in a second
  int max_streams = 0;           ///< open streams at most, then queueing; 0: no limit
  double max_queue_delay_s = 0;  ///< how long the oldest chunk waits for a larger batch
  bool overlap_decoding = true;  ///< the host works on a step's results beside the next step
};

/// Autoregressive synthesis: frame by frame in a fixed number of slots.
struct SlotOptions {
  int slots = 0;                  ///< batch profile; 0: the largest that fits
  double first_chunk_frames = 8;  ///< codec frames before the first audio
  double chunk_frames = 2.5;      ///< codec frames of each further chunk
  double chunk_growth = 0;        ///< share by which chunks grow with every stream beyond the first
};

/// Speculative decoding: a draft guesses the next tokens of a sequence, and the model verifies all of them at once.
///
/// Of `tokens` guesses the first j are kept, P(j >= i) = acceptance^i, and the model's own next token with them: an
/// iteration brings (1 - acceptance^(tokens + 1)) / (1 - acceptance) tokens on average (Leviathan et al., 2023).
struct Speculation {
  int tokens = 0;         ///< guessed in each iteration; 0: none
  double acceptance = 0;  ///< of a guess, if those before it were kept
  std::shared_ptr<const Model>
      draft;  ///< null: guesses are looked up in the text so far (n-gram), at no cost
  Precision precision = Precision::fp16;  ///< of the draft's weights
};

/// Continuous batching: an LLM server with paged attention, after vLLM. The defaults are those of its V1 scheduler.
struct ContinuousOptions {
  std::string preset;                 ///< name of the server whose defaults these are; empty: none
  int max_num_seqs = 256;             ///< running sequences
  int max_num_batched_tokens = 2048;  ///< tokens of one iteration
  /// The same on a card or slice of 70 GiB or more that is no A100, where the server has other defaults there; 0: none.
  int large_card_max_num_seqs = 0, large_card_max_num_batched_tokens = 0;
  int max_model_len = 0;        ///< tokens of prompt and reply at most; 0: the model's context
  bool chunked_prefill = true;  ///< prompts are split over iterations where the budget is short
  bool prefill_first = false;   ///< prompts go in iterations of their own, before any decode
  bool reserve_output = false;  ///< admits what fits the cache with its whole output; preempts nothing
  /// An iteration is planned while the one before runs: requests that come then join the next but one, and who has ended
  /// takes part once more (vLLM V1 with asynchronous scheduling).
  bool async_scheduling = false;
  /// Tokens leave the server when the next iteration ends, in which who has ended still takes part (vLLM V0 with
  /// asynchronous output processing).
  bool async_output = false;
  int max_num_partial_prefills = 1;      ///< prompts in the middle of their prefill at most
  int long_prefill_token_threshold = 0;  ///< tokens of one prompt in an iteration; 0: the budget
  bool priority_scheduling = false;      ///< preempts the least urgent, then latest, instead of the latest

  int block_size = 16;  ///< tokens of a KV block
  /// Share of the partition's memory that the process takes, as vLLM has it; 0: 0.9 over the number of LLM processes that
  /// share the memory.
  double gpu_memory_utilization = 0;
  std::int64_t kv_blocks = 0;     ///< 0: what the memory leaves
  double watermark = 0.01;        ///< share of blocks kept free at admission
  bool prefix_caching = false;    ///< blocks of equal prefixes are kept and shared, least recently used
  double prefix_cache_share = 0;  ///< share of prompt tokens found in the cache, whatever they are

  int cuda_graph_max_batch = 0;  ///< decodes up to so many are padded to 1, 2, 4, 8, 16, 24, ...; 0: none
  bool enforce_eager = false;    ///< no CUDA graphs: every kernel costs eager_kernel_s
  double host_per_step_s = 0, host_per_sequence_s = 0;  ///< scheduler and sampler, in turns with the GPU
  double beside_per_step_s = 0,
         beside_per_sequence_s = 0;  ///< likewise, beside the GPU: a step lasts at least so long
  /// Host time, beside the GPU, for each of the model's kernels in an iteration with prompts: where CUDA graphs hold all
  /// but attention (up to cuda_graph_max_batch tokens), and where none does; the latter of larger batches of decodes too.
  double piecewise_kernel_s = 0, eager_kernel_s = 0;
  double idle_start_s =
      0;  ///< host time before the first iteration of a server that had none; else beside the GPU
  /// One thread takes requests in and sends tokens out, first come first served, beside the steps: its time for each
  /// request and for each token.
  double frontend_request_s = 0, frontend_token_s = 0;
  Speculation speculation;
};

/// What an iteration may hold on a card, or on a slice of it with so much memory.
struct CardLimits {
  int sequences = 0;
  int tokens = 0;
};
/// As vLLM chooses: larger defaults from 70 GiB of device memory on, but not where the device's name says A100; never more
/// sequences than tokens (vllm/engine/arg_utils.py, get_batch_defaults).
[[nodiscard]] CardLimits limits_on(const ContinuousOptions& options, const GpuProfile& gpu,
                                   double device_memory_bytes);

/// In the order of Engine::options.
enum class EngineKind : std::uint8_t {
  fifo,
  dynamic_batching,
  stream_batching,
  autoregressive_slots,
  continuous_batching
};
[[nodiscard]] std::string_view to_string(EngineKind kind);

/// A server's batching policy.
struct Engine {
  std::int64_t queue_limit = -1;  ///< waiting requests at most, then rejection; -1: no limit
  double request_overhead_s = 0;  ///< tokenising, HTTP; before the queue
  std::variant<FifoOptions, BatchOptions, StreamOptions, SlotOptions, ContinuousOptions> options;
};
[[nodiscard]] inline EngineKind kind_of(const Engine& engine) {
  return static_cast<EngineKind>(engine.options.index());
}

/// Whether it finds the beginnings of prompts again in its own cache.
[[nodiscard]] bool caches_prefixes(const Engine& engine);
/// Steps that a server can have in hand at once, whichever wait for the host or the GPU.
[[nodiscard]] int most_steps_at_once(const Engine& engine);
/// Whether several of them may be on the GPU at once: instances of a network in one process.
[[nodiscard]] bool steps_side_by_side(const Engine& engine);

}  // namespace gpushare
