#include "gpushare/figures.hpp"

#include <algorithm>
#include <limits>

#include "results/figure_names.hpp"
#include "results/figure_values.hpp"

namespace gpushare {
namespace {

using Kind = FigureKind;

constexpr FigureRow<Summary> kRun[] = {
    {{"duration_s", "s", Kind::time, Better::neither, "measured\ns", 1, 0, "window that was measured"},
     field<&Summary::duration_s>},
    {{"arrived", "requests", Kind::count, Better::neither, "arrived", 1, 0,
      "requests that users or traces made"},
     field<&Summary::arrived>},
    {{"completed", "requests", Kind::count, Better::higher, "completed", 1, 0, "requests that were answered"},
     field<&Summary::completed>},
    {{"rejected", "requests", Kind::count, Better::lower, "rejected", 1, 0, "requests that were turned away"},
     field<&Summary::rejected>},
    {{"failed", "requests", Kind::count, Better::lower, "failed", 1, 0,
      "requests that a process took with it, or whose client gave up"},
     field<&Summary::failed>},
    {{"timed_out", "requests", Kind::count, Better::lower, "timed\nout", 1, 0,
      "of those failed, requests whose client gave up on the last attempt; where clients may"},
     if_counted<&Summary::timed_out>},
    {{"retried", "attempts", Kind::count, Better::lower, "sent\nagain", 1, 0,
      "attempts that repeat one that got no answer; where clients may ask again"},
     if_counted<&Summary::retried>},
    {{"skipped", "requests", Kind::count, Better::lower, "skipped", 1, 0,
      "requests never sent, because the one that they follow got no answer"},
     field<&Summary::skipped>},
    {{"unfinished", "requests", Kind::count, Better::lower, "unfinished", 1, 0,
      "requests that still wait when every event was handled"},
     field<&Summary::unfinished>},
    {{"late", "requests", Kind::count, Better::lower, "late", 1, 0,
      "requests answered only after the window, of traffic that its servers cannot keep up with: no "
      "successes"},
     field<&Summary::late>},
    {{"offered_rate", "requests/s", Kind::rate, Better::neither, "offered\nreq/s", 1, -1,
      "requests that arrived in the window, a second, with attempts that were sent again"},
     field<&Summary::offered_rate>},
    {{"request_throughput", "requests/s", Kind::rate, Better::higher, "req/s", 1, -1,
      "requests completed in the window, a second"},
     field<&Summary::request_throughput>},
    {{"backlog", "requests", Kind::count, Better::lower, "back-\nlog", 1, 0,
      "requests in the system when the window ended"},
     field<&Summary::backlog>},
    {{"backlog_growth", "requests/s", Kind::rate, Better::lower, "backlog\ngrowth/s", 1, -1,
      "growth of the backlog from the middle of the window to its end, a second"},
     field<&Summary::backlog_growth>},
    {{"output_token_throughput", "tokens/s", Kind::rate, Better::higher, "tok/s", 1, 0,
      "output tokens of the requests completed in the window, a second"},
     field<&Summary::output_token_throughput>},
    {{"success_rate", "", Kind::share, Better::higher, "success\n%", 100, 1,
      "completed of the arrived requests, less those that were late"},
     field<&Summary::success_rate>},
    {{"goodput", "", Kind::share, Better::higher, "good\n%", 100, 1,
      "requests that were answered with every latency of theirs within the bound of each objective, of those "
      "that arrived in the window; where an objective bounds a latency"},
     if_counted<&Summary::goodput>},
    {{"goodput_rate", "requests/s", Kind::rate, Better::higher, "good\nreq/s", 1, -1,
      "such requests completed in the window, a second"},
     if_counted<&Summary::goodput_rate>},
    {{"faults", "faults", Kind::count, Better::neither, "faults", 1, 0,
      "faults that happened; where a scenario has any"},
     if_counted<&Summary::faults>},
    {{"failed_by_faults", "requests", Kind::count, Better::lower, "failed\nby faults", 1, 0,
      "of those failed, requests whose last attempt a fault ended: their server went down, or all that were "
      "left "
      "were; where a scenario has faults"},
     if_counted<&Summary::failed_by_faults>},
    {{"error_budget_used", "", Kind::number, Better::lower, "budget\nused", 1, -1,
      "requests without success, of those that the objective for success_rate allows; more than 1 when it is "
      "missed"},
     if_counted<&Summary::error_budget_used>},
    {{"gpus_used", "GPUs", Kind::count, Better::lower, "GPUs", 1, 0,
      "GPUs that were on in the window, at most at once"},
     field<&Summary::gpus_used>},
    {{"gpus_freed", "GPUs", Kind::count, Better::higher, "freed", 1, 0,
      "GPUs fewer than one for each server would take"},
     field<&Summary::gpus_freed>},
    {{"request_throughput_per_gpu", "requests/s", Kind::rate, Better::higher, "req/s\nper GPU", 1, -1,
      "request_throughput over the GPUs that were on, on average"},
     field<&Summary::request_throughput_per_gpu>},
    {{"gpu_hours", "GPU-hours", Kind::number, Better::lower, "GPU\nhours", 1, 2,
      "hours that GPUs were on, in the window"},
     field<&Summary::gpu_hours>},
    {{"cost_per_month", "$/month", Kind::money, Better::lower, "$ per\nmonth", 1, 0,
      "price of as many GPU-hours in 720 hours as in the window"},
     field<&Summary::cost_per_month>},
    {{"cost_per_1000_requests", "$/1000 requests", Kind::money, Better::lower, "$ per 1000\nrequests", 1, -1,
      "price of the GPU-hours in which 1000 requests are completed"},
     field<&Summary::cost_per_1000_requests>},
    {{"energy_kwh", "kWh", Kind::number, Better::lower, "kWh", 1, -1,
      "electricity of the GPUs in the window: idle power while they are on, and above it what the profile "
      "says of "
      "the FLOP and bytes of steps; where profiles say it"},
     if_counted<&Summary::energy_kwh>},
    {{"mean_power_w", "W", Kind::number, Better::lower, "W", 1, 0,
      "that energy over the length of the window: of all GPUs together"},
     if_counted<&Summary::mean_power_w>},
    {{"energy_per_1000_requests_kwh", "kWh/1000 requests", Kind::number, Better::lower,
      "kWh per 1000\nrequests", 1, -1,
      "that energy, of 1000 requests completed in the window; where any was"},
     if_counted<&Summary::energy_per_1000_requests_kwh>},
    {{"co2_kg", "kg", Kind::number, Better::lower, "kg\nCO2", 1, -1,
      "of that energy, at the document's carbon_g_per_kwh; where it is said"},
     if_counted<&Summary::co2_kg>},
    {{"vram_used_bytes", "bytes", Kind::bytes, Better::neither, "VRAM GB\nused", 1e-9, 1,
      "memory that the processes hold"},
     field<&Summary::vram_used_bytes>},
    {{"vram_allocated_bytes", "bytes", Kind::bytes, Better::neither, "VRAM GB\nall", 1e-9, 0,
      "nominal memory of the GPUs used"},
     field<&Summary::vram_allocated_bytes>},
    {{"stranded_sms", "SMs", Kind::count, Better::lower, "SMs\nunused", 1, 0,
      "SMs of the GPUs with a process that none can use: cut off by MIG, or in an empty instance"},
     field<&Summary::stranded_sms>},
    {{"stranded_memory_bytes", "bytes", Kind::bytes, Better::lower, "GB\nunused", 1e-9, 0,
      "likewise of their nominal memory"},
     field<&Summary::stranded_memory_bytes>},
    {{"audio_gap_s_per_request", "s", Kind::time, Better::lower, "gaps\nms", 1e3, 1,
      "speech that came later than its playout, by completed request"},
     field<&Summary::audio_gap_s_per_request>},
    {{"audio_gap_rate", "", Kind::share, Better::lower, "late\naudio %", 100, 1,
      "chunks of speech that came later than their playout"},
     field<&Summary::audio_gap_rate>},
    {{"events", "events", Kind::count, Better::neither, "events", 1, 0, "events that the simulation handled"},
     field<&Summary::events>},
    {{"conservation_error", "", Kind::number, Better::lower, "requests\nerror", 1, -1,
      "relative error of: arrived requests are completed, rejected, failed, skipped or unfinished"},
     field<&Summary::conservation_error>},
    {{"littles_law_error", "", Kind::number, Better::lower, "Little\nerror", 1, -1,
      "relative error of Little's law, the worst of the services"},
     field<&Summary::littles_law_error>},
    {{"work_conservation_error", "", Kind::number, Better::lower, "work\nerror", 1, -1,
      "relative error of: work submitted is work done, and no GPU idles with work, the worst of the "
      "partitions"},
     field<&Summary::work_conservation_error>},
    {{"gpu_busy", "", Kind::share, Better::neither, "GPU\nbusy %", 100, 0,
      "share of the time with a kernel running, over the partitions by their memory"},
     over_partitions<&PartitionSummary::busy>},
    {{"bandwidth_utilisation", "", Kind::share, Better::neither, "band-\nwidth %", 100, 0,
      "bytes moved of the peak, over the partitions by their memory"},
     over_partitions<&PartitionSummary::bandwidth_utilisation>},
    {{"compute_utilisation", "", Kind::share, Better::neither, "com-\npute %", 100, 0,
      "FLOP done of the fp16 peak, over the partitions by their memory"},
     over_partitions<&PartitionSummary::compute_utilisation>},
    {{"gpu_switching", "", Kind::share, Better::lower, "swit-\nching %", 100, 0,
      "share of the time spent handing over between processes, over the partitions by their memory"},
     over_partitions<&PartitionSummary::switching>},
};

constexpr FigureRow<LatencySummary> kLatency[] = {
    {{"mean_s", "s", Kind::time, Better::lower, "mean", 1e3, 1, "mean"}, if_any<&LatencySummary::mean>},
    {{"p50_s", "s", Kind::time, Better::lower, "p50", 1e3, 1, "median"}, if_any<&LatencySummary::p50>},
    {{"p90_s", "s", Kind::time, Better::lower, "p90", 1e3, 1, "90th percentile"},
     if_any<&LatencySummary::p90>},
    {{"p95_s", "s", Kind::time, Better::lower, "p95", 1e3, 1, "95th percentile"},
     if_any<&LatencySummary::p95>},
    {{"p99_s", "s", Kind::time, Better::lower, "p99", 1e3, 1, "99th percentile"},
     if_any<&LatencySummary::p99>},
    {{"max_s", "s", Kind::time, Better::lower, "max", 1e3, 1, "largest"}, if_any<&LatencySummary::max>},
    {{"standard_deviation_s", "s", Kind::time, Better::lower, "sd", 1e3, 1, "standard deviation"},
     if_any<&LatencySummary::standard_deviation>},
    {{"jitter_s", "s", Kind::time, Better::lower, "p99-p50", 1e3, 1, "99th percentile less the median"},
     [](const LatencySummary& latency, std::string_view) -> std::optional<double> {
       return latency.count > 0 ? latency.jitter() : std::numeric_limits<double>::quiet_NaN();
     }},
    {{"count", "", Kind::count, Better::neither, "count", 1, 0, "how many were measured"},
     field<&LatencySummary::count>},
};

constexpr LatencyMetric kMetrics[] = {
    {"e2e_latency", "e2e", true, "from a request's arrival to its last stage's end"},
    {"voice_to_voice", "voice to voice", true,
     "from the end of the user's speech to the first audio of the reply"},
    {"queue", "queue", false, "a visit's wait for its first step"},
    {"ttft", "TTFT", true, "from the prompt to the first token"},
    {"tpot", "TPOT", false, "time of an output token after the first, by request"},
    {"stream_open", "stream open", false,
     "from the prompt until who takes the reply sentence by sentence, each after the one before is spoken, "
     "has its last "
     "token"},
    {"after_speech", "after speech", true, "from the end of the utterance to its transcript"},
    {"first_audio", "first audio", true,
     "from the reply's first sentence to its first chunk of speech, wait for a worker and all"},
    {"latency", "latency", true, "a visit, queue and all"},
    {"itl", "ITL", false, "between two tokens of a reply"},
    {"chunk_latency", "chunk", false, "from a chunk of speech heard to its step's end"},
    {"interarrival_jitter", "jitter", false, "RFC 3550 jitter of the chunks that a stream sends"},
    {"first_chunk", "first chunk", true,
     "of any sentence, from its arrival at the server to its first chunk of speech"},
    {"inter_chunk", "inter chunk", false, "between two chunks of speech of a sentence"},
};

constexpr FigureRow<PartitionSummary> kPartition[] = {
    {{"busy", "", Kind::share, Better::neither, "busy", 100, 0, "share of the time with a kernel running",
      true},
     field<&PartitionSummary::busy>},
    {{"switching", "", Kind::share, Better::lower, "switching", 100, 0,
      "share of the time spent handing over between processes", true},
     field<&PartitionSummary::switching>},
    {{"compute_utilisation", "", Kind::share, Better::neither, "compute", 100, 0,
      "FLOP done of the partition's fp16 peak", true},
     field<&PartitionSummary::compute_utilisation>},
    {{"bandwidth_utilisation", "", Kind::share, Better::neither, "bandwidth", 100, 0,
      "bytes moved of the partition's peak", true},
     field<&PartitionSummary::bandwidth_utilisation>},
    {{"memory_used_bytes", "bytes", Kind::bytes, Better::neither, "GB used", 1e-9, 1,
      "memory that the processes hold", true},
     field<&PartitionSummary::memory_used_bytes>},
    {{"memory_allocated_bytes", "bytes", Kind::bytes, Better::neither, "GB", 1e-9, 1,
      "nominal memory of the partition"},
     field<&PartitionSummary::memory_allocated_bytes>},
};

constexpr FigureRow<ServiceSummary> kService[] = {
    {{"replicas", "", Kind::count, Better::neither, "replicas", 1, 0, "servers"},
     field<&ServiceSummary::replicas>},
    {{"mean_in_system", "requests", Kind::number, Better::lower, "in\nsystem", 1, -1,
      "requests queued or in service, over time"},
     field<&ServiceSummary::mean_in_system>},
    {{"mean_batch", "", Kind::number, Better::neither, "batch", 1, -1, "items of a step"},
     field<&ServiceSummary::mean_batch>},
    {{"steps", "steps", Kind::count, Better::neither, "steps", 1, 0, "steps that were planned"},
     field<&ServiceSummary::steps>},
    {{"rejected", "", Kind::count, Better::lower, "rejected", 1, 0,
      "turned away: by a full queue, or longer than the server takes", true},
     field<&ServiceSummary::rejected>},
    {{"preemptions", "", Kind::count, Better::lower, "preempted", 1, 0,
      "sequences that gave up their KV cache and were computed again", true},
     counted},
    {{"rejected_over_context", "", Kind::count, Better::lower, "over context", 1, 0,
      "turned away because prompt and reply are longer than the model's context, max_model_len or an unsplit "
      "budget"},
     if_llm},
    {{"rejected_over_cache", "", Kind::count, Better::lower, "over cache", 1, 0,
      "turned away because prompt and reply are longer than the cache holds"},
     if_llm},
    {{"rejected_queue_full", "", Kind::count, Better::lower, "queue full", 1, 0,
      "turned away by a full queue"},
     if_llm},
    {{"longest_sequence_tokens", "tokens", Kind::count, Better::neither, "longest", 1, 0,
      "prompt and reply of the longest request that every replica takes"},
     if_llm},
    {{"max_num_seqs", "", Kind::count, Better::neither, "sequences", 1, 0,
      "sequences that run at most, of the smallest replica: by card where the server's defaults are"},
     if_llm},
    {{"max_num_batched_tokens", "tokens", Kind::count, Better::neither, "token budget", 1, 0,
      "tokens of an iteration, likewise"},
     if_llm},
    {{"prefix_prompt_tokens", "tokens", Kind::count, Better::neither, "looked up", 1, 0,
      "prompt tokens looked up in the prefix cache"},
     counted},
    {{"prefix_hit_tokens", "tokens", Kind::count, Better::higher, "hits", 1, 0,
      "prompt tokens found in the replica's own prefix cache"},
     counted},
    {{"prefix_evicted_blocks", "blocks", Kind::count, Better::lower, "evicted", 1, 0,
      "cached blocks that gave way to others"},
     counted},
    {{"draft_tokens", "tokens", Kind::count, Better::neither, "guessed", 1, 0,
      "tokens that speculative decoding guessed"},
     counted},
    {{"accepted_tokens", "tokens", Kind::count, Better::higher, "kept", 1, 0,
      "guessed tokens that were kept"},
     counted},
    {{"busy", "", Kind::share, Better::neither, "busy", 100, 0, "share of time a replica has a step in hand"},
     field<&ServiceSummary::busy>},
    {{"availability", "", Kind::share, Better::higher, "up %", 100, 2,
      "share of the time of its replicas in which they were not down after a fault; where a scenario has "
      "faults",
      true},
     if_counted<&ServiceSummary::availability>},
    {{"any_replica_up", "", Kind::share, Better::higher, "any up %", 100, 2,
      "share of the window in which any replica ran; where a scenario has faults"},
     if_counted<&ServiceSummary::any_replica_up>},
    {{"prefix_hit_rate", "", Kind::share, Better::higher, "hits %", 100, 0,
      "prompt tokens found in the prefix cache", true},
     [](const ServiceSummary& service, std::string_view) {
       return ratio(service.count("prefix_hit_tokens"), service.count("prefix_prompt_tokens"));
     }},
    {{"draft_acceptance_rate", "", Kind::share, Better::higher, "accepted %", 100, 0,
      "guessed tokens that were right", true},
     [](const ServiceSummary& service, std::string_view) {
       return ratio(service.count("accepted_tokens"), service.count("draft_tokens"));
     }},
};

template <class Part, std::size_t count>
const FigureRow<Part>* find(const FigureRow<Part> (&rows)[count], std::string_view name) {
  const auto* found =
      std::find_if(std::begin(rows), std::end(rows), [&](const auto& row) { return row.info.name == name; });
  return found == std::end(rows) ? nullptr : found;
}

template <class Part, std::size_t count>
std::optional<double> value_of(const FigureRow<Part> (&rows)[count], const Part& part,
                               std::string_view name) {
  const auto* row = find(rows, name);
  return row == nullptr ? std::nullopt : row->value(part, name);
}

template <class Part, std::size_t count>
std::vector<FigureInfo> infos(const FigureRow<Part> (&rows)[count]) {
  std::vector<FigureInfo> all;
  for (const FigureRow<Part>& row : rows) all.push_back(row.info);
  return all;
}

template <class Part, std::size_t count>
std::optional<FigureInfo> info_of(const FigureRow<Part> (&rows)[count], std::string_view name) {
  const auto* row = find(rows, name);
  return row == nullptr ? std::nullopt : std::optional(row->info);
}

/// Visits the figures of a part, the names of which begin with `prefix`.
template <class Part, std::size_t count>
void visit(const FigureRow<Part> (&rows)[count], const Part& part, const std::string& prefix,
           FigureScope scope, std::size_t index, const std::function<void(const Figure&)>& visitor) {
  for (const FigureRow<Part>& row : rows)
    if (const auto value = row.value(part, row.info.name))
      visitor({prefix + std::string(row.info.name), *value, &row.info, scope, index});
}

/// Visits those of parts that have names.
template <class Part, std::size_t count>
void visit_all(const FigureRow<Part> (&rows)[count], const std::vector<Part>& parts, char separator,
               FigureScope scope, const std::function<void(const Figure&)>& visitor) {
  for (std::size_t i = 0; i < parts.size(); ++i)
    visit(rows, parts[i], parts[i].name + separator, scope, i, visitor);
}

std::optional<FigureInfo> latency_info(std::string_view leaf) {
  for (const LatencyMetric& metric : kMetrics)
    if (leaf.starts_with(metric.name) && leaf.substr(metric.name.size()).starts_with('_'))
      if (const auto info = info_of(kLatency, leaf.substr(metric.name.size() + 1))) return info;
  return std::nullopt;
}

}  // namespace

std::vector<FigureInfo> figures_of(FigureScope scope) {
  switch (scope) {
    case FigureScope::run:
      return infos(kRun);
    case FigureScope::latency:
      return infos(kLatency);
    case FigureScope::partition:
      return infos(kPartition);
    case FigureScope::service:
      return infos(kService);
  }
  return {};
}

std::span<const LatencyMetric> latency_metrics() { return kMetrics; }

const LatencyMetric* metric_of(std::string_view latency) {
  const std::string_view name = latency.substr(latency.rfind('.') + 1);  // npos + 1 is 0
  const auto* found = std::find_if(std::begin(kMetrics), std::end(kMetrics),
                                   [&](const LatencyMetric& metric) { return metric.name == name; });
  return found == std::end(kMetrics) ? nullptr : found;
}

bool is_of_latency(std::string_view name) {
  return latency_info(name.substr(name.rfind('.') + 1)).has_value();
}

std::optional<FigureInfo> figure_info(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view leaf = name.substr(dot + 1);
  if (dot == std::string_view::npos) {
    const auto info = info_of(kRun, leaf);
    return info ? info : latency_info(leaf);
  }
  if (const auto info = latency_info(leaf)) return info;
  const bool of_partition = name.substr(0, dot).find('/') != std::string_view::npos;  // "gpu0/whole"
  const auto info = of_partition ? info_of(kPartition, leaf) : std::nullopt;
  return info ? info : info_of(kService, leaf);
}

std::optional<double> figure(const LatencySummary& latency, std::string_view name) {
  return value_of(kLatency, latency, name);
}
std::optional<double> figure(const PartitionSummary& partition, std::string_view name) {
  return value_of(kPartition, partition, name);
}
std::optional<double> figure(const ServiceSummary& service, std::string_view name) {
  return value_of(kService, service, name);
}

void for_each_figure(const Summary& summary, const std::function<void(const Figure&)>& visitor) {
  visit(kRun, summary, "", FigureScope::run, 0, visitor);
  visit_all(kLatency, summary.latencies, '_', FigureScope::latency, visitor);
  visit_all(kPartition, summary.partitions, '.', FigureScope::partition, visitor);
  visit_all(kService, summary.services, '.', FigureScope::service, visitor);
}

}  // namespace gpushare
