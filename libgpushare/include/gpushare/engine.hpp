#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/model.hpp"

namespace gpushare {

enum class EngineKind : std::uint8_t {
  fifo,
  dynamic_batching,
  stream_batching,
  autoregressive_slots,
  continuous_batching
};
[[nodiscard]] std::string_view to_string(EngineKind kind);

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

/// A server's batching policy. Fields of other kinds are ignored; the reader refuses them.
struct Engine {
  EngineKind kind = EngineKind::fifo;
  std::int64_t queue_limit = -1;  ///< waiting requests at most, then rejection; -1: no limit

  int concurrency = 1;  ///< fifo: steps in flight

  int max_batch = 1;                 ///< dynamic and stream batching: items of a step
  std::vector<int> preferred_batch;  ///< dynamic: sizes dispatched at once
  double max_queue_delay_s = 0;      ///< dynamic and stream: how long the oldest waits for a larger batch

  double chunk_s = 0.16;          ///< stream: audio of one chunk
  double speech_speed = 1;        ///< stream: seconds of audio that arrive in a second
  int max_streams = 0;            ///< stream: open streams at most, then queueing; 0: no limit
  bool overlap_decoding = false;  ///< stream: the host works on a step's results beside the next step

  int slots = 0;                  ///< autoregressive: batch profile; 0: the largest that fits
  double first_chunk_frames = 8;  ///< autoregressive: codec frames before the first audio
  double chunk_frames = 2.5;      ///< autoregressive: codec frames of each further chunk
  double chunk_growth = 0;  ///< autoregressive: share by which chunks grow with every stream beyond the first

  int max_num_seqs = 256;             ///< continuous: running sequences
  int max_num_batched_tokens = 2048;  ///< continuous: tokens of one iteration
  int block_size = 16;                ///< continuous: tokens of a KV block
  double gpu_memory_utilization =
      0;  ///< continuous: share of the partition's memory that the process takes, as vLLM
          ///< has it; 0: 0.9 over the number of LLM processes that share the memory
  std::int64_t kv_blocks = 0;  ///< continuous: 0: what the memory leaves
  double watermark = 0.01;     ///< continuous: share of blocks kept free at admission
  double host_per_step_s = 0, host_per_sequence_s = 0;  ///< continuous: scheduler and sampler
  double request_overhead_s = 0;                        ///< any: tokenising, HTTP; before the queue
  /// continuous: one thread takes requests in and sends tokens out, first come first served, beside the steps: its time
  /// for each request and for each token
  double frontend_request_s = 0, frontend_token_s = 0;
  double prefix_cache_share =
      0;  ///< continuous: share of prompt tokens found in the cache, whatever they are

  std::string preset;           ///< continuous: name of the server whose defaults these are; empty: none
  bool chunked_prefill = true;  ///< continuous: prompts are split over iterations where the budget is short
  int max_num_partial_prefills = 1;      ///< continuous: prompts in the middle of their prefill at most
  int long_prefill_token_threshold = 0;  ///< continuous: tokens of one prompt in an iteration; 0: the budget
  bool prefill_first = false;  ///< continuous: prompts go in iterations of their own, before any decode
  bool reserve_output =
      false;  ///< continuous: admits what fits the cache with its whole output; preempts nothing
  /// continuous: an iteration is planned while the one before runs: requests that come then join the next but one, and
  /// who has ended takes part once more (vLLM V1 with asynchronous scheduling)
  bool async_scheduling = false;
  /// continuous: tokens leave the server when the next iteration ends, in which who has ended still takes part (vLLM V0
  /// with asynchronous output processing)
  bool async_output = false;
  bool priority_scheduling =
      false;  ///< continuous: preempts the least urgent, then latest, instead of the latest
  int cuda_graph_max_batch =
      0;  ///< continuous: decodes up to so many are padded to 1, 2, 4, 8, 16, 24, ...; 0: none
  bool prefix_caching =
      false;                ///< continuous: blocks of equal prefixes are kept and shared, least recently used
  Speculation speculation;  ///< continuous
};

}  // namespace gpushare
