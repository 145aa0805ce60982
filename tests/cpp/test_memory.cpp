#include <doctest/doctest.h>

#include "scenario_documents.hpp"

namespace test_memory {

using namespace gpushare;
using namespace gpushare::test;
using doctest::Approx;

namespace {

// Of llama-3.1-8b and a100: weights 16.06 GB (8.03e9 parameters x 2 B), 0.8 GB beside them, 0.45 GB of context;
// 131,072 B of cache a token (2 x 32 layers x 8 heads x 128 x 2 B), 2,097,152 B a block of 16.
constexpr double kLlamaFixed = 16.06e9 + 0.8e9 + 0.45e9;
constexpr double kBlock = 16 * 131072.0;
constexpr double kWhole = 85356183552.0;  // 80 GiB less 518 MiB
constexpr double kOneSlice = 9.5 * 1024 * 1024 * 1024;

Json chat() {
  return patched(queue_document(), R"({"services": {"server": null, "llm": {"model": "llama-3.1-8b"}},
    "pipelines": {"visit": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}, "sizes": {"output_tokens": 9}}]})");
}

MemoryNeed need(const Scenario& scenario, std::size_t gpu, std::size_t partition, std::size_t process) {
  return memory_needs(scenario.workload.services, scenario.placement.gpus.at(gpu)).at(partition).at(process);
}

std::string refusal(const Json& document, const std::string& mode = {}) {
  try {
    check_memory(read(document, mode));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

Json listed(Json document, const std::string& sharing, const std::string& processes) {
  document["placement"] = Json::object();
  document["placement"]["gpus"] =
      parse(R"([{"partitions": [{"sharing": ")" + sharing + R"(", "processes": )" + processes + "}]}]");
  return document;
}

}  // namespace

TEST_CASE("an LLM takes 0.9 of the memory, and what its weights leave of that is cache in whole blocks") {
  const MemoryNeed alone = need(read(chat()), 0, 0, 0);
  CHECK(alone.weights == 16.06e9);
  CHECK(alone.activations == 0.8e9);
  CHECK(alone.context == 0.45e9);
  CHECK(alone.kv_blocks == static_cast<std::int64_t>((0.9 * kWhole - kLlamaFixed) / kBlock));
  CHECK(alone.kv_blocks == 28376);  // 59.5 GB
  CHECK(alone.cache == static_cast<double>(alone.kv_blocks) * kBlock);
  CHECK(alone.total == Approx(kLlamaFixed + alone.cache));
  CHECK(alone.total <= 0.9 * kWhole);
}

TEST_CASE("LLM processes that share memory share the 0.9 evenly") {
  const Scenario four = read(chat(), "time-slicing:4");
  CHECK_NOTHROW(check_memory(four));
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(need(four, 0, 0, i).kv_blocks ==
          static_cast<std::int64_t>((0.225 * kWhole - kLlamaFixed) / kBlock));
}

TEST_CASE("memory_need is the need of one process") {
  const Scenario scenario = read(chat());
  const GpuPlacement& gpu = scenario.placement.gpus[0];
  const Service& llm = scenario.workload.services[0];
  CHECK(memory_need(llm, gpu.profile(), gpu.parts()[0], 1).kv_blocks == 28376);
  CHECK(memory_need(llm, gpu.profile(), gpu.parts()[0], 4).kv_blocks ==
        need(read(chat(), "time-slicing:4"), 0, 0, 0).kv_blocks);
}

TEST_CASE("fp16 does not fit 10 GB, and the refusal shows the sum and what does") {
  const std::string text = complaint(chat(), "mig:7x1g.10gb");
  CHECK(text.find("gpu0/1g.10gb@0: llm needs 17.4 GB (weights 16.1 + activations 0.8 + context 0.5 + cache "
                  "of 1024 tokens 0.1) of "
                  "10.2 GB (9.5 GiB), of which 9.2 GB (gpu_memory_utilization 0.9); choose int4 (7.0 GB) or "
                  "a partition of at least "
                  "20 GB, which 7x1g.10gb has not") == 0);
  const Scenario int4 =
      read(patched(chat(), R"({"services": {"llm": {"precision": "int4"}}})"), "mig:7x1g.10gb");
  CHECK_NOTHROW(check_memory(int4));
  CHECK(replicas_in(int4)[0] == 7);
  CHECK(need(int4, 0, 6, 0).kv_blocks ==
        static_cast<std::int64_t>((0.9 * kOneSlice - 5.6e9 - 0.8e9 - 0.45e9) / kBlock));
}

TEST_CASE("where a larger share of the memory would do, the least that does is told") {
  for (const char* model : {"llama-3.1-8b", "qwen2.5-14b", "gemma-2-2b", "qwen2.5-32b"}) {
    for (const char* gpu : {"a100", "l40s", "h200"}) {
      CAPTURE(model);
      CAPTURE(gpu);
      Json document = chat();
      document["gpu"] = gpu;
      document["services"]["llm"] = {{"model", model}, {"engine", {{"gpu_memory_utilization", 0.03}}}};
      const std::string told = refusal(document);
      const auto at = told.find("gpu_memory_utilization of at least ");
      if (at == std::string::npos) {  // nor would all of it
        document["services"]["llm"]["engine"]["gpu_memory_utilization"] = 0.95;
        CHECK(refusal(document) != "accepted");
        continue;
      }
      const double least =
          std::stod(told.substr(at + std::string("gpu_memory_utilization of at least ").size()));
      document["services"]["llm"]["engine"]["gpu_memory_utilization"] = least;
      CHECK(refusal(document) == "accepted");
      document["services"]["llm"]["engine"]["gpu_memory_utilization"] = least - 0.01;
      CHECK(refusal(document) != "accepted");
    }
  }
}

TEST_CASE("too many LLM processes on one GPU are refused with the number that fits") {
  CHECK(refusal(chat(), "time-slicing:8") ==
        "gpu0/whole: llm needs 17.4 GB (weights 16.1 + activations 0.8 + context 0.5 + cache of 1024 tokens "
        "0.1) of 85.4 GB (79.49 "
        "GiB), of which 9.6 GB (gpu_memory_utilization 0.1125, 8 LLM processes); choose int4 (7.0 GB) or at "
        "most 4 such processes on "
        "it");
  CHECK(refusal(patched(chat(), R"({"services": {"llm": {"precision": "int4"}}})"), "time-slicing:8") ==
        "accepted");
}

TEST_CASE("utilisations that are given are shares of the whole memory and must not exceed it together") {
  const Json half = patched(chat(), R"({"services": {"llm": {"engine": {"gpu_memory_utilization": 0.5}}}})");
  CHECK(need(read(half, "time-slicing:2"), 0, 0, 1).kv_blocks ==
        static_cast<std::int64_t>((0.5 * kWhole - kLlamaFixed) / kBlock));
  // The second one's own context is gone before it looks.
  CHECK(refusal(half, "time-slicing:2") ==
        "gpu0/whole: llm finds 42.2 GB free when it starts, after the processes listed before it and its own "
        "context, and "
        "wants 42.7 GB (gpu_memory_utilization 0.5): it would stop; choose at most 0.49 each, or list it "
        "first");
  const Json less = patched(chat(), R"({"services": {"llm": {"engine": {"gpu_memory_utilization": 0.49}}}})");
  CHECK(refusal(less, "time-slicing:2") == "accepted");
  CHECK(refusal(half, "time-slicing:3") ==
        "gpu0/whole: gpu_memory_utilization of the processes that share it: llm 0.5 + llm 0.5 + llm 0.5 = "
        "1.5, more than 1; choose at "
        "most 0.33 each: the last one to start finds its own context gone too");
}

TEST_CASE("an LLM that leaves no room for its neighbours is told how much to take") {
  Json document = patched(voice_document(), R"({"placement": {"consolidate": ["llm", "asr"]}})");
  CHECK(refusal(document, "time-slicing") ==
        "gpu1/whole: llm 76.8 GB + asr 9.6 GB = 86.4 GB of 85.4 GB (79.49 GiB); choose a "
        "gpu_memory_utilization of at most 0.88 for "
        "each LLM process");
  document["services"]["llm"]["engine"] = parse(R"({"gpu_memory_utilization": 0.88})");
  CHECK(refusal(document, "time-slicing") == "accepted");
}

TEST_CASE("memory_bytes is the whole process, and an LLM's cache is what it leaves") {
  const Scenario scenario = load_scenario("hollow-gpu");
  const MemoryNeed llm = need(scenario, 0, 0, 0);
  CHECK(llm.total == 73.2e9);
  CHECK(llm.kv_blocks == static_cast<std::int64_t>((73.2e9 - kLlamaFixed) / kBlock));
  CHECK(need(scenario, 1, 0, 0).total == 9.6e9);
  CHECK(need(scenario, 2, 0, 0).total == 13.4e9);
  CHECK(need(scenario, 2, 0, 0).slots == 8);
  CHECK(refusal(patched(chat(), R"({"services": {"llm": {"memory_bytes": 17e9}}})")) ==
        "gpu0/whole: llm needs 17.4 GB (weights 16.1 + activations 0.8 + context 0.5 + cache of 1024 tokens "
        "0.1), but its memory_bytes "
        "gives it 17.0 GB; raise memory_bytes or choose a smaller precision");
}

TEST_CASE("a fixed number of blocks sets the cache") {
  const Json document = patched(chat(), R"({"services": {"llm": {"engine": {"kv_blocks": 1000}}}})");
  const MemoryNeed fixed = need(read(document), 0, 0, 0);
  CHECK(fixed.kv_blocks == 1000);
  CHECK(fixed.total == Approx(kLlamaFixed + 1000 * kBlock));
}

TEST_CASE("a batch profile left open is the largest that fits beside the neighbours") {
  // magpie-tts: 14.6, 31.6 and 60.2 GB for 8, 32 and 64 streams; parakeet-1.1b beside it takes 9.6 GB.
  CHECK(need(read(voice_document(), "dedicated"), 2, 0, 0).slots == 64);
  CHECK(need(read(voice_document(), "time-slicing"), 1, 0, 1).slots == 64);         // 69.8 of 85.4 GB
  CHECK(need(read(voice_document(), "mig:3g.40gb+3g.40gb"), 1, 1, 0).slots == 32);  // 42.1 GB
  const Scenario sliced = read(voice_document(), "mig:4g.40gb@0+2g.20gb@4+1g.10gb@6");
  CHECK(placement_of(sliced) == "whole=llm | 4g.40gb@0=asr 2g.20gb@4=tts 1g.10gb@6=asr");
  CHECK(need(sliced, 1, 1, 0).slots == 8);
  const Json two = patched(voice_document(), R"({"services": {"tts": {"replicas": 2}}})");
  const Scenario shared =
      read(two, "time-slicing");  // 9.6 + 31.6 + 31.6 = 72.8 GB; 60.2 + 14.6 + 9.6 would fit as well
  CHECK(need(shared, 1, 0, 1).slots == 32);
  CHECK(need(shared, 1, 0, 2).slots == 32);
  CHECK(refusal(two, "time-slicing") == "accepted");
}

TEST_CASE("processes of time-slicing and MPS share one pool") {
  Json document = queue_document();
  document["services"]["server"]["memory_bytes"] = 30e9;
  CHECK(refusal(document, "time-slicing:2") == "accepted");
  CHECK(refusal(document, "time-slicing:3") ==
        "gpu0/whole: server 30.0 GB + server 30.0 GB + server 30.0 GB = 90.0 GB of 85.4 GB (79.49 GiB); "
        "place fewer processes here or "
        "choose a larger partition");
  CHECK(refusal(listed(document, "mps", R"(["server", "server", "server"])"))
            .find("gpu0/whole: server 30.0 GB + ") == 0);
}

TEST_CASE("compute instances share the memory of their GPU instance") {
  Json document = queue_document();
  document["services"]["server"]["memory_bytes"] = 25e9;
  document["placement"]["gpus"] = parse(
      R"json([{"layout": "3g.40gb@0(1c,2c)", "partitions": [{"processes": ["server"]}, {"processes": ["server"]}]}])json");
  CHECK(refusal(document).find("server 25.0 GB + server 25.0 GB = 50.0 GB of 42.1 GB (39.25 GiB)") !=
        std::string::npos);
  document["services"]["server"]["memory_bytes"] = 20e9;
  CHECK(refusal(document) == "accepted");
}

TEST_CASE("an MPS memory limit bounds a process") {
  CHECK(refusal(listed(voice_document(), "mps",
                       R"([{"service": "asr", "memory_limit_bytes": 5e9}, "tts", {"service": "llm",
        "memory_limit_bytes": 25e9}])")) ==
        "gpu0/whole: asr needs 9.6 GB (weights 2.1 + activations 7.5), but its memory_limit_bytes is 5.0 GB; "
        "raise the limit");
  const Scenario limited =
      read(listed(voice_document(), "mps", R"(["asr", {"service": "tts", "memory_limit_bytes": 40e9},
        {"service": "llm", "memory_limit_bytes": 30e9}])"));
  CHECK_NOTHROW(check_memory(limited));
  CHECK(need(limited, 0, 0, 1).slots == 32);
  CHECK(need(limited, 0, 0, 2).kv_blocks == static_cast<std::int64_t>((0.9 * 30e9 - kLlamaFixed) / kBlock));
}

TEST_CASE("batch and synthetic models add the context to what they say they hold") {
  Json document = queue_document();
  document["services"]["server"]["model"]["memory_bytes"] = 1e9;
  CHECK(need(read(document), 0, 0, 0).total == Approx(1.45e9));
  document["services"]["server"] =
      parse(R"({"model": "embedding-0.3b", "engine": {"kind": "dynamic-batching", "max_batch": 10}})");
  CHECK(need(read(document), 0, 0, 0).total == Approx(2e9 + 10 * 20e6 + 0.45e9));
}

TEST_CASE("MPS takes 48 clients, and on an instance a share of them like its SMs") {
  Json document = queue_document();
  document["services"]["server"]["memory_bytes"] = 1e8;
  document["services"]["server"]["replicas"] = 48;
  CHECK(refusal(document, "mps") == "accepted");
  document["services"]["server"]["replicas"] = 49;
  CHECK(refusal(document, "mps") == "gpu0/whole: 49 MPS clients, but a100 takes at most 48");
  // 48 x 14 of 98 SMs is 6.9
  document["services"]["server"]["replicas"] = 7;
  CHECK(refusal(document, "mig:1g.10gb/mps") ==
        "gpu0/1g.10gb@0: 7 MPS clients, but 1g.10gb@0 takes at most 6");
  document["services"]["server"]["replicas"] = 6;
  CHECK(refusal(document, "mig:1g.10gb/mps") == "accepted");
}

}  // namespace test_memory
