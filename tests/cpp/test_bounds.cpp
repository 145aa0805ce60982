#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/limited_mean.hpp"
#include "gpushare/bounds.hpp"
#include "gpushare/simulation.hpp"
#include "scenario_documents.hpp"
#include "thinned.hpp"

namespace test_bounds {

using namespace gpushare;
using namespace gpushare::test;

namespace {

struct Case {
  std::string name;
  std::string service;  // JSON
  std::string sizes;
  std::string mode;
  double tight;  // what a saturated server is known to reach of its bound at least
  std::string gpu = "a100";

  [[nodiscard]] bool is_random() const {
    return (sizes + service).find("\"mean\"") != std::string::npos ||
           sizes.find("\"low\"") != std::string::npos;
  }
};

// One service, a stage long, offered three times what it can serve; what waits is bounded.
Scenario saturated(const Case& one, double rate_per_s, double duration_s) {
  Json document = queue_document();
  document["gpu"] = one.gpu;
  document["duration_s"] = duration_s;
  document["services"]["server"] = parse(one.service);
  document["services"]["server"]["engine"]["queue_limit"] = 2000;
  document["traffic"][0]["sizes"] = parse(one.sizes);
  document["traffic"][0]["arrivals"] = {{"kind", "constant"}, {"rate_per_s", rate_per_s}};
  return read(document, one.mode);
}

double served_share(const Case& one) {
  const Scenario probe = saturated(one, 1, 1);
  const GpuPlacement& gpu = probe.placement.gpus.back();
  const auto traffic = service_traffic(probe.workload);
  double bound = 0;
  for (std::size_t p = 0; p < gpu.partitions.size(); ++p)
    for (std::size_t i = 0; i < gpu.partitions[p].processes.size(); ++i)
      bound += capacity_bound(probe.workload.services[0], traffic[0].mean, {gpu.profile(), gpu.parts()[p]});
  REQUIRE(bound > 0);
  const double duration_s = std::max(20.0, 8000 / bound);
  const Scenario scenario = saturated(one, 3 * bound, duration_s);
  RunOptions options;
  options.record_requests = false;
  return simulate(scenario, options).summary.request_throughput / bound;
}

const char* kChat = R"({"input_tokens": 500, "output_tokens": 200})";
std::string llm(const std::string& more, const std::string& model = "llama-3.1-8b") {
  return R"({"model": ")" + model + R"(", "engine": {"kind": "continuous-batching")" + more + "}}";
}

std::string batched(const std::string& model, int most) {
  return R"({"model": ")" + model + R"(", "engine": {"kind": "dynamic-batching", "max_queue_delay_s": 0.01,
    "max_batch": )" +
         std::to_string(most) + "}}";
}

std::vector<Case> llm_cases() {
  const std::string int4 =
      R"({"model": "llama-3.1-8b", "precision": "int4", "engine": {"kind": "continuous-batching"}})";
  const std::string fp8 =
      R"({"model": "llama-3.1-8b", "precision": "fp8", "engine": {"kind": "continuous-batching"}})";
  return {
      {"chat", llm(""), kChat, "dedicated", 0.85},
      {"prompts only", llm(""), R"({"input_tokens": 2000, "output_tokens": 1})", "dedicated", 0.95},
      {"long replies", llm(""), R"({"input_tokens": 30, "output_tokens": 400})", "dedicated", 0.85},
      {"short of cache", llm(""), R"({"input_tokens": 4000, "output_tokens": 500})", "dedicated", 0.85},
      {"little cache", llm(R"(, "kv_blocks": 500)"), R"({"input_tokens": 30, "output_tokens": 400})",
       "dedicated", 0.8},
      {"random sizes", llm(""),
       R"({"input_tokens": {"kind": "lognormal", "mean": 600, "sigma": 0.6, "max": 3000},
        "output_tokens": {"kind": "exponential", "mean": 150, "max": 600}})",
       "dedicated", 0.8},
      {"int4", int4, kChat, "dedicated", 0.8},
      {"int4 in a slice", int4, kChat, "mig:7x1g.10gb", 0.65},
      {"halves", llm(""), kChat, "mig:3g.40gb+3g.40gb", 0.8},
      {"FP8 on H100", fp8, kChat, "dedicated", 0.8, "h100"},
      {"A30", llm("", "llama-3.2-1b"), kChat, "dedicated", 0.8, "a30"},
      {"experts on H200", llm("", "mixtral-8x7b"), kChat, "dedicated", 0.75,
       "h200"},  // the bound is at full clock
      {"vLLM 0.20", llm(R"(, "preset": "vllm-0.20")"), kChat, "dedicated", 0.8},
      {"vLLM 0.7", llm(R"(, "preset": "vllm-0.7")"), kChat, "dedicated", 0.75},
      {"TensorRT-LLM", llm(R"(, "preset": "tensorrt-llm")"), kChat, "dedicated", 0.7},
      {"SGLang", llm(R"(, "preset": "sglang")"), kChat, "dedicated", 0.7},
      {"cached share", llm(R"(, "prefix_cache_share": 0.5)"), kChat, "dedicated", 0.8},
      {"few sequences", llm(R"(, "max_num_seqs": 8)"), kChat, "dedicated", 0.8},
      {"guesses", llm(R"(, "speculation": {"tokens": 3, "acceptance": 0.7, "draft": "llama-3.2-1b"})"), kChat,
       "dedicated", 0.3},
      {"slow host", llm(R"(, "host_per_step_s": 0.02, "host_per_sequence_s": 1e-4)"), kChat, "dedicated",
       0.8},
  };
}

std::vector<Case> other_cases() {
  const std::string asr = R"({"model": "parakeet-1.1b", "engine": {"kind": "stream-batching", "max_batch": 64,
    "chunk_s": 0.16, "max_streams": 500}})";
  const std::string transducer = R"({"model": "parakeet-rnnt-1.1b", "engine": {"kind": "stream-batching",
    "max_batch": 32, "chunk_s": 0.16, "speech_speed": 12.8, "max_streams": 500, "overlap_decoding": true}})";
  const std::string tts =
      R"({"model": "magpie-tts", "engine": {"kind": "autoregressive-slots", "slots": 32}})";
  const std::string fifo = R"({"model": "embedding-0.3b", "engine": {"kind": "fifo", "concurrency": 2}})";
  const std::string drawn =
      R"({"model": {"kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.5}}})";
  const char* speech = R"({"speech_s": 5})";
  const char* sentence = R"({"output_tokens": 20})";
  return {
      {"streams", asr, speech, "dedicated", 0.9},
      {"streams in halves", asr, speech, "mig:3g.40gb+3g.40gb", 0.9},
      {"overlapping decoding", transducer, speech, "dedicated", 0.9},
      {"synthesis", tts, sentence, "dedicated", 0.8},
      {"synthesis in halves", tts, sentence, "mig:3g.40gb+3g.40gb", 0.8},
      {"synthesis in growing chunks", R"({"model": "magpie-tts", "engine": {"kind": "autoregressive-slots",
        "slots": 64, "first_chunk_frames": 7.5, "chunk_frames": 2.6, "chunk_growth": 0.0096}})",
       sentence, "dedicated", 0.8},
      {"embeddings", batched("embedding-0.3b", 32), "{}", "dedicated", 0.95},
      {"embeddings in slices", batched("embedding-0.3b", 8),
       R"({"units": {"kind": "uniform", "low": 0.5, "high": 3}})", "mig:7x1g.10gb", 0.9},
      {"images", batched("yolos-small", 4), "{}", "dedicated", 0.95},
      {"sentences at once", batched("fastpitch-hifigan", 16), sentence, "dedicated", 0.95},
      {"two beside each other", fifo, "{}", "dedicated", 0.65},
      {"drawn", drawn, "{}", "dedicated", 0.9},
  };
}

}  // namespace

TEST_CASE("no saturated server beats its capacity bound") {
  for (const auto& list : {llm_cases(), other_cases()}) {
    for (const Case& one : list) {
      const double share = served_share(one);
      INFO(one.name << " reaches " << share << " of its bound");
      CHECK(share <= (one.is_random() ? 1.02 : 1));  // the bound is of the mean request
      CHECK(share >= one.tight);
    }
  }
}

namespace {

// An LLM, a recogniser and an embedder, each with requests of its own, all offered more than they can serve.
Json three_services() {
  return parse(R"({
    "name": "three", "duration_s": 60, "gpu": "a100", "host": {"cores": 8},
    "services": {
      "llm": {"model": "llama-3.1-8b", "engine": {"kind": "continuous-batching", "queue_limit": 100,
              "gpu_memory_utilization": 0.6}},
      "asr": {"model": "parakeet-1.1b", "engine": {"kind": "stream-batching", "max_batch": 64, "max_streams": 200,
              "queue_limit": 100}},
      "embed": {"model": "embedding-0.3b", "engine": {"kind": "dynamic-batching", "max_batch": 16,
                "queue_limit": 100}}},
    "pipelines": {"llm": {"stages": [{"name": "llm", "service": "llm"}]},
                  "asr": {"stages": [{"name": "asr", "service": "asr"}]},
                  "embed": {"stages": [{"name": "embed", "service": "embed"}]}},
    "traffic": [
      {"name": "llm", "pipeline": "llm", "kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 40},
       "sizes": {"input_tokens": 500, "output_tokens": 100}},
      {"name": "asr", "pipeline": "asr", "kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 60},
       "sizes": {"speech_s": 5}},
      {"name": "embed", "pipeline": "embed", "kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 1500}}]
  })");
}

// Requests of each traffic that were served within the horizon, a second.
std::vector<double> served_rates(const Scenario& scenario) {
  const Run run = simulate(scenario);
  const auto& traffic = run.requests.find("traffic")->codes;
  const auto& status = run.requests.find("status")->codes;
  const auto& finish = run.requests.find("finish_s")->numbers;
  std::vector<double> rates(scenario.workload.traffic.size());
  for (std::size_t i = 0; i < traffic.size(); ++i)
    if (status[i] == 0 && finish[i] <= scenario.workload.duration_s)
      rates[static_cast<std::size_t>(traffic[i])] += 1 / scenario.workload.duration_s;
  return rates;
}

// How far what was served could have grown.
double factor_of_served(const Scenario& scenario) {
  const std::vector<double> rates = served_rates(scenario);
  std::vector<ServiceTraffic> traffic = service_traffic(scenario.workload);
  for (std::size_t s = 0; s < traffic.size(); ++s) traffic[s].per_s = rates[s];
  return load_bound(scenario.workload, traffic, scenario.placement).factor;
}

}  // namespace

TEST_CASE("what services serve together lies within the bound of their placement") {
  struct Shared {
    const char* mode;
    double most;  // how much more the bound allows at most
  };
  for (const Shared& shared : {Shared{"dedicated", 1.1}, Shared{"time-slicing", 1.5}, Shared{"mps", 2.2},
                               Shared{"mps:40/30/30", 2.2}, Shared{"mig:3g.40gb+2g.20gb+2g.20gb", 1.2},
                               Shared{"mig:4g.40gb+3g.40gb/time-slicing", 1.4}}) {
    const double factor = factor_of_served(read(three_services(), shared.mode));
    INFO(shared.mode << ": the bound is " << factor << " times what is served");
    CHECK(factor >= 1);
    CHECK(factor <= shared.most);
  }
}

TEST_CASE("the least work of a batch is its largest, by hand") {
  const Scenario scenario = read(patched(queue_document(), R"({"services": {"server": {
    "model": "yolos-small", "engine": {"kind": "dynamic-batching", "max_batch": 4}}}})"));
  const Service& service = scenario.workload.services[0];
  const GpuPlacement& gpu = scenario.placement.gpus[0];
  const auto traffic = service_traffic(scenario.workload);
  const LeastWork work = least_work(service, traffic[0].mean, {gpu.profile(), gpu.parts()[0]});
  // floor, four images at 0.189 of the fp32 rate, the weights at 0.8 of the bandwidth
  const double step_s = 0.050285 + 4 * 139.3e9 / (19.5e12 * 0.189) + 123e6 / (2.039e12 * 0.8);
  CHECK(work.gpu_s == doctest::Approx(step_s / 4));
  CHECK(work.flop == doctest::Approx(139.3e9));
  CHECK(work.bytes == doctest::Approx(123e6 / 4));
  CHECK(capacity_bound(work) == doctest::Approx(4 / step_s));
}

TEST_CASE("a reply's weights are read once for as many sequences as run, and its cache for each") {
  const Scenario scenario =
      read(patched(queue_document(), R"({"services": {"server": {"model": "llama-3.1-8b",
    "engine": {"kind": "continuous-batching", "max_num_seqs": 8}}}, "traffic": [{"kind": "open",
    "arrivals": {"kind": "poisson", "rate_per_s": 1}, "sizes": {"input_tokens": 100, "output_tokens": 81}}]})"));
  const GpuPlacement& gpu = scenario.placement.gpus[0];
  const auto traffic = service_traffic(scenario.workload);
  const LeastWork work =
      least_work(scenario.workload.services[0], traffic[0].mean, {gpu.profile(), gpu.parts()[0]});
  const double weights = 80 / 8.0 * 15.01e9;
  const double cache = (80 * 100 + 80 * 81 / 2.0) * 131072;
  const double norms = 180 * 12e6;
  CHECK(work.bytes == doctest::Approx(weights + cache + norms).epsilon(2e-4));
  const double flop = 180 * 13.96e9 + 81 * 1.05e9 + 100 * 101 / 2.0 * 524288;
  CHECK(work.flop == doctest::Approx(flop));
}

TEST_CASE("rates are those of visits") {
  const Scenario voice = read(voice_document());
  const auto alone = service_traffic(voice.workload);
  // Two users, who wait while they speak and while the server reads the prompt, and do not think.
  const double spoken_s = 5 + voice.workload.services[1].engine.request_overhead_s;
  CHECK(alone[0].per_s == doctest::Approx(2 / spoken_s));
  CHECK(alone[1].per_s == doctest::Approx(2 / spoken_s));
  CHECK(alone[2].per_s == doctest::Approx(2 * 2 / spoken_s));  // 40 tokens are two sentences
  CHECK(alone[2].mean.audio_s == doctest::Approx(20 * 0.3));
  const auto waiting = service_traffic(voice.workload, &voice.placement.gpus[0].profile());
  CHECK(waiting[0].per_s < 0.8 * alone[0].per_s);
  const double served = simulate(voice).summary.request_throughput;
  CHECK(served <= waiting[0].per_s);

  const Scenario on_off = read(patched(queue_document(), R"({"traffic": [{"kind": "open",
    "arrivals": {"kind": "on-off", "rates_per_s": [1, 9], "hold_s": [3, 1]}}]})"));
  CHECK(service_traffic(on_off.workload)[0].per_s == doctest::Approx(3));
}

TEST_CASE("a service that does not fit has no capacity") {
  const Scenario scenario =
      read(patched(queue_document(), R"({"services": {"server": {"model": "llama-3.1-8b",
    "engine": {"kind": "continuous-batching"}}}, "traffic": [{"kind": "open",
    "arrivals": {"kind": "poisson", "rate_per_s": 1}, "sizes": {"input_tokens": 10, "output_tokens": 10}}]})"));
  const GpuProfile a100 = load_profile("a100");
  const auto traffic = service_traffic(scenario.workload);
  const auto on = [&](const char* layout) {
    const Partition part = partitions(a100, parse_layout(a100, layout)).front();
    return capacity_bound(scenario.workload.services[0], traffic[0].mean, {a100, part});
  };
  CHECK(on("1g.10gb") == 0);
  CHECK(on("3g.40gb") > 0);
  CHECK(on("whole") > on("3g.40gb"));
}

TEST_CASE("the mean of limited samples is what samples have on average") {
  constexpr int kDraws = test::thinned(200'000);
  const double tolerance = 0.012 * std::sqrt(200'000.0 / kDraws);
  for (Distribution d : {uniform(2, 8), exponential(4), gamma(4, 0.7), gamma(4, 3), weibull(4, 0.8),
                         lognormal_with_mean(4, 0.9), pareto(1, 1.2), pareto(1, 1), zipf(1.1, 40),
                         empirical({1, 4, 9}, {1, 2, 1}), constant(5)}) {
    for (const auto& limits : {std::pair{0.0, 6.0}, std::pair{3.0, 1e300}, std::pair{2.5, 7.0}}) {
      if (d.kind == Distribution::Kind::pareto && limits.second > 10)
        continue;  // its samples have no steady mean
      d.low = limits.first;
      d.high = limits.second;
      Stream luck(7, 0, "limited");
      double sum = 0;
      for (int i = 0; i < kDraws; ++i) sum += d.sample(luck);
      INFO(static_cast<int>(d.kind) << " within " << d.low << " and " << d.high);
      CHECK(limited_mean(d) == doctest::Approx(sum / kDraws).epsilon(tolerance));
    }
  }
}

}  // namespace test_bounds
