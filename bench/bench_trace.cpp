#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "gpushare/arrivals.hpp"
#include "gpushare/trace.hpp"
#include "traces/trace_formats.hpp"

namespace {

using namespace gpushare;

const Trace& conversation() {
  static const Trace trace = azure_conversation_like(1, 36'000);  // about 200,000 requests
  return trace;
}

std::string azure_text() {
  std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  const Trace& trace = conversation();
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const auto ticks = static_cast<long>(trace.arrival_s[i] * 1e7);
    const long seconds = ticks / 10'000'000;
    fmt::format_to(std::back_inserter(text), "2023-11-16 {:02}:{:02}:{:02}.{:07},{},{}\n", seconds / 3600,
                   seconds / 60 % 60, seconds % 60, ticks % 10'000'000, trace.input_tokens[i],
                   trace.output_tokens[i]);
  }
  return text;
}

std::string canonical_text() {
  std::string text(kCanonicalHeader);
  append_rows(text, conversation(), 0, conversation().size());
  return text;
}

std::string jsonl_text() {
  std::string text;
  const Trace& trace = conversation();
  for (std::size_t i = 0; i < trace.size(); ++i) {
    fmt::format_to(
        std::back_inserter(text),
        "{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [{}, {}]}}\n",
        static_cast<long>(trace.arrival_s[i] * 1e3), trace.input_tokens[i], trace.output_tokens[i], i, i + 1);
  }
  return text;
}

/// Prompts of 12,000 tokens on average, as in Mooncake's conversation trace: 24 block ids a line.
std::string mooncake_text() {
  std::string text;
  const Trace& trace = conversation();
  for (std::size_t i = 0; i < trace.size() / 10; ++i) {
    const int input = trace.input_tokens[i] * 10;
    fmt::format_to(std::back_inserter(text),
                   "{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [0",
                   static_cast<long>(trace.arrival_s[i]) / 3 * 3000, input, trace.output_tokens[i]);
    for (int block = 1; block < (input + 511) / 512; ++block)
      fmt::format_to(std::back_inserter(text), ", {}", i * 20 + static_cast<std::size_t>(block));
    text += "]}\n";
  }
  return text;
}

void parse(benchmark::State& state, const std::string& text) {
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(parse_trace(text, "bench.csv").size());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["rows"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(conversation().size()),
                         benchmark::Counter::kIsRate);
}

void trace_parse_azure_csv(benchmark::State& state) { parse(state, azure_text()); }
void trace_parse_canonical_csv(benchmark::State& state) { parse(state, canonical_text()); }
void trace_parse_short_jsonl(benchmark::State& state) { parse(state, jsonl_text()); }

void trace_parse_mooncake_jsonl(benchmark::State& state) {
  const std::string text = mooncake_text();
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(parse_trace(text, "bench.jsonl").size());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

/// The same text as a file, which comes in blocks.
void trace_load_mooncake_file(benchmark::State& state) {
  const std::string text = mooncake_text();
  const auto path = (std::filesystem::temp_directory_path() / "gpushare_bench_trace.jsonl").string();
  std::ofstream(path, std::ios::binary) << text;
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(load_trace(path).size());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  std::filesystem::remove(path);
}

// What the parser used to be built on, on the same lines and in the same run: the JSON library's own check of them.
void json_library_mooncake_jsonl(benchmark::State& state) {
  const std::string text = mooncake_text();
  for ([[maybe_unused]] auto _ : state) {
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      benchmark::DoNotOptimize(
          nlohmann::json::accept(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(trace_parse_azure_csv)->Unit(benchmark::kMillisecond);
BENCHMARK(trace_parse_canonical_csv)->Unit(benchmark::kMillisecond);
BENCHMARK(trace_parse_short_jsonl)->Unit(benchmark::kMillisecond);
BENCHMARK(trace_parse_mooncake_jsonl)->Unit(benchmark::kMillisecond);
BENCHMARK(trace_load_mooncake_file)->Unit(benchmark::kMillisecond);
BENCHMARK(json_library_mooncake_jsonl)->Unit(benchmark::kMillisecond);

void trace_synthesise_azure_hour(benchmark::State& state) {
  std::size_t requests = 0;
  std::uint64_t seed = 0;
  for ([[maybe_unused]] auto _ : state) requests += azure_conversation_like(seed++).size();
  state.SetItemsProcessed(static_cast<std::int64_t>(requests));
}
BENCHMARK(trace_synthesise_azure_hour)->Unit(benchmark::kMillisecond);

void trace_inspect(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(inspect(conversation()).dispersion_60s);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(conversation().size()));
}
BENCHMARK(trace_inspect)->Unit(benchmark::kMillisecond);

void draw(benchmark::State& state, const ArrivalProcess& process) {
  ArrivalGenerator generator(process, Stream(1, 0, "bench"));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(generator.next());
  state.SetItemsProcessed(state.iterations());
}

void arrivals_poisson(benchmark::State& state) {
  ArrivalProcess process;
  process.rate_per_s = 5;
  draw(state, process);
}
void arrivals_on_off(benchmark::State& state) {
  ArrivalProcess process;
  process.kind = ArrivalProcess::Kind::on_off;
  process.rates = {10, 1};
  process.hold_s = {4, 16};
  draw(state, process);
}
void arrivals_gamma_poisson(benchmark::State& state) {
  ArrivalProcess process;
  process.kind = ArrivalProcess::Kind::gamma_poisson;
  process.rate_per_s = 5;
  process.shape = 22;
  draw(state, process);
}
BENCHMARK(arrivals_poisson);
BENCHMARK(arrivals_on_off);
BENCHMARK(arrivals_gamma_poisson);

}  // namespace
