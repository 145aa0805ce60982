#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>

#include "core/text.hpp"
#include "gpushare/gpushare.hpp"

// How the cost of a request grows with the number of others, for every engine and way of sharing: `request_s` of one line
// beside that of the line before. Each server has the same load throughout; only the number of servers, or of what one server
// has in hand, differs.

namespace {

using namespace gpushare;
using text::format;

void grow(benchmark::State& state, Scenario scenario) {
  RunOptions options;
  options.record_requests = false;
  Run run;
  for ([[maybe_unused]] auto _ : state) run = simulate(scenario, options);
  const auto served = static_cast<double>(std::max<std::uint64_t>(1, run.summary.completed));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(run.summary.events));
  state.counters["requests"] = served;
  state.counters["events_each"] = static_cast<double>(run.summary.events) / served;
  state.counters["request_s"] =
      benchmark::Counter(served, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// A service, its pipeline of one stage, and its traffic, all of one name.
struct Tenant {
  std::string service, traffic;
  int replicas = 1;
};

std::string open_at(double rate_per_s, const std::string& sizes) {
  return format(R"("kind": "open", "sizes": {{ {} }}, "arrivals": {{"kind": "poisson", "rate_per_s": {} }})",
                sizes, rate_per_s);
}

Scenario tenants(int number, const Tenant& tenant, const std::string& placement, double duration_s) {
  std::string services, pipelines, traffic;
  for (int i = 0; i < number; ++i) {
    const char* comma = i == 0 ? "" : ", ";
    services += format(R"({}"t{}": {{ {} }})", comma, i, tenant.service);
    pipelines += format(R"({}"t{}": {{"stages": [{{"name": "s", "service": "t{}"}}]}})", comma, i, i);
    traffic += format(R"({}{{"name": "t{}", "pipeline": "t{}", {}}})", comma, i, i, tenant.traffic);
  }
  return parse_scenario(format(
      R"({{"name": "growth", "duration_s": {}, "gpu": "a100", "host": {{"cores": 100000}},
           "services": {{ {} }}, "placement": {}, "pipelines": {{ {} }}, "traffic": [{}]}})",
      duration_s, services, placement, pipelines, traffic));
}

// ---- What one server has in hand

const char* const kRecogniser =
    R"("model": {"name": "asr", "title": "x", "kind": "streaming-asr", "flop_per_audio_s": 1, "padding_s": 0,
        "weight_bytes": 1, "memory_bytes": 1, "flop_efficiency": 1, "bandwidth_efficiency": 1, "floor_s": 1e-5,
        "host_before_s": 0, "host_after_s": 0, "host_per_stream_s": 0, "segments": 1, "kernels": 1},
       "engine": {"kind": "stream-batching", "max_batch": 64, "chunk_s": 0.16})";

/// One recogniser with so many streams open, each of 10 s and 63 chunks.
void open_streams(benchmark::State& state) {
  const double rate = static_cast<double>(state.range(0)) / 10;
  grow(state, tenants(1, {kRecogniser, open_at(rate, R"("speech_s": 10)")}, R"({"mode": "dedicated"})", 30));
}
BENCHMARK(open_streams)->RangeMultiplier(10)->Range(100, 10'000)->Unit(benchmark::kMillisecond);

const char* const kWork = R"("model": {"kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.01}})";

/// One process with so many steps on the GPU at once.
void steps_in_flight(benchmark::State& state) {
  const auto steps = static_cast<int>(state.range(0));
  const std::string service = format(R"({}, "engine": {{"kind": "fifo", "concurrency": {} }})", kWork, steps);
  const std::string users = format(R"("kind": "closed", "users": {}, "hold_s": {})", steps, steps * 0.1);
  grow(state, tenants(1, {service, users}, R"({"mode": "dedicated"})", steps * 0.1));
}
BENCHMARK(steps_in_flight)->RangeMultiplier(10)->Range(10, 1000)->Unit(benchmark::kMillisecond);

/// So many processes on one GPU, all of which have work all the time.
void busy_processes(benchmark::State& state, const char* sharing) {
  const auto number = static_cast<int>(state.range(0));
  std::string processes;
  for (int i = 0; i < number; ++i) processes += format(R"({}{{"service": "t0"}})", i == 0 ? "" : ", ");
  const std::string service = format(R"({}, "replicas": {}, "engine": {{"kind": "fifo"}})", kWork, number);
  const std::string users =
      format(R"("kind": "closed", "users": {}, "hold_s": {})", 2 * number, number * 0.1);
  grow(state, tenants(1, {service, users},
                      format(R"({{"gpus": [{{"partitions": [{{"sharing": {}, "processes": [{}]}}]}}]}})",
                             sharing, processes),
                      number * 0.1));
}
BENCHMARK_CAPTURE(busy_processes, ideal, R"({"mode": "time-slicing", "slice_s": 0})")
    ->RangeMultiplier(10)
    ->Range(10, 100)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(busy_processes, slices, R"({"mode": "time-slicing", "slice_s": 0.002})")
    ->RangeMultiplier(10)
    ->Range(10, 100)
    ->Unit(benchmark::kMillisecond);

// ---- Tenants: services, each with traffic of its own

void many_tenants(benchmark::State& state, const char* service, const char* sizes, double rate,
                  const char* placement) {
  const auto number = static_cast<int>(state.range(0));
  grow(state, tenants(number, {service, open_at(rate, sizes)}, placement, 40000.0 / rate / number));
}
#define GPUSHARE_TENANTS(name, ...) \
  BENCHMARK_CAPTURE(many_tenants, name, __VA_ARGS__)->Arg(10)->Arg(250)->Unit(benchmark::kMillisecond)
GPUSHARE_TENANTS(fifo_dedicated,
                 R"("model": {"kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.01}})", "", 50,
                 R"({"mode": "dedicated"})");
GPUSHARE_TENANTS(fifo_slices,
                 R"("model": {"kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.001}})", "", 50,
                 R"({"mode": "time-slicing"})");
GPUSHARE_TENANTS(llm_dedicated, R"("model": "llama-3.1-8b", "engine": {"kind": "continuous-batching"})",
                 R"("input_tokens": 100, "output_tokens": 20)", 5, R"({"mode": "dedicated"})");
GPUSHARE_TENANTS(tts_dedicated, R"("model": "magpie-tts", "engine": {"kind": "autoregressive-slots"})",
                 R"("output_tokens": 20)", 1, R"({"mode": "dedicated"})");
GPUSHARE_TENANTS(asr_dedicated, kRecogniser, R"("speech_s": 5)", 1, R"({"mode": "dedicated"})");

// ---- Replicas of one service

void many_replicas(benchmark::State& state, const char* service, const char* sizes, double rate,
                   const char* placement) {
  const auto number = static_cast<int>(state.range(0));
  const std::string all = format(R"({}, "replicas": {})", service, number);
  grow(state, tenants(1, {all, open_at(rate * number, sizes)}, placement, 40000.0 / rate / number));
}
#define GPUSHARE_REPLICAS(name, ...) \
  BENCHMARK_CAPTURE(many_replicas, name, __VA_ARGS__)->Arg(10)->Arg(1000)->Unit(benchmark::kMillisecond)
#define FIFO R"("model": {"kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.01}}, "routing": )"
GPUSHARE_REPLICAS(round_robin, FIFO R"("round-robin")", "", 50, R"({"mode": "dedicated"})");
GPUSHARE_REPLICAS(shared_queue, FIFO R"("shared-queue")", "", 50, R"({"mode": "dedicated"})");
GPUSHARE_REPLICAS(least, FIFO R"("least-outstanding")", "", 50, R"({"mode": "dedicated"})");
GPUSHARE_REPLICAS(two, FIFO R"("power-of-two")", "", 50, R"({"mode": "dedicated"})");
GPUSHARE_REPLICAS(random, FIFO R"("random")", "", 50, R"({"mode": "dedicated"})");
GPUSHARE_REPLICAS(affine, FIFO R"("user-affinity")", "", 50, R"({"mode": "dedicated"})");
GPUSHARE_REPLICAS(
    llm, R"("model": "llama-3.1-8b", "engine": {"kind": "continuous-batching"}, "routing": "prefix-affine")",
    R"("input_tokens": 100, "output_tokens": 20)", 5, R"({"mode": "dedicated"})");

}  // namespace
