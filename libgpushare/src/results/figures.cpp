#include "gpushare/figures.hpp"

#include <algorithm>
#include <limits>

#include "results/figure_names.hpp"
#include "results/figure_values.hpp"
#include "results/run_figures.hpp"

namespace gpushare {
namespace {

using Kind = FigureKind;

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
      "nominal memory of the partition, which may hold a few percent more"},
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
      return infos(kRunFigures);
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
    const auto info = info_of(kRunFigures, leaf);
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
  visit(kRunFigures, summary, "", FigureScope::run, 0, visitor);
  visit_all(kLatency, summary.latencies, '_', FigureScope::latency, visitor);
  visit_all(kPartition, summary.partitions, '.', FigureScope::partition, visitor);
  visit_all(kService, summary.services, '.', FigureScope::service, visitor);
}

}  // namespace gpushare
