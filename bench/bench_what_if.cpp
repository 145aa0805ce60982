#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"

// What admission and searches ask without a simulation: three services on one A100.

namespace {

using namespace gpushare;

Scenario three_services(const char* mode) {
  return parse_scenario(R"({
    "name": "three", "gpu": "a100", "duration_s": 300,
    "services": {
      "embed": {"model": "embedding-0.3b"},
      "asr": {"model": "parakeet-1.1b", "engine": {"kind": "stream-batching", "max_batch": 64}},
      "llm": {"model": "llama-3.1-8b", "engine": {"preset": "vllm-0.20", "gpu_memory_utilization": 0.6}}},
    "pipelines": {"e": {"stages": [{"name": "embed", "service": "embed"}]},
                  "a": {"stages": [{"name": "asr", "service": "asr"}]},
                  "l": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [
      {"pipeline": "e", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 20}, "sizes": {"units": 1}},
      {"pipeline": "a", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1.2}, "sizes": {"speech_s": 8}},
      {"pipeline": "l", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 3},
       "sizes": {"input_tokens": 1000, "output_tokens": 200}}]
  })",
                        mode);
}

void what_if_three(benchmark::State& state, const char* mode) {
  const Scenario scenario = three_services(mode);
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(what_if(scenario.workload, scenario.placement));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(what_if_three, mps, "mps");
BENCHMARK_CAPTURE(what_if_three, time_slicing, "time-slicing");
BENCHMARK_CAPTURE(what_if_three, dedicated, "dedicated");

void load_bound_three(benchmark::State& state, const char* mode) {
  const Scenario scenario = three_services(mode);
  const std::vector<ServiceTraffic> traffic = service_traffic(scenario.workload);
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(load_bound(scenario.workload, traffic, scenario.placement));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(load_bound_three, mps, "mps");

}  // namespace
