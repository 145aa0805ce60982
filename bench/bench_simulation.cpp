#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <memory>
#include <string>

#include "gpushare/gpushare.hpp"

// Whole simulations: what a user waits for. Items are events of the simulator; `requests` counts those served.

namespace {

using namespace gpushare;

void report(benchmark::State& state, const Run& run) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(run.summary.events));
  state.counters["events"] = static_cast<double>(run.summary.events);
  state.counters["requests"] = static_cast<double>(run.summary.completed);
}

void run_scenario(benchmark::State& state, const char* name, const char* mode) {
  const Scenario scenario = load_scenario(name, mode);
  Run run;
  for ([[maybe_unused]] auto _ : state) run = simulate(scenario);
  report(state, run);
}
BENCHMARK_CAPTURE(run_scenario, voice_heavy_dedicated, "voice-heavy", "dedicated")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_scenario, voice_heavy_time_slicing, "voice-heavy", "time-slicing")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_scenario, voice_heavy_mps, "voice-heavy", "mps")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_scenario, voice_heavy_mig, "voice-heavy", "mig:3g.40gb+3g.40gb")
    ->Unit(benchmark::kMillisecond);
/// An hour of conversation traffic, 19,366 requests and 4.1 million tokens, on one A100.
BENCHMARK_CAPTURE(run_scenario, llm_trace_dedicated, "llm-trace", "dedicated")->Unit(benchmark::kMillisecond);

/// The same token by token: what merging iterations saves.
void llm_trace_single_steps(benchmark::State& state) {
  const Scenario scenario = load_scenario("llm-trace", "dedicated");
  RunOptions options;
  options.merge_steps = false;
  Run run;
  for ([[maybe_unused]] auto _ : state) run = simulate(scenario, options);
  report(state, run);
}
BENCHMARK(llm_trace_single_steps)->Unit(benchmark::kMillisecond);

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Conversation requests at the rate of that hour for as long as it takes to have so many, with a row for each: time
/// must grow with the requests.
void llm_requests(benchmark::State& state) {
  constexpr double kRate = 5.53;
  Scenario scenario = load_scenario("llm-trace", "dedicated");
  scenario.workload.duration_s = static_cast<double>(state.range(0)) / kRate;
  scenario.workload.traffic[0].trace =
      std::make_shared<const Trace>(azure_conversation_like(1, scenario.workload.duration_s, kRate));
  Run run;
  for ([[maybe_unused]] auto _ : state) run = simulate(scenario);
  report(state, run);
  state.counters["steps"] = static_cast<double>(run.summary.services[0].steps);
  state.counters["peak_rss_mb"] = peak_rss_mb();
}
BENCHMARK(llm_requests)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

/// One M/M/1 queue without request records: memory must not grow with the requests.
void stream_requests(benchmark::State& state) {
  constexpr double kServiceS = 0.01;
  Scenario scenario = parse_scenario(R"({
    "name": "stream", "duration_s": 1, "gpu": "a100",
    "services": {"server": {"model": {"name": "synthetic", "title": "M/M/1", "kind": "synthetic",
                                      "gpu_s": {"kind": "exponential", "mean": 0.01}},
                            "engine": {"kind": "fifo"}}},
    "placement": {"mode": "dedicated"},
    "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
    "traffic": [{"name": "open", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 80}}]})");
  scenario.workload.duration_s = static_cast<double>(state.range(0)) * kServiceS / 0.8;
  RunOptions options;
  options.record_requests = false;
  Run run;
  for ([[maybe_unused]] auto _ : state) run = simulate(scenario, options);
  report(state, run);
  state.counters["peak_rss_mb"] = peak_rss_mb();
}
BENCHMARK(stream_requests)->Arg(100'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
