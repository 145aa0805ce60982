// What real LLM servers refuse, and what they choose by the card they run on.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "gpushare/engines.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/fits.hpp"
#include "gpushare/simulation.hpp"
#include "gpushare/warnings.hpp"
#include "scenario_documents.hpp"

namespace test_server_limits {

namespace {

using namespace gpushare;
using namespace gpushare::test;

Json chat(const std::string& engine, int prompt, int reply, const std::string& gpu = "a100") {
  Json document = parse(R"({"name": "chat", "duration_s": 20,
    "services": {"llm": {"model": "llama-3.1-8b"}},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 1}, "sizes": {}}]})");
  document["gpu"] = gpu;
  document["services"]["llm"]["engine"] = parse(engine);
  document["traffic"][0]["sizes"] = {{"input_tokens", prompt}, {"output_tokens", reply}};
  return document;
}

double of(const Run& run, const char* name) { return figure(run.summary, name); }

CardLimits limits(const std::string& gpu, double memory_bytes) {
  const auto engine = load_engine_preset("vllm-0.20").engine;
  return limits_on(std::get<ContinuousOptions>(engine.options), load_profile(gpu), memory_bytes);
}

}  // namespace

TEST_CASE("what is longer than a context or a cache is rejected by reason, with the longest that fits") {
  const Run context = simulate(read(chat(R"({"preset": "vllm-0.20"})", 500000, 128)));
  CHECK(of(context, "llm.rejected_over_context") == context.summary.services[0].rejected);
  CHECK(of(context, "llm.rejected_over_cache") == 0);
  CHECK(of(context, "llm.longest_sequence_tokens") == 131072);
  const Run cache = simulate(read(chat(R"({"preset": "vllm-0.20", "kv_blocks": 100})", 1600, 1)));
  CHECK(of(cache, "llm.rejected_over_cache") == cache.summary.services[0].rejected);
  CHECK(of(cache, "llm.longest_sequence_tokens") == 1600);
  CHECK(simulate(read(chat(R"({"preset": "vllm-0.20", "kv_blocks": 100})", 1599, 1))).summary.rejected == 0);
  const Run queue = simulate(read(chat(R"({"preset": "vllm-0.20", "queue_limit": 0})", 100, 1)));
  CHECK(of(queue, "llm.rejected_queue_full") == queue.summary.services[0].rejected);
  CHECK(queue.summary.rejected == queue.summary.arrived);
  CHECK(queue.summary.arrived > 10);
}

TEST_CASE("max_model_len bounds prompt and reply together, and may not be more than the model's context") {
  const char* engine = R"({"preset": "vllm-0.20", "max_model_len": 1000})";
  CHECK(simulate(read(chat(engine, 900, 100))).summary.rejected == 0);
  const Run longer = simulate(read(chat(engine, 900, 101)));
  CHECK(of(longer, "llm.rejected_over_context") == longer.summary.services[0].rejected);
  CHECK(complaint(chat(R"({"preset": "vllm-0.20", "max_model_len": 131073})", 1, 1)) ==
        "s.json#/services/llm/engine/max_model_len: 131073 is more than the context of llama-3.1-8b, 131072 "
        "tokens, and "
        "servers refuse to start with it");
}

TEST_CASE("a server's defaults follow the card and the slice, and what a document states holds everywhere") {
  const double gib = 1024.0 * 1024 * 1024;
  for (const char* gpu : {"h100", "h200"}) {
    CHECK(limits(gpu, 79 * gib).tokens == 8192);
    CHECK(limits(gpu, 79 * gib).sequences == 1024);
    CHECK(limits(gpu, 35 * gib).tokens == 2048);
    CHECK(limits(gpu, 35 * gib).sequences == 256);
  }
  CHECK(limits("a100", 79 * gib).tokens == 2048);
  const auto taken = [](const std::string& engine, const char* gpu, const char* name) {
    return of(simulate(read(chat(engine, 100, 10, gpu))), name);
  };
  const std::string preset = R"({"preset": "vllm-0.20"})";
  CHECK(taken(preset, "h200", "llm.max_num_batched_tokens") == 8192);
  CHECK(taken(preset, "h200", "llm.max_num_seqs") == 1024);
  CHECK(taken(preset, "a100", "llm.max_num_batched_tokens") == 2048);
  CHECK(taken(R"({"preset": "vllm-0.20", "max_num_batched_tokens": 512})", "h200",
              "llm.max_num_batched_tokens") == 512);
  CHECK(taken(R"({"preset": "vllm-0.20", "max_num_batched_tokens": 512})", "h200", "llm.max_num_seqs") ==
        512);
}

TEST_CASE("activations grow with the token budget and the sequences, and take the cache's room") {
  const Model model = load_model("llama-3.1-8b");
  const auto& llama = std::get<LlmModel>(model.cost);
  CHECK(llama.activations(2048, 256, 1) == llama.activation_bytes);
  CHECK(llama.activations(8192, 256, 1) == doctest::Approx(llama.activation_bytes + 6144.0 * 4096 * 2 * 15));
  CHECK(llama.activations(8192, 256, 2) < llama.activations(8192, 256, 1));
  // Left beside weights and cache by vLLM 0.24 on an H200: 34.0e9 less 16.06e9 and 14.4 GiB, the context included.
  CHECK(llama.activations(8192, 1024, 1) ==
        doctest::Approx(34.0e9 - 16.06e9 - 14.42 * 1.0737e9).epsilon(0.1));
  const auto blocks = [](const char* engine) {
    const Scenario scenario = read(chat(engine, 100, 10));
    const Service& service = scenario.workload.services[0];
    const GpuPlacement& gpu = scenario.placement.gpus[0];
    return memory_need(service, gpu.profile(), gpu.parts()[0], 1).kv_blocks;
  };
  CHECK(blocks(R"({"max_num_batched_tokens": 8192})") < blocks(R"({"max_num_batched_tokens": 2048})"));
}

TEST_CASE("without CUDA graphs every iteration lasts as long as its launches") {
  const auto gap_s = [](const char* engine) {
    return of(simulate(read(chat(engine, 100, 200))), "llm.tpot_p50_s");
  };
  const double kernels = std::get<LlmModel>(load_model("llama-3.1-8b").cost).kernels_per_step;
  const double captured = gap_s(R"({"cuda_graph_max_batch": 256, "eager_kernel_s": 1e-4})");
  const double eager =
      gap_s(R"({"cuda_graph_max_batch": 256, "eager_kernel_s": 1e-4, "enforce_eager": true})");
  CHECK(captured < 0.5 * kernels * 1e-4);
  CHECK(eager == doctest::Approx(kernels * 1e-4).epsilon(0.02));
  const auto assumed = assumptions_of(read(chat(R"({"preset": "vllm-0.20", "enforce_eager": true})", 1, 1)));
  const auto told = [](const Warning& one) {
    return one.text.find("eager_kernel_s 6.6e-05") != std::string::npos;
  };
  CHECK(std::any_of(assumed.begin(), assumed.end(), told));
}

TEST_CASE("a cache of 8 bits holds twice the tokens, and is read in half the bytes") {
  const auto service = [](const char* engine) { return read(chat(engine, 100, 10)).workload.services[0]; };
  const auto kept = [&](const char* engine) {
    return std::get<LlmModel>(service(engine).model->cost).formats.front().kv_bytes_per_token;
  };
  const auto blocks = [&](const char* engine) {
    const Scenario scenario = read(chat(engine, 100, 10));
    const GpuPlacement& gpu = scenario.placement.gpus[0];
    return memory_need(scenario.workload.services[0], gpu.profile(), gpu.parts()[0], 1).kv_blocks;
  };
  CHECK(kept(R"({"kv_cache_dtype": "fp8"})") == kept("{}") / 2);
  CHECK(kept(R"({"kv_cache_dtype": "auto"})") == kept("{}"));
  CHECK(blocks(R"({"kv_cache_dtype": "fp8_e5m2"})") ==
        doctest::Approx(2.0 * static_cast<double>(blocks("{}"))).epsilon(0.001));
  CHECK(complaint(chat(R"({"kv_cache_dtype": "int4"})", 1, 1)).find("fp8_e4m3") != std::string::npos);
}

}  // namespace test_server_limits
