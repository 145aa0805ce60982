#include "simulation/summarise.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "results/bottleneck.hpp"

namespace gpushare {
namespace {

constexpr double kHoursPerMonth = 720;

// "llm.0", or under tensor parallelism "llm.0 (rank 1 of 4)".
std::string process_name(const Workload& workload, const Server& server, int partition) {
  std::string name =
      workload.services[static_cast<std::size_t>(server.service)].name + "." + std::to_string(server.replica);
  if (server.others.empty()) return name;
  const Rank& rank = server.rank_on(partition);
  const auto number = &rank == &server ? 0 : 1 + (&rank - server.others.data());
  return name + text::format(" (rank {} of {})", number, 1 + server.others.size());
}

PartitionSummary summary_of(const FinishedRun& run, std::size_t index) {
  const PartitionState& state = run.fleet.partitions[index];
  const Meters::PartitionMeter& meter = run.meters.partition(index);
  PartitionSummary part;
  part.name = state.name;
  part.gpu = static_cast<int>(state.gpu);
  part.sharing = to_string(state.sharing.mode);
  part.gone = state.gone;
  part.present = share(meter.seconds, run.meters.window_s());
  for (const int number : state.servers) {
    const Server& server = run.fleet.servers[static_cast<std::size_t>(number)];
    part.processes.push_back(process_name(run.scenario.workload, server, static_cast<int>(index)));
    part.memory_used_bytes += server.rank_on(static_cast<int>(index)).memory_bytes;
  }
  const double seconds = meter.seconds;
  const double peak = state.profile->flops(Precision::fp16) * state.partition.sms / state.profile->sms;
  part.busy = share(meter.end.busy_s - meter.begin.busy_s, seconds);
  part.switching = share(meter.end.switching_s - meter.begin.switching_s, seconds);
  part.compute_utilisation = share(meter.flop_end - meter.flop_begin, peak * seconds);
  part.bandwidth_utilisation =
      share(meter.bytes_end - meter.bytes_begin, state.partition.bandwidth_bytes_per_s * seconds);
  part.energy_j = meter.end.energy_j - meter.begin.energy_j;
  part.memory_allocated_bytes = state.partition.nominal_memory_bytes;
  return part;
}

void add_partitions(const FinishedRun& run, Summary& summary) {
  std::map<std::uint32_t, double> allocated;  // by GPU
  for (std::size_t i = 0; i < run.fleet.partitions.size(); ++i) {
    const PartitionState& state = run.fleet.partitions[i];
    summary.partitions.push_back(summary_of(run, i));
    summary.vram_used_bytes += summary.partitions.back().memory_used_bytes;
    if (!state.gone) allocated[state.gpu] = state.profile->nominal_memory_bytes;
  }
  for (const auto& [gpu, bytes] : allocated) summary.vram_allocated_bytes += bytes;
}

// Instances on which nothing ever ran, of GPUs that serve or are paid for, come last: others are known by their place in the
// fleet.
void add_empty_partitions(const FinishedRun& run, Summary& summary) {
  std::map<std::string, double> served;  // and how long they were there
  for (const PartitionSummary& part : summary.partitions) served[part.name] = part.present;
  for (std::size_t gpu = 0; gpu < run.fleet.gpus.size(); ++gpu) {
    const GpuState& state = run.fleet.gpus[gpu];
    const bool gone = run.fleet.nodes[static_cast<std::size_t>(state.node)].gone;
    std::vector<PartitionSummary> empty;
    double present = 0;  // of those of the same cut
    int sms = state.profile->sms;
    double memory_bytes = state.profile->nominal_memory_bytes;
    for (const Partition& part : state.cut->partitions) {
      const std::string name = text::format("gpu{}/{}", gpu, part.name);
      if (const auto found = served.find(name); found != served.end()) {
        present = std::max(present, found->second);
        sms -= part.sms;
        memory_bytes -= part.nominal_memory_bytes;
        continue;
      }
      PartitionSummary& one = empty.emplace_back();
      one.name = name;
      one.gpu = static_cast<int>(gpu);
      one.sharing = "empty";
      one.gone = gone;
      one.memory_allocated_bytes = part.nominal_memory_bytes;
    }
    const bool serves = empty.size() < state.cut->partitions.size();
    if (!serves) present = share(run.meters.gpu_seconds(gpu), run.meters.window_s());
    if (!serves && present <= 0) continue;
    for (PartitionSummary& one : empty) one.present = present;
    summary.partitions.insert(summary.partitions.end(), empty.begin(), empty.end());
    if (serves) {
      summary.stranded_sms += sms;
      summary.stranded_memory_bytes += std::max(0.0, memory_bytes);
    } else if (!gone) {
      summary.vram_allocated_bytes += state.profile->nominal_memory_bytes;
    }
  }
}

void add_services(const FinishedRun& run, Summary& summary) {
  for (std::size_t i = 0; i < run.fleet.services.size(); ++i) {
    const Meters::ServiceMeter& meter = run.meters.service(i);
    ServiceSummary service;
    service.name = run.scenario.workload.services[i].name;
    service.replicas = meter.replicas;
    service.mean_in_system = share(meter.in_system, summary.duration_s);
    service.busy = share(meter.busy, meter.server_seconds);
    service.mean_batch = meter.batch;
    service.steps = meter.steps;
    service.rejected = meter.rejected;
    if (!run.scenario.faults.empty()) {
      service.availability = 1 - share(meter.down, meter.server_seconds);
      service.any_replica_up = 1 - share(meter.unserved, summary.duration_s);
    }
    service.counts = {meter.engines.counts.begin(), meter.engines.counts.end()};
    summary.services.push_back(std::move(service));
  }
}

void add_latencies(const FinishedRun& run, Summary& summary) {
  const std::vector<Pipeline>& pipelines = run.scenario.workload.pipelines;
  if (pipelines.size() == 1) summary.only_pipeline = pipelines.front().name;
  summary.latencies = run.recorder.latencies();
  for (std::size_t i = 0; i < run.fleet.services.size(); ++i)
    for (const auto& [name, histogram] : run.meters.service(i).engines.latencies)
      if (histogram.count() > 0)
        summary.latencies.push_back(
            summarise(run.scenario.workload.services[i].name + "." + name, histogram));
}

void add_load(const FinishedRun& run, Summary& summary) {
  summary.traffic = run.recorder.traffic();
  for (const TrafficSummary& traffic : summary.traffic) {
    const double growth =
        static_cast<double>(traffic.backlog) - static_cast<double>(traffic.backlog_in_middle);
    summary.offered_rate += traffic.offered_rate;
    summary.backlog += traffic.backlog;
    summary.backlog_growth += share(2 * growth, summary.duration_s);
    if (!traffic.keeps_up) summary.late += traffic.late;
  }
}

void add_requests(const FinishedRun& run, Summary& summary) {
  const Recorder::Counts& counts = run.recorder.counts();
  summary.completed = counts.completed;
  summary.rejected = counts.rejected;
  summary.failed = counts.failed;
  summary.skipped = counts.skipped;
  if (run.recorder.counts_attempts()) summary.timed_out = counts.timed_out, summary.retried = counts.retried;
  summary.unfinished = run.unfinished;
  summary.arrived = run.arrived;
  summary.request_throughput = share(static_cast<double>(counts.completed_in_window), summary.duration_s);
  summary.output_token_throughput = share(counts.output_tokens_in_window, summary.duration_s);
  add_load(run, summary);
  summary.success_rate =
      share(static_cast<double>(counts.completed - summary.late), static_cast<double>(run.arrived));
  if (!run.scenario.faults.empty())
    summary.faults = run.faults, summary.failed_by_faults = counts.failed_by_faults;
  if (const double allowed = allowed_failures(run.scenario.workload.objectives); allowed > 0)
    summary.error_budget_used = (1 - summary.success_rate) / allowed;
  if (run.recorder.counts_good()) {
    summary.goodput = share(static_cast<double>(counts.good), static_cast<double>(counts.arrived));
    summary.goodput_rate = share(static_cast<double>(counts.good_in_window), summary.duration_s);
  }
  summary.audio_gap_s_per_request = share(counts.audio_gap_s, static_cast<double>(counts.completed));
  summary.audio_gap_rate = share(static_cast<double>(counts.late_chunks), static_cast<double>(counts.chunks));
}

void add_gpus(const FinishedRun& run, Summary& summary) {
  const double hourly = run.meters.cost_per_hour();
  double gpus = 0;  // on average
  for (std::size_t gpu = 0; gpu < run.fleet.gpus.size(); ++gpu)
    gpus += share(run.meters.gpu_seconds(gpu), summary.duration_s);
  summary.gpus_used = run.meters.most_gpus_on();
  summary.gpu_hours = gpus * summary.duration_s / 3600;
  const int baseline = run.scenario.baseline_gpus;
  summary.gpus_freed = baseline > 0 ? baseline - summary.gpus_used : 0;
  summary.request_throughput_per_gpu = share(summary.request_throughput, gpus);
  summary.cost = hourly * summary.duration_s / 3600;
  summary.cost_per_month = hourly * kHoursPerMonth;
  summary.cost_per_1000_requests = share(hourly / 3.6, summary.request_throughput);
}

// After the partitions.
void add_energy(const FinishedRun& run, Summary& summary) {
  double joules = 0;
  for (std::size_t gpu = 0; gpu < run.fleet.gpus.size(); ++gpu) {
    const double on_s = run.meters.gpu_seconds(gpu);
    const PowerConstants& power = run.fleet.gpus[gpu].profile->power;
    if (on_s > 0 && !power.known()) return;
    joules += on_s * power.standby_w();
  }
  for (const PartitionSummary& part : summary.partitions) joules += part.energy_j;
  constexpr double kJoulesPerKwh = 3.6e6;
  const double kwh = joules / kJoulesPerKwh;
  const double completed = summary.request_throughput * summary.duration_s;
  summary.energy_kwh = kwh;
  summary.mean_power_w = share(joules, summary.duration_s);
  if (completed > 0) summary.energy_per_1000_requests_kwh = 1000 * kwh / completed;
  if (const auto grams = run.scenario.workload.carbon_g_per_kwh) summary.co2_kg = kwh * *grams / 1000;
}

// Where each service's processes live, in order of replicas and ranks.
std::vector<std::vector<int>> partitions_of_services(const Fleet& fleet) {
  std::vector<std::vector<int>> partitions(fleet.services.size());
  for (std::size_t i = 0; i < fleet.services.size(); ++i) {
    for (const int index : fleet.services[i].servers) {
      const Server& server = fleet.servers[static_cast<std::size_t>(index)];
      partitions[i].push_back(server.partition);
      for (const Rank& rank : server.others) partitions[i].push_back(rank.partition);
    }
  }
  return partitions;
}

void check_invariants(const FinishedRun& run, Summary& summary) {
  constexpr double kTolerance = 1e-6;
  const auto accounted =
      summary.completed + summary.rejected + summary.failed + summary.skipped + summary.unfinished;
  summary.conservation_error =
      std::abs(static_cast<double>(summary.arrived) - static_cast<double>(accounted)) /
      std::max(1.0, static_cast<double>(summary.arrived));
  for (ServiceState& service : run.fleet.services) {
    const double integral = service.in_system.integral_s(run.end);
    if (summary.unfinished == 0)
      summary.littles_law_error = std::max(summary.littles_law_error,
                                           std::abs(integral - service.sojourn_s) / std::max(1e-3, integral));
  }
  const auto conserve = [&summary](const ExecutorAccount& account) {
    const double open = account.submitted_s - account.finished_s;
    const double error = (std::abs(open) + account.idle_with_work_s) / std::max(1e-3, account.submitted_s);
    summary.work_conservation_error = std::max(summary.work_conservation_error, error);
  };
  for (PartitionState& partition : run.fleet.partitions)
    conserve(std::visit([&](auto& executor) { return executor.account(run.end); }, partition.executor));
  for (GpuState& gpu : run.fleet.gpus) conserve(gpu.link.account(run.end));
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

}  // namespace

Summary summarise(const FinishedRun& run) {
  Summary summary;
  summary.duration_s = std::max(0.0, run.scenario.workload.duration_s - run.scenario.workload.warmup_s);
  summary.events = run.events;
  add_requests(run, summary);
  add_gpus(run, summary);
  add_latencies(run, summary);
  add_partitions(run, summary);
  add_energy(run, summary);
  add_services(run, summary);
  add_empty_partitions(run, summary);
  summary.bottleneck =
      find_bottleneck(summary, partitions_of_services(run.fleet), run.scenario.workload.pipelines);
  check_invariants(run, summary);
  return summary;
}

}  // namespace gpushare
