#include "core/plausible.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace gpushare {
namespace {

constexpr double kDay = 86400;
constexpr std::string_view kSeconds = "seconds", kBytes = "bytes", kTokens = "tokens", kPercent = "per cent";
constexpr std::string_view kShare = "as a share of 1", kRate = "requests a second", kFlops = "FLOP a second";
constexpr std::string_view kBytesPerS = "bytes a second", kPrice = "dollars an hour", kHertz = "hertz";
constexpr std::string_view kNothing;

// Bounds are wide: an order of magnitude beyond what public servers, cards and traces show, and narrow enough that a slip
// by a thousand leaves them.
constexpr auto kRanges = std::to_array<Plausible>({
    {"acceptance", 0.05, 1, kShare, "a draft's guesses that are kept"},
    {"activation_bytes", 1e6, 2e11, kBytes, "activations and workspace of a process"},
    {"active_thread_percentage", 1, 100, kPercent, "the SMs that an MPS client may use"},
    {"at_s", 0.001, 31 * kDay, kSeconds, "the time of a fault"},
    {"attention_floor_s", 1e-6, 0.2, kSeconds, "the attention of one step of a network"},
    {"audio_s_per_token", 0.1, 2, kSeconds, "the speech of one token"},
    {"backoff_s", 0.01, 300, kSeconds, "the wait before a request is sent again"},
    {"bandwidth_bytes_per_s", 1e9, 3e13, kBytesPerS, "memories and links of GPUs"},
    {"bandwidth_w", 5, 3000, "watts", "the draw of a card's memory"},
    {"beside_per_sequence_s", 1e-8, 0.01, kSeconds, "CPU time of one sequence in one iteration"},
    {"beside_per_step_s", 1e-7, 0.1, kSeconds, "CPU time of one iteration"},
    {"bf16", 1e11, 1e17, kFlops, "a card's rate in this precision"},
    {"block_s", 0.1, kDay, kSeconds, "the time that a rate of arrivals lasts"},
    {"boot_s", 1, 7200, kSeconds, "the boot of a node"},
    {"bytes_per_unit", 1, 1e13, kBytes, "HBM traffic of one unit of work"},
    {"carbon_g_per_kwh", 1, 2000, "grams a kilowatt-hour", "the CO2 of electricity"},
    {"chunk_growth", 1e-4, 1, kShare, "growth of a chunk with every stream"},
    {"chunk_s", 0.01, 60, kSeconds, "a chunk of speech"},
    {"clock_hz", 1e8, 1e10, kHertz, "clocks of GPUs"},
    {"clock_s", 0, 366 * kDay, kSeconds, "the time of arrivals at which a run begins"},
    {"compute_w", 10, 5000, "watts", "the draw of a card's SMs"},
    {"context_bytes", 1e7, 1e10, kBytes, "a process's CUDA context"},
    {"cores", 1, 4096, kNothing, "CPU cores of a host"},
    {"delay_s", 1e-4, 30, kSeconds, "fixed delays such as a network's or a voice detector's"},
    {"duration_s", 0.01, 31 * kDay, kSeconds, "a simulated run"},
    {"eager_kernel_s", 1e-8, 0.001, kSeconds, "the launch of one kernel"},
    {"elementwise_bytes_per_token", 1e3, 1e10, kBytes, "elementwise work on a token"},
    {"elementwise_floor_s", 1e-6, 0.2, kSeconds, "the elementwise work of one step of a network"},
    {"engine_s", 0.01, 3600, kSeconds, "the start of a server"},
    {"every_s", 0.1, 3600, kSeconds, "the time between two looks at a fleet"},
    {"expert_bytes", 1e6, 1e13, kBytes, "weights of experts"},
    {"extra_bytes", 1e6, 1e14, kBytes, "expanded weights"},
    {"first_sentence_tokens", 1, 2000, kTokens, "a sentence"},
    {"floor_s", 1e-6, 2, kSeconds, "the latency-bound part of one step of a network"},
    {"flop_per_audio_s", 1e6, 1e15, "FLOP", "the work on a second of audio"},
    {"flop_per_token", 1e6, 1e14, "FLOP", "the work on a token"},
    {"flop_per_unit", 1e3, 1e17, "FLOP", "the work on a unit"},
    {"for_s", 1, kDay, kSeconds, "the time that a load has to stay"},
    {"fp16", 1e11, 1e17, kFlops, "a card's rate in this precision"},
    {"fp32", 1e11, 1e17, kFlops, "a card's rate in this precision"},
    {"fp64", 1e9, 1e17, kFlops, "a card's rate in this precision"},
    {"fp8", 1e11, 1e17, kFlops, "a card's rate in this precision"},
    {"frame_bytes", 1, 1e12, kBytes, "HBM traffic of a frame"},
    {"frame_floor_s", 1e-6, 0.5, kSeconds, "one frame of synthesis"},
    {"frame_flop", 1e3, 1e14, "FLOP", "one frame of synthesis"},
    {"frame_weight_bytes", 1e4, 1e12, kBytes, "weights that a frame reads"},
    {"frames_per_s", 0.5, 500, "frames a second", "audio codecs"},
    {"from_s", 0.001, 31 * kDay, kSeconds, "the time of a change"},
    {"frontend_request_s", 1e-6, 0.5, kSeconds, "a server's frontend on one request"},
    {"frontend_token_s", 1e-8, 0.01, kSeconds, "a server's frontend on one token"},
    {"gap_shape", 0.02, 1000, kNothing, "shapes of gaps between arrivals"},
    {"gap_shapes", 0.02, 1000, kNothing, "shapes of gaps between arrivals"},
    {"gemm_floor_s", 1e-6, 0.1, kSeconds, "ramps of matrix products"},
    {"gpu_fraction", 0.01, 1, kShare, "a process's part of a GPU's time"},
    {"gpu_memory_utilization", 0.02, 1, kShare, "the memory that an LLM server takes"},
    {"gpu_s", 1e-7, 60, kSeconds, "one step on a GPU"},
    {"grace_s", 0.1, kDay, kSeconds, "the time that a replica has to finish"},
    {"high_per_s", 1e-5, 1e4, kRate, "arrivals"},
    {"history_limit_tokens", 10, 1e7, kTokens, "the history of a conversation"},
    {"hold_s", 1, kDay, kSeconds, "a load test"},
    {"host_after_s", 1e-7, 0.5, kSeconds, "CPU time of one step"},
    {"host_before_s", 1e-7, 0.5, kSeconds, "CPU time of one step"},
    {"host_per_item_s", 1e-8, 0.1, kSeconds, "CPU time of one item of a step"},
    {"host_per_sequence_s", 1e-8, 0.01, kSeconds, "CPU time of one sequence in one iteration"},
    {"host_per_step_s", 1e-7, 0.1, kSeconds, "CPU time of one step or iteration"},
    {"host_per_stream_s", 1e-8, 0.1, kSeconds, "CPU time of one stream in one step"},
    {"idle_start_s", 1e-5, 1, kSeconds, "a server's host before its first iteration"},
    {"idle_w", 1, 500, "watts", "an idle card"},
    {"image_bytes", 1e6, 2e11, kBytes, "the image of a container"},
    {"image_bytes_per_s", 1e6, 1e11, kBytesPerS, "the pull of an image"},
    {"input", 1, 2e6, kTokens, "a prompt"},
    {"input_tokens", 1, 2e6, kTokens, "a prompt"},
    {"int4", 1e11, 1e17, kFlops, "a card's rate in this precision"},
    {"int8", 1e11, 1e17, kFlops, "a card's rate in this precision"},
    {"kernel_s", 1e-9, 1e-4, kSeconds, "the gap between two kernels"},
    {"kernel_saving_s", 1e-9, 1e-4, kSeconds, "the gap between two kernels"},
    {"kv_bytes_per_token", 100, 1e8, kBytes, "the KV cache of one token"},
    {"l2_bytes", 1e5, 2e9, kBytes, "second-level caches of GPUs"},
    {"latency_s", 1e-7, 1e-3, kSeconds, "links between GPUs"},
    {"launch_per_sequence_s", 1e-8, 0.01, kSeconds, "launches for one sequence"},
    {"launch_s", 1e-8, 0.1, kSeconds, "launches of kernels"},
    {"leak_bytes_per_s", 1e3, 1e11, kBytesPerS, "memory leaks"},
    {"lease_s", 1e-3, 60, kSeconds, "the turn of a process that shares a GPU"},
    {"limit_w", 10, 5000, "watts", "power limits of cards"},
    {"low_per_s", 1e-5, 1e4, kRate, "arrivals"},
    {"max_queue_delay_s", 1e-6, 5, kSeconds, "a server's wait for a larger batch"},
    {"mean_s", 60, 1e10, kSeconds, "the time until a node with a spot price is taken away"},
    {"memory_bytes", 2e7, 1e12, kBytes, "a process's or a card's memory"},
    {"memory_headroom", 0.005, 0.8, kShare, "memory kept free"},
    {"memory_limit_bytes", 2e7, 1e12, kBytes, "a process's memory"},
    {"memory_per_item_bytes", 1e3, 1e11, kBytes, "memory of one item of a batch"},
    {"mode_change_s", 0.1, 3600, kSeconds, "a reset of a GPU"},
    {"mtbf_s", 60, 1e10, kSeconds, "the time in service between two faults"},
    {"nominal_memory_bytes", 5e8, 2e12, kBytes, "a card's memory"},
    {"notice_s", 1, 3600, kSeconds, "the notice before a node is taken away"},
    {"one_shot_latency_s", 1e-7, 1e-3, kSeconds, "links between GPUs"},
    {"output", 1, 5e5, kTokens, "a reply"},
    {"output_tokens", 1, 5e5, kTokens, "a reply"},
    {"padding_s", 1e-3, 120, kSeconds, "context that a recogniser encodes again"},
    {"pcie_bytes_per_s", 1e8, 1e13, kBytesPerS, "a card's link to its host"},
    {"pcie_bytes_per_unit", 1, 1e10, kBytes, "traffic of one unit on the link"},
    {"period_s", 0.1, 366 * kDay, kSeconds, "the period of arrivals"},
    {"piecewise_kernel_s", 1e-8, 0.001, kSeconds, "the launch of one kernel"},
    {"plan_s", 0.01, 600, kSeconds, "the time over which turns on a GPU are planned"},
    {"prefill_floor_s", 1e-6, 2, kSeconds, "the encoding of a text"},
    {"prefill_per_stream_s", 1e-7, 0.2, kSeconds, "the encoding of one stream's text"},
    {"prefix_cache_share", 0.001, 1, kShare, "prompt tokens found in the cache"},
    {"price_per_gpu_hour", 0.02, 200, kPrice, "the rent of a GPU"},
    {"prompt_host_s", 1e-7, 0.5, kSeconds, "CPU time before a prompt's iteration"},
    {"queue_limit", -1, 1e6, kNothing, "requests that wait"},
    {"ramp_down_s", 0.1, 7200, kSeconds, "the end of a load test"},
    {"ramp_up_s", 0.1, 7200, kSeconds, "the start of a load test"},
    {"rate_per_s", 1e-5, 1e4, kRate, "arrivals"},
    {"rates_per_s", 1e-5, 1e4, kRate, "arrivals"},
    {"read_bytes", 1e6, 1e13, kBytes, "weights that a step reads"},
    {"ready_w", 1, 500, "watts", "a card whose processes do nothing"},
    {"recut_s", 0.01, 600, kSeconds, "destroying and creating instances"},
    {"refill_s", 1e-7, 0.01, kSeconds, "the refill of a cache after a hand-over"},
    {"remove_after_add_s", 1, kDay, kSeconds, "the delay before a node goes"},
    {"remove_after_s", 1, kDay, kSeconds, "the delay before a node goes"},
    {"reply_tokens", 1, 5e4, kTokens, "a spoken reply"},
    {"request_overhead_s", 1e-6, 2, kSeconds, "a server's work on a request before it queues"},
    {"response_s", 0.01, 120, kSeconds, "the wait for a reply"},
    {"repair_s", 0.1, 3e6, kSeconds, "the repair of a GPU or a node"},
    {"restart_s", 0.1, 3600, kSeconds, "the restart of a server"},
    {"schedule_period_s", 1, 31 * kDay, kSeconds, "the period of a schedule"},
    {"sentence_tokens", 2, 1000, kTokens, "a sentence"},
    {"silence_s", 0.01, 300, kSeconds, "a pause in a conversation"},
    {"slice_s", 1e-5, 0.5, kSeconds, "time slices of GPUs"},
    {"speech_s", 0.05, 4000, kSeconds, "an utterance or a recording"},
    {"speech_speed", 0.05, 500, "seconds of audio a second", "the pace of speech"},
    {"speed", 1e-4, 1e5, kNothing, "the pace of a replay"},
    {"spike_per_s", 1e-5, 1e4, kRate, "arrivals"},
    {"spike_s", 0.1, kDay, kSeconds, "a spike of traffic"},
    {"spike_share", 0.001, 1, kShare, "the time in spikes"},
    {"stage_s", 0.1, kDay, kSeconds, "a stage of a load test"},
    {"starts_s", 0, 366 * kDay, kSeconds, "the start of a rate"},
    {"switch_idle_s", 1e-7, 0.02, kSeconds, "hand-overs between processes of a GPU"},
    {"switch_preempted_s", 1e-7, 0.02, kSeconds, "hand-overs between processes of a GPU"},
    {"system_prompt_tokens", 1, 1e6, kTokens, "a system prompt"},
    {"system_tokens", 1, 1e6, kTokens, "a system prompt"},
    {"tf32", 1e11, 1e17, kFlops, "a card's rate in this precision"},
    {"think_s", 0.01, 600, kSeconds, "a user's pause between requests"},
    {"timeout_s", 0.1, 7200, kSeconds, "a client's wait for an answer"},
    {"transitions_per_s", 1e-6, 1e3, "changes a second", "changes of a rate of arrivals"},
    {"turns", 1, 1000, "turns", "a conversation"},
    {"turns_per_session", 1, 1e5, "turns", "a conversation"},
    {"units", 0.01, 10000, "units", "the texts, images or seconds of one request"},
    {"until_s", 0.001, 31 * kDay, kSeconds, "the time of a change"},
    {"user_tokens_per_s", 0.5, 10, "tokens a second", "speech"},
    {"users", 1, 1e5, "users", "a closed loop"},
    {"vocoder_bytes_per_frame", 1, 1e12, kBytes, "HBM traffic of a frame's vocoder"},
    {"vocoder_floor_s", 1e-7, 0.5, kSeconds, "one run of a vocoder"},
    {"vocoder_flop_per_frame", 1e3, 1e14, "FLOP", "a frame's vocoder"},
    {"warm_up_s", 0.001, 3600, kSeconds, "the warm-up of a server"},
    {"warmup_s", 0.001, kDay, kSeconds, "a warm-up"},
    {"watermark", 1e-4, 0.5, kShare, "blocks of a cache kept free"},
    {"weight_bytes", 1e5, 1e13, kBytes, "a network's weights"},
    {"weights_bytes_per_s", 1e6, 1e12, kBytesPerS, "the reading of weights"},
    {"window_s", 1, kDay, kSeconds, "a window of arrivals"},
});

/// Another unit in which people write such values: a value of it times `factor` is one in the unit asked for.
struct OtherUnit {
  std::string_view unit, named;
  double factor;
};
// The likeliest first.
constexpr auto kOthers = std::to_array<OtherUnit>({
    {kSeconds, "milliseconds", 1e-3},
    {kSeconds, "microseconds", 1e-6},
    {kSeconds, "nanoseconds", 1e-9},
    {kSeconds, "minutes", 60},
    {kSeconds, "hours", 3600},
    {kBytes, "GB", 1e9},
    {kBytes, "MB", 1e6},
    {kBytes, "kB", 1e3},
    {kBytesPerS, "GB a second", 1e9},
    {kBytesPerS, "MB a second", 1e6},
    {kBytesPerS, "TB a second", 1e12},
    {kFlops, "TFLOP a second", 1e12},
    {kFlops, "GFLOP a second", 1e9},
    {"FLOP", "GFLOP", 1e9},
    {"FLOP", "TFLOP", 1e12},
    {kHertz, "MHz", 1e6},
    {kHertz, "GHz", 1e9},
    {"watts", "kilowatts", 1e3},
    {"watts", "milliwatts", 1e-3},
    {kPercent, "shares of 1", 100},
    {kShare, "per cent", 0.01},
    {kRate, "requests a minute", 1.0 / 60},
    {kRate, "requests an hour", 1.0 / 3600},
    {kRate, "requests a day", 1.0 / kDay},
    {kTokens, "thousands of tokens", 1e3},
    {kPrice, "dollars a month", 1.0 / 720},
    {kPrice, "cents an hour", 0.01},
    {kPrice, "dollars a year", 1.0 / 8760},
    {kPrice, "dollars a second", 3600},
    {kPrice, "dollars a minute", 60},
});

bool holds(const Plausible& range, double value) { return value >= range.least && value <= range.most; }

std::string meant(const Plausible& range, double value) {
  for (const OtherUnit& other : kOthers)
    if (other.unit == range.unit && holds(range, value * other.factor))
      return text::format("; if it is in {}, write {:.6g}", other.named, value * other.factor);
  return "";
}

}  // namespace

std::span<const Plausible> plausible_ranges() { return kRanges; }

const Plausible* plausible_range(std::string_view key) {
  const auto found =
      std::find_if(kRanges.begin(), kRanges.end(), [&](const Plausible& range) { return range.key == key; });
  return found == kRanges.end() ? nullptr : &*found;
}

std::optional<std::string> implausible(const Plausible& range, double value) {
  if (value == 0 || holds(range, value)) return std::nullopt;
  const std::string unit = range.unit.empty() ? "" : text::format(" {}", range.unit);
  return text::format("{:.6g}{} is implausible for {} ({:.6g} to {:.6g}{}){}", value, unit, range.what,
                      range.least, range.most, unit, meant(range, value));
}

}  // namespace gpushare
