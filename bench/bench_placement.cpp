#include <benchmark/benchmark.h>

#include <string>

#include "gpushare/gpushare.hpp"

// What a search over placements asks thousands of times: does it fit, and what does a mode make of the workload.

namespace {

using namespace gpushare;

void fits_voice(benchmark::State& state, const char* mode) {
  const Scenario scenario = load_scenario("voice-heavy", mode);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(fits(scenario.workload, scenario.placement));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(fits_voice, mig, "mig:3g.40gb+3g.40gb");
BENCHMARK_CAPTURE(fits_voice, mps, "mps");
BENCHMARK_CAPTURE(fits_voice, dedicated, "dedicated");

/// Refused: nine recognisers and nine synthesisers of 9.6 and 31.6 GB on one GPU.
void fits_not(benchmark::State& state) {
  const Scenario scenario = load_scenario("voice-heavy", "time-slicing:9");
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(fits(scenario.workload, scenario.placement));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(fits_not);

void place_voice(benchmark::State& state, const char* text) {
  const Scenario scenario = load_scenario("voice-heavy");
  const PlacementMode mode = parse_mode(text, *scenario.placing.gpu);
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(place(mode, scenario.workload, scenario.placing));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(place_voice, mig, "mig:3g.40gb+3g.40gb");
BENCHMARK_CAPTURE(place_voice, mps, "mps");

}  // namespace
