
#include <algorithm>
#include <cmath>
#include <map>

#include "core/text.hpp"
#include "results/bottleneck.hpp"
#include "simulation/simulator.hpp"

namespace gpushare {
namespace {

constexpr double kHoursPerMonth = 720;

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

/// What an engine measured by itself: between tokens, chunks of recognition, chunks of speech.
using NamedHistogram = std::pair<const char*, const Histogram*>;
std::vector<NamedHistogram> histograms_of(const AnyEngine& engine) {
  if (const auto* llm = std::get_if<ContinuousEngine>(&engine)) return {{"itl", &llm->inter_token()}};
  if (const auto* asr = std::get_if<StreamEngine>(&engine))
    return {{"chunk_latency", &asr->chunk_latency()}, {"interarrival_jitter", &asr->interarrival_jitter()}};
  if (const auto* tts = std::get_if<SlotEngine>(&engine))
    return {{"first_chunk", &tts->first_chunk()},
            {"inter_chunk", &tts->inter_chunk()},
            {"interarrival_jitter", &tts->interarrival_jitter()}};
  return {};
}

void add(ContinuousEngine::Counts& sum, const AnyEngine& engine) {
  const auto* llm = std::get_if<ContinuousEngine>(&engine);
  if (llm == nullptr) return;
  const ContinuousEngine::Counts counts = llm->counts();
  sum.preemptions += counts.preemptions;
  sum.draft_tokens += counts.draft_tokens;
  sum.accepted_tokens += counts.accepted_tokens;
  sum.prompt_tokens += counts.prompt_tokens;
  sum.hit_tokens += counts.hit_tokens;
  sum.evicted_blocks += counts.evicted_blocks;
}

}  // namespace

void Simulator::on_window(Time now, std::uint32_t mark) {
  const bool opens = mark == 0;
  for (std::size_t i = 0; i < fleet_.partitions.size(); ++i) {
    PartitionState& partition = fleet_.partitions[i];
    const ExecutorAccount account =
        std::visit([&](auto& executor) { return executor.account(now); }, partition.executor);
    PartitionWindow& window = windows_[i];
    (opens ? window.begin : window.end) = account;
    (opens ? window.flop_begin : window.flop_end) = partition.flop;
    (opens ? window.bytes_begin : window.bytes_end) = partition.bytes;
  }
  for (std::size_t i = 0; i < fleet_.services.size(); ++i) {
    ServiceState& service = fleet_.services[i];
    const double sign = opens ? -1 : 1;
    service_windows_[i].in_system += sign * service.in_system.integral_s(now);
    service_windows_[i].busy += sign * service.servers_busy.integral_s(now);
    if (opens) {
      service.steps = 0;
      service.step_items = 0;
      service.rejected = 0;
      continue;
    }
    service_windows_[i].batch = share(service.step_items, static_cast<double>(service.steps));
    service_windows_[i].steps = service.steps;
    service_windows_[i].rejected = service.rejected;
    for (const int server : service.servers)
      add(service_windows_[i].llm, fleet_.servers[static_cast<std::size_t>(server)].engine);
  }
  if (opens) {
    for (Server& server : fleet_.servers)
      std::visit(
          [](auto& engine) {
            if constexpr (requires { engine.reset_statistics(); }) engine.reset_statistics();
          },
          server.engine);
  } else {
    merge_engine_latencies();
  }
}

void Simulator::merge_engine_latencies() {
  for (std::size_t i = 0; i < fleet_.services.size(); ++i) {
    std::map<std::string, Histogram> merged;
    for (const int server : fleet_.services[i].servers)
      for (const auto& [name, part] : histograms_of(fleet_.servers[static_cast<std::size_t>(server)].engine))
        merged[name].merge(*part);
    for (const auto& [name, histogram] : merged)
      if (histogram.count() > 0)
        engine_latencies_.push_back(summarise(scenario_.workload.services[i].name + "." + name, histogram));
  }
}

Summary Simulator::summarise_run() {
  Summary summary;
  const Recorder::Counts& counts = recorder_.counts();
  summary.duration_s = std::max(0.0, scenario_.workload.duration_s - scenario_.workload.warmup_s);
  summary.completed = counts.completed;
  summary.rejected = counts.rejected;
  summary.failed = counts.failed;
  summary.skipped = counts.skipped;
  summary.unfinished = requests_.in_flight();
  for (const TraceSource& source :
       trace_sources_) {  // a request of a trace that is never sent would be a defect
    arrived_ += source.replay.left();
    summary.unfinished += source.replay.left();
  }
  summary.arrived = arrived_;
  summary.request_throughput = share(static_cast<double>(counts.completed_in_window), summary.duration_s);
  summary.output_token_throughput = share(counts.output_tokens_in_window, summary.duration_s);
  summary.success_rate = share(static_cast<double>(counts.completed), static_cast<double>(arrived_));
  for (const GpuPlacement& gpu : scenario_.placement.gpus)
    summary.gpus_used += std::any_of(gpu.partitions.begin(), gpu.partitions.end(),
                                     [](const PartitionPlacement& part) { return !part.processes.empty(); });
  summary.gpus_freed = scenario_.baseline_gpus > 0 ? scenario_.baseline_gpus - summary.gpus_used : 0;
  summary.request_throughput_per_gpu = share(summary.request_throughput, summary.gpus_used);
  const double gpus_on = summary.gpus_used;  // mean over the window
  summary.gpu_hours = gpus_on * summary.duration_s / 3600;
  const double price_per_hour = gpus_on * scenario_.workload.price_per_gpu_hour;
  summary.cost_per_month = price_per_hour * kHoursPerMonth;
  summary.cost_per_1000_requests = share(price_per_hour / 3.6, summary.request_throughput);
  summary.audio_gap_s_per_request = share(counts.audio_gap_s, static_cast<double>(counts.completed));
  summary.audio_gap_rate = share(static_cast<double>(counts.late_chunks), static_cast<double>(counts.chunks));
  summary.latencies = recorder_.latencies();
  summary.latencies.insert(summary.latencies.end(), engine_latencies_.begin(), engine_latencies_.end());
  summary.events = events_;
  add_partitions(summary);
  add_services(summary);
  summary.bottleneck = find_bottleneck(summary, partitions_of_services());
  return summary;
}

// "llm.0", or under tensor parallelism "llm.0 (rank 1 of 4)".
std::string Simulator::process_name(const Server& server, int partition) const {
  std::string name = scenario_.workload.services[static_cast<std::size_t>(server.service)].name + "." +
                     std::to_string(server.replica);
  if (server.others.empty()) return name;
  const Rank* other = server.rank_on(partition);
  const auto rank = other == nullptr ? 0 : 1 + (other - server.others.data());
  return name + text::format(" (rank {} of {})", rank, 1 + server.others.size());
}

void Simulator::add_partitions(Summary& summary) const {
  std::map<std::uint32_t, double> allocated;  // by GPU
  for (std::size_t i = 0; i < fleet_.partitions.size(); ++i) {
    const PartitionState& state = fleet_.partitions[i];
    const PartitionWindow& window = windows_[i];
    PartitionSummary part;
    part.name = state.name;
    part.gpu = static_cast<int>(state.gpu);
    part.sharing = to_string(state.sharing.mode);
    for (const int index : state.servers) {
      const Server& server = fleet_.servers[static_cast<std::size_t>(index)];
      part.processes.push_back(process_name(server, static_cast<int>(i)));
      part.memory_used_bytes += server.memory_on(static_cast<int>(i));
    }
    const double seconds = summary.duration_s;
    const double peak = state.profile->flops(Precision::fp16) * state.partition.sms / state.profile->sms;
    part.busy = share(window.end.busy_s - window.begin.busy_s, seconds);
    part.switching = share(window.end.switching_s - window.begin.switching_s, seconds);
    part.compute_utilisation = share(window.flop_end - window.flop_begin, peak * seconds);
    part.bandwidth_utilisation =
        share(window.bytes_end - window.bytes_begin, state.partition.bandwidth_bytes_per_s * seconds);
    part.memory_allocated_bytes = state.partition.nominal_memory_bytes;
    summary.vram_used_bytes += part.memory_used_bytes;
    allocated[state.gpu] = state.profile->nominal_memory_bytes;
    summary.partitions.push_back(std::move(part));
  }
  for (const auto& [gpu, bytes] : allocated) summary.vram_allocated_bytes += bytes;
}

void Simulator::add_services(Summary& summary) const {
  for (std::size_t i = 0; i < fleet_.services.size(); ++i) {
    const ServiceWindow& window = service_windows_[i];
    ServiceSummary service;
    service.name = scenario_.workload.services[i].name;
    service.replicas = static_cast<int>(fleet_.services[i].servers.size());
    service.mean_in_system = share(window.in_system, summary.duration_s);
    service.busy = share(window.busy, summary.duration_s * service.replicas);
    service.mean_batch = window.batch;
    service.steps = window.steps;
    service.preemptions = window.llm.preemptions;
    service.rejected = window.rejected;
    service.prefix_prompt_tokens = window.llm.prompt_tokens;
    service.prefix_hit_tokens = window.llm.hit_tokens;
    service.prefix_evicted_blocks = window.llm.evicted_blocks;
    service.draft_tokens = window.llm.draft_tokens;
    service.accepted_tokens = window.llm.accepted_tokens;
    summary.services.push_back(std::move(service));
  }
}

// Where each service's processes live, in order of replicas and ranks.
std::vector<std::vector<int>> Simulator::partitions_of_services() const {
  std::vector<std::vector<int>> partitions(fleet_.services.size());
  for (std::size_t i = 0; i < fleet_.services.size(); ++i) {
    for (const int index : fleet_.services[i].servers) {
      const Server& server = fleet_.servers[static_cast<std::size_t>(index)];
      partitions[i].push_back(server.partition);
      for (const Rank& rank : server.others) partitions[i].push_back(rank.partition);
    }
  }
  return partitions;
}

void Simulator::check_invariants(Summary& summary, Time end) {
  constexpr double kTolerance = 1e-6;
  const auto accounted =
      summary.completed + summary.rejected + summary.failed + summary.skipped + summary.unfinished;
  summary.conservation_error =
      std::abs(static_cast<double>(summary.arrived) - static_cast<double>(accounted)) /
      std::max(1.0, static_cast<double>(summary.arrived));
  for (ServiceState& service : fleet_.services) {
    const double integral = service.in_system.integral_s(end);
    if (summary.unfinished == 0)
      summary.littles_law_error = std::max(summary.littles_law_error,
                                           std::abs(integral - service.sojourn_s) / std::max(1e-3, integral));
  }
  const auto conserve = [&summary](const ExecutorAccount& account) {
    const double open = account.submitted_s - account.finished_s;
    const double error = (std::abs(open) + account.idle_with_work_s) / std::max(1e-3, account.submitted_s);
    summary.work_conservation_error = std::max(summary.work_conservation_error, error);
  };
  for (PartitionState& partition : fleet_.partitions)
    conserve(std::visit([&](auto& executor) { return executor.account(end); }, partition.executor));
  for (GpuState& gpu : fleet_.gpus) conserve(gpu.link.account(end));
  const auto check = [](double error, const char* law) {
    if (error > kTolerance)
      throw SimulationError(
          "", text::format("{} is broken by {:.3g}; this is a defect of the simulator", law, error));
  };
  check(summary.conservation_error, "conservation of requests");
  check(summary.littles_law_error, "Little's law");
  check(summary.work_conservation_error, "conservation of work");
  if (summary.unfinished > 0)
    throw SimulationError(
        "", text::format("{} requests never ended: every event was handled and they still wait; this is a "
                         "defect of the simulator",
                         summary.unfinished));
}

}  // namespace gpushare
