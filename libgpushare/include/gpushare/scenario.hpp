#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/arrivals.hpp"
#include "gpushare/calls.hpp"
#include "gpushare/mig.hpp"
#include "gpushare/model.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/sharing.hpp"
#include "gpushare/trace.hpp"

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

enum class Routing : std::uint8_t {
  round_robin,
  least_outstanding,
  shared_queue,
  user_affinity,
  random,
  power_of_two,  ///< two replicas at random, the one with fewer outstanding
  prefix_affine  ///< the replica whose cache holds most of the prompt, unless it has far more outstanding
};

/// Model + engine + replicas.
struct Service {
  std::string name;
  std::shared_ptr<const Model> model;
  Precision precision = Precision::fp16;
  Engine engine;
  int replicas = 1;
  int tensor_parallel = 1;  ///< LLM: GPUs of a replica, with a process on each
  Routing routing = Routing::round_robin;
  double memory_bytes = 0;  ///< of one process; 0: what the model and engine need
};

enum class Trigger : std::uint8_t { finish, first_output, sentence };

/// A step of a request's way: a visit to a service, or a fixed delay.
struct Stage {
  std::string name;
  int service = -1;      ///< index into Scenario::services; -1: a delay
  Distribution delay_s;  ///< of a delay
  int after = -1;        ///< stage it follows; -1: the request's arrival
  Trigger on =
      Trigger::finish;  ///< of that stage; `sentence` makes one job of each sentence the LLM completes
  bool worker = false;  ///< a visit holds one of the pipeline's workers, and waits for it
  int sentence_tokens = 20;
  double audio_s_per_token = 0.3;  ///< synthesis: speech of one LLM token
};

struct Pipeline {
  std::string name;
  std::vector<Stage> stages;
  int workers =
      0;  ///< threads of the client or gateway, shared by all requests, first come first served; 0: no limit
};

/// Sizes of a request, drawn for each.
struct RequestSizes {
  Distribution input_tokens = constant(0);
  Distribution output_tokens = constant(0);
  Distribution speech_s = constant(0);  ///< the user's utterance
  Distribution units = constant(1);     ///< texts, images, seconds: what the batch model counts
  int priority = 0;                     ///< lower is served first by fifo engines (non-preemptive)
};

struct Traffic {
  enum class Kind : std::uint8_t { open, closed, trace, calls };
  Kind kind = Kind::open;
  std::string name;
  int pipeline = 0;
  RequestSizes sizes;

  ArrivalProcess arrivals;  ///< open

  int users = 0;  ///< closed
  double ramp_up_s = 0, ramp_down_s = 0;
  std::optional<double> hold_s;        ///< closed; nullopt: what duration_s and the ramps leave
  Distribution think_s = constant(0);  ///< closed: after a refusal or a failure at least half a second
  int turns_per_session = 1;           ///< closed: history is forgotten after so many turns
  bool history = false;                ///< closed: prompts carry what was said before
  double history_limit_tokens = 0;     ///< 0: no limit
  bool playback = false;               ///< closed: the next turn waits until the reply was played out
  double system_prompt_tokens = 0;  ///< open, closed: first tokens of every prompt that are the same for many
  int system_prompts = 1;           ///< open, closed: how many such beginnings there are, drawn evenly

  std::shared_ptr<const Trace> trace;  ///< trace
  double speed = 1;            ///< trace: its arrivals are replayed so much faster, its delays are not
  bool follow_parents = true;  ///< trace: a request waits until its parent has ended

  std::shared_ptr<const std::vector<VoiceCall>> calls;  ///< calls: those of a file; null: drawn from `recipe`
  CallRecipe recipe;                                    ///< calls
  bool hold_stream = false;  ///< closed, calls: one stream of recognition for all turns, silence and all
};

struct ProcessPlacement {
  int service = 0;
  double active_thread_percentage = 100;  ///< MPS
  double memory_limit_bytes = 0;          ///< MPS; 0: none
};

struct PartitionPlacement {
  Sharing sharing;
  std::vector<ProcessPlacement> processes;
};

struct GpuPlacement {
  std::shared_ptr<const GpuProfile> profile;
  Layout layout;
  std::vector<PartitionPlacement> partitions;  ///< one for each of partitions(profile, layout)
};

/// A process that fails at a time, or when a leak has filled its memory.
struct Fault {
  int service = 0;
  int replica = 0;
  double at_s = 0;  ///< start of the leak when leak_bytes_per_s > 0
  double leak_bytes_per_s = 0;
  double restart_s = 60;
  bool contained = false;  ///< time-slicing: only this process dies, not all that share the partition
};

/// GPUs, services, pipelines, traffic, horizon and seed: one document.
struct Scenario {
  std::string name;
  std::string description;
  std::string mode;  ///< as shown in tables: "dedicated", "mig:3g.40gb+3g.40gb", ...
  std::vector<Service> services;
  std::vector<Pipeline> pipelines;
  std::vector<Traffic> traffic;
  std::vector<GpuPlacement> gpus;
  std::vector<Fault> faults;
  int host_cores = 0;  ///< 0: no limit
  double warmup_s = 0;
  double duration_s = 0;  ///< arrivals and measurement end here; the rest drains
  double price_per_gpu_hour = 0;
  int baseline_gpus = 0;  ///< GPUs of the dedicated placement, for `gpus_freed`
  std::uint64_t seed = 1;
  std::vector<std::string> modes;  ///< the document's own named modes, in its order
  std::string document;            ///< the JSON it was read from, with the mode applied
};

/// How the files are read that a document names. A program that knows more formats than the library puts its own here.
struct FileReaders {
  std::vector<std::string> trace_formats = gpushare::trace_formats();  ///< legal as a trace's "format"
  std::function<Trace(const std::string& path, const std::string& format)> trace =
      [](const std::string& path, const std::string& format) {
        TraceOptions options;
        options.format = format;
        return load_trace(path, options);
      };
  std::function<std::vector<VoiceCall>(const std::string& path)> calls = load_calls;
};

/// Reads a scenario by file path or by name ("voice-heavy"), with the document's own placement or another mode:
/// a mode of the document, or "dedicated", "time-slicing[:REPLICAS]", "mps[:PERCENT/PERCENT...]", "mig:LAYOUT[/time-slicing|/mps]".
/// Relative paths in it (traces, models) start at the document's folder. Throws ScenarioError with file and JSON pointer.
[[nodiscard]] Scenario load_scenario(const std::string& name_or_path, const std::string& mode = {},
                                     const FileReaders& files = {});
[[nodiscard]] Scenario parse_scenario(std::string_view json, const std::string& mode = {},
                                      const std::string& source = {}, const std::string& folder = {},
                                      const FileReaders& files = {});
[[nodiscard]] std::vector<std::string> scenario_names();

/// Memory a process of the service takes on such a partition, by part, in bytes; `total` is what admission adds up.
struct MemoryNeed {
  double weights = 0, cache = 0, activations = 0, context = 0;
  double total = 0;
  std::int64_t kv_blocks = 0;  ///< continuous batching: blocks that the cache holds
  int slots = 0;               ///< autoregressive slots: the batch profile that is loaded
};
/// Of one process that has the partition to itself, but for `sharers` - 1 other LLM processes that an LLM leaves room for.
[[nodiscard]] MemoryNeed memory_need(const Service& service, const GpuProfile& profile,
                                     const Partition& partition, int sharers);

/// Of every process of a GPU beside its neighbours, by partition and process: MPS limits are kept, and batch profiles
/// left open are the largest that fit. What does not fit is there too: check_memory refuses it.
[[nodiscard]] std::vector<std::vector<MemoryNeed>> memory_needs(const std::vector<Service>& services,
                                                                const GpuPlacement& gpu);

/// Throws MemoryError with the sum when a partition's processes do not fit it, or LayoutError for too many MPS clients.
void check_memory(const Scenario& scenario);

}  // namespace gpushare
