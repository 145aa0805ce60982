#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "summaries.hpp"

namespace {

using namespace gpushare;
using test::numbered;

constexpr FigureScope kScopes[] = {FigureScope::run, FigureScope::latency, FigureScope::partition,
                                   FigureScope::service};

std::map<std::string, double> figures(const Summary& summary) {
  std::map<std::string, double> all;
  for_each_figure(summary, [&](const Figure& figure) {
    CHECK_MESSAGE(all.emplace(figure.name, figure.value).second, figure.name);
  });
  return all;
}

bool is_in_seconds(std::string_view name) {
  return name.ends_with("_s") || name.find("_s_per_") != std::string_view::npos;
}

}  // namespace

TEST_CASE("figures have unique names, and say what they are") {
  for (const FigureScope scope : kScopes) {
    std::set<std::string_view> names;
    for (const FigureInfo& info : figures_of(scope)) {
      CAPTURE(info.name);
      CHECK(names.insert(info.name).second);
      CHECK(!info.title.empty());
      CHECK(!info.meaning.empty());
      CHECK(info.meaning.find('.') == std::string_view::npos);
      CHECK(info.scale > 0);
      CHECK(info.decimals >= -1);
      CHECK(info.name.find_first_of(". /=") == std::string_view::npos);
    }
    CHECK(names.size() >= 6);
  }
  std::set<std::string_view> metrics;
  for (const LatencyMetric& metric : latency_metrics()) {
    CHECK(metrics.insert(metric.name).second);
    CHECK(!metric.meaning.empty());
  }
}

TEST_CASE("units agree with names and kinds") {
  for (const FigureScope scope : kScopes) {
    for (const FigureInfo& info : figures_of(scope)) {
      CAPTURE(info.name);
      CHECK((info.unit == "s") == (info.kind == FigureKind::time));
      CHECK((info.unit == "s") == is_in_seconds(info.name));
      CHECK((info.unit == "bytes") == (info.kind == FigureKind::bytes));
      CHECK((info.unit == "bytes") == info.name.ends_with("_bytes"));
      CHECK((info.unit == "GPU-hours") == info.name.ends_with("_hours"));
      CHECK(info.unit.ends_with("/s") == (info.kind == FigureKind::rate));
      CHECK(info.unit.starts_with('$') == (info.kind == FigureKind::money));
      if (info.kind == FigureKind::share) CHECK((info.unit.empty() && info.scale == 100));
    }
  }
}

TEST_CASE(
    "what is late, lost or paid for is better when there is less of it, what is served when there is more") {
  const auto better = [](std::string_view name) {
    const auto info = figure_info(name);
    REQUIRE_MESSAGE(info, name);
    return info->better;
  };
  for (const char* name : {"rejected",
                           "failed",
                           "skipped",
                           "unfinished",
                           "late",
                           "backlog",
                           "stranded_sms",
                           "stranded_memory_bytes",
                           "backlog_growth",
                           "gpus_used",
                           "gpu_hours",
                           "time_out_of_objectives",
                           "cost",
                           "cost_per_month",
                           "cost_per_1000_requests",
                           "energy_kwh",
                           "mean_power_w",
                           "energy_per_1000_requests_kwh",
                           "co2_kg",
                           "audio_gap_s_per_request",
                           "audio_gap_rate",
                           "gpu_switching",
                           "conservation_error",
                           "littles_law_error",
                           "work_conservation_error",
                           "e2e_latency_mean_s",
                           "tts.first_audio_p95_s",
                           "llm.itl_jitter_s",
                           "gpu0/whole.switching",
                           "llm.rejected",
                           "llm.preemptions",
                           "llm.mean_in_system",
                           "llm.prefix_evicted_blocks",
                           "failed_by_faults",
                           "error_budget_used"})
    CHECK_MESSAGE(better(name) == Better::lower, name);
  for (const char* name : {"completed", "request_throughput", "output_token_throughput", "success_rate",
                           "goodput", "goodput_rate", "gpus_freed", "request_throughput_per_gpu",
                           "llm.prefix_hit_rate", "llm.prefix_hit_tokens", "llm.draft_acceptance_rate",
                           "llm.accepted_tokens", "llm.availability", "llm.any_replica_up"})
    CHECK_MESSAGE(better(name) == Better::higher, name);
  for (const char* name : {"arrived", "offered_rate", "events", "duration_s", "gpu_busy", "vram_used_bytes",
                           "e2e_latency_count", "gpu0/whole.busy", "llm.replicas", "llm.draft_tokens"})
    CHECK_MESSAGE(better(name) == Better::neither, name);
  for (const FigureInfo& info : figures_of(FigureScope::latency))
    CHECK((info.better == Better::lower) == (info.kind == FigureKind::time));
}

TEST_CASE("every figure is the field that it is named after") {
  const auto all = figures(numbered());
  const std::map<std::string, double> expected{{"duration_s", 1},
                                               {"arrived", 2},
                                               {"completed", 3},
                                               {"rejected", 4},
                                               {"failed", 5},
                                               {"timed_out", 68},
                                               {"retried", 69},
                                               {"skipped", 6},
                                               {"unfinished", 7},
                                               {"late", 62},
                                               {"faults", 70},
                                               {"failed_by_faults", 71},
                                               {"error_budget_used", 0.72},
                                               {"stranded_sms", 66},
                                               {"stranded_memory_bytes", 67},
                                               {"offered_rate", 63},
                                               {"backlog", 64},
                                               {"backlog_growth", 65},
                                               {"request_throughput", 8},
                                               {"output_token_throughput", 9},
                                               {"success_rate", 0.10},
                                               {"goodput", 0.60},
                                               {"goodput_rate", 61},
                                               {"gpus_used", 11},
                                               {"gpus_freed", 12},
                                               {"request_throughput_per_gpu", 13},
                                               {"gpu_hours", 14},
                                               {"time_out_of_objectives", 0.82},
                                               {"cost", 79},
                                               {"cost_per_month", 15},
                                               {"cost_per_1000_requests", 16},
                                               {"energy_kwh", 75},
                                               {"mean_power_w", 76},
                                               {"energy_per_1000_requests_kwh", 77},
                                               {"co2_kg", 78},
                                               {"vram_used_bytes", 17},
                                               {"vram_allocated_bytes", 18},
                                               {"audio_gap_s_per_request", 19},
                                               {"audio_gap_rate", 0.20},
                                               {"events", 21},
                                               {"conservation_error", 22},
                                               {"littles_law_error", 23},
                                               {"work_conservation_error", 24},
                                               {"gpu_busy", 0.40},
                                               {"gpu_switching", 0.41},
                                               {"compute_utilisation", 0.42},
                                               {"bandwidth_utilisation", 0.43},
                                               {"e2e_latency_count", 30},
                                               {"e2e_latency_mean_s", 31},
                                               {"e2e_latency_p50_s", 32},
                                               {"e2e_latency_p90_s", 33},
                                               {"e2e_latency_p95_s", 34},
                                               {"e2e_latency_p99_s", 35},
                                               {"e2e_latency_max_s", 36},
                                               {"e2e_latency_standard_deviation_s", 37},
                                               {"e2e_latency_jitter_s", 3},
                                               {"gpu0/3g.40gb@0.busy", 0.40},
                                               {"gpu0/3g.40gb@0.switching", 0.41},
                                               {"gpu0/3g.40gb@0.compute_utilisation", 0.42},
                                               {"gpu0/3g.40gb@0.bandwidth_utilisation", 0.43},
                                               {"gpu0/3g.40gb@0.memory_used_bytes", 44},
                                               {"gpu0/3g.40gb@0.memory_allocated_bytes", 45},
                                               {"llm.replicas", 50},
                                               {"llm.mean_in_system", 51},
                                               {"llm.mean_batch", 52},
                                               {"llm.steps", 53},
                                               {"llm.preemptions", 54},
                                               {"llm.rejected", 55},
                                               {"llm.rejected_over_context", 61},
                                               {"llm.rejected_over_cache", 62},
                                               {"llm.rejected_queue_full", 63},
                                               {"llm.longest_sequence_tokens", 64},
                                               {"llm.max_num_seqs", 65},
                                               {"llm.max_num_batched_tokens", 66},
                                               {"llm.prefix_prompt_tokens", 80},
                                               {"llm.prefix_hit_tokens", 56},
                                               {"llm.prefix_evicted_blocks", 57},
                                               {"llm.draft_tokens", 100},
                                               {"llm.accepted_tokens", 58},
                                               {"llm.busy", 0.59},
                                               {"llm.availability", 0.73},
                                               {"llm.any_replica_up", 0.74},
                                               {"llm.prefix_hit_rate", 0.7},
                                               {"llm.draft_acceptance_rate", 0.58}};
  CHECK(all.size() == expected.size());
  for (const auto& figure_and_value : expected) {  // no structured binding: clang 14 captures none
    const auto& name = figure_and_value.first;
    REQUIRE_MESSAGE(all.count(name) == 1, name);
    CHECK_MESSAGE(all.at(name) == doctest::Approx(figure_and_value.second).epsilon(1e-15), name);
  }
  const std::size_t in_table = figures_of(FigureScope::run).size() + figures_of(FigureScope::latency).size() +
                               figures_of(FigureScope::partition).size() +
                               figures_of(FigureScope::service).size();
  CHECK(all.size() == in_table);
}

TEST_CASE("figures over partitions count each by its memory") {
  Summary summary = numbered();
  summary.partitions.push_back(summary.partitions[0]);
  summary.partitions[0].memory_allocated_bytes = 10;
  summary.partitions[1].memory_allocated_bytes = 30;
  summary.partitions[1].busy = 0.80;
  CHECK(figure(summary, "gpu_busy") == (0.40 * 10 + 0.80 * 30) / 40);
  summary.partitions.clear();
  CHECK(std::isnan(figure(summary, "gpu_busy")));
}

TEST_CASE("what was never measured has no value") {
  Summary summary = numbered();
  summary.services[0].counts.clear();
  summary.latencies[0].count = 0;
  const auto all = figures(summary);
  CHECK(all.count("llm.prefix_hit_rate") == 0);
  CHECK(all.count("llm.draft_acceptance_rate") == 0);
  CHECK(std::isnan(all.at("e2e_latency_p95_s")));
  CHECK(std::isnan(all.at("e2e_latency_jitter_s")));
  CHECK(all.at("e2e_latency_count") == 0);
  CHECK(all.at("llm.preemptions") == 0);
  CHECK(!figure(summary.services[0], "prefix_hit_rate"));
  CHECK(!figure(summary.partitions[0], "warmth"));
  CHECK(figure(summary.partitions[0], "busy") == 0.40);
  CHECK(figure(summary.services[0], "steps") == 53);
  CHECK(figure(numbered().latencies[0], "p95_s") == 34);
}

TEST_CASE("every figure and latency of a run is in the table") {
  for (const char* name : {"voice-light", "voice-calls"}) {
    const Summary summary = simulate(load_scenario(name, "mps")).summary;
    CHECK(summary.latencies.size() > 8);
    for (const LatencySummary& latency : summary.latencies)
      CHECK_MESSAGE(metric_of(latency.name) != nullptr, latency.name);
    for (const ServiceSummary& service : summary.services)
      for (const auto& count : service.counts) CHECK_MESSAGE(figure(service, count.first), count.first);
    for (const auto& figure_and_value : figures(summary)) {
      const std::string& canonical = figure_and_value.first;
      const double value = figure_and_value.second;
      CAPTURE(canonical);
      REQUIRE(figure_info(canonical));
      CHECK(canonical.ends_with(figure_info(canonical)->name));
      const double found = figure(summary, canonical);
      CHECK((found == value || (std::isnan(found) && std::isnan(value))));
    }
  }
  CHECK(!figure_info("llm.warmth"));
  CHECK(!figure_info("ttft_p42_s"));
}

TEST_CASE("GPU-hours and money follow the GPUs that were on") {
  const Scenario scenario = load_scenario("voice-light", "mps");
  const Summary summary = simulate(scenario).summary;
  CHECK(summary.gpu_hours == doctest::Approx(summary.gpus_used * summary.duration_s / 3600).epsilon(1e-14));
  const double hourly = price_per_hour(scenario.workload.prices, scenario.placement);
  CHECK(hourly > 0);
  CHECK(summary.cost_per_month == doctest::Approx(720 * hourly).epsilon(1e-12));
}

TEST_CASE("the partition table has a column for each figure of a partition") {
  const Run run = simulate(load_scenario("voice-light", "time-slicing"));
  CHECK(run.partitions.rows() == run.summary.partitions.size());
  CHECK(run.partitions.columns.size() == 3 + figures_of(FigureScope::partition).size());
  for (const FigureInfo& info : figures_of(FigureScope::partition)) {
    const Column* column = run.partitions.find(info.name);
    REQUIRE(column != nullptr);
    for (std::size_t i = 0; i < column->size(); ++i)
      CHECK(column->numbers[i] == figure(run.summary.partitions[i], info.name));
  }
  CHECK(run.summary.partitions.back().gpu == 1);
}
