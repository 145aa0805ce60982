// What services do that their documents do not show.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gpushare/engines.hpp"
#include "gpushare/profile.hpp"
#include "gpushare/scenario.hpp"
#include "gpushare/simulation.hpp"
#include "gpushare/warnings.hpp"
#include "scenario_documents.hpp"

namespace test_service_warnings {

namespace {

using namespace gpushare;
using gpushare::test::Json;

Json served(const std::string& gpu, const Json& service, const Json& sizes) {
  Json document = Json::parse(R"({"name": "one", "duration_s": 10,
    "pipelines": {"p": {"stages": [{"name": "s", "service": "s"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}, "pipeline": "p"}]})");
  document["gpu"] = gpu;
  document["services"]["s"] = service;
  document["traffic"][0]["sizes"] = sizes;
  return document;
}

std::vector<std::string> warned_at(const Json& document, const std::string& where) {
  std::vector<std::string> texts;
  for (const Warning& warning : warnings_of(parse_scenario(document.dump())))
    if (warning.where == where) texts.push_back(warning.text);
  return texts;
}

const Json kChat = Json::parse(R"({"input_tokens": 100, "output_tokens": 20})");

}  // namespace

TEST_CASE(
    "weights in a format that a card cannot multiply in are told on every card without its rate, and on no "
    "other") {
  for (const std::string& name : profile_names()) {
    CAPTURE(name);
    const bool native = load_profile(name).flops(Precision::fp8) > 0;
    const auto told =
        warned_at(served(name, Json::parse(R"({"model": "qwen2.5-0.5b", "precision": "fp8"})"), kChat),
                  "/services/s/precision");
    CHECK(told.size() == (native ? 0 : 1));
    if (!native) CHECK(told.front().find("cannot multiply in fp8") != std::string::npos);
  }
  const auto plain = served("t4", Json::parse(R"({"model": "qwen2.5-0.5b", "precision": "int4"})"), kChat);
  CHECK(warned_at(plain, "/services/s/precision").empty());
}

TEST_CASE("what a server does with such weights goes by the server") {
  const auto told = [](const char* preset) {
    Json service = Json::parse(R"({"model": "qwen2.5-0.5b", "precision": "fp8"})");
    service["engine"] = {{"preset", preset}};
    return warned_at(served("a100", service, kChat), "/services/s/precision").at(0);
  };
  CHECK(told("tensorrt-llm").find("refuses FP8 before Ada and Hopper") != std::string::npos);
  CHECK(told("vllm-0.24").find("compute capability 7.5") != std::string::npos);
}

TEST_CASE("a max_model_len that the cache does not hold once is told with the longest that it does") {
  const auto told = [](int context, int blocks) {
    Json service = Json::parse(R"({"model": "qwen2.5-0.5b"})");
    service["engine"] = {{"preset", "vllm-0.20"}, {"max_model_len", context}, {"kv_blocks", blocks}};
    return warned_at(served("l4", service, kChat), "/services/s/engine/max_model_len");
  };
  CHECK(told(16000, 1000).empty());
  const auto warned = told(16001, 1000);
  REQUIRE(warned.size() == 1);
  CHECK(warned[0].find("choose at most 16000") != std::string::npos);
}

TEST_CASE(
    "requests that are longer than a context on average are told before a run, and all are rejected in it") {
  for (const int prompt : {8000, 8093, 20000}) {
    CAPTURE(prompt);
    const Json document =
        served("a100", {{"model", "gemma-2-9b"}}, {{"input_tokens", prompt}, {"output_tokens", 100}});
    const bool fits = prompt + 100 <= 8192;
    CHECK(warned_at(document, "/traffic/0/sizes").empty() == fits);
    const Summary summary = simulate(parse_scenario(document.dump())).summary;
    CHECK((summary.rejected == summary.arrived) == !fits);
  }
}

TEST_CASE("a size that nothing on a request's way takes is told, whatever the model") {
  struct Served {
    const char* model;
    std::vector<std::string> takes;
  };
  const std::vector<Served> all{{R"("qwen2.5-0.5b")", {"input_tokens", "output_tokens"}},
                                {R"("parakeet-ctc-0.6b")", {"speech_s"}},
                                {R"("magpie-tts")", {"output_tokens", "units"}},
                                {R"("fastpitch-hifigan")", {"output_tokens", "units"}},
                                {R"("whisper-large-v3")", {"units"}},
                                {R"("bge-m3")", {"units"}},
                                {R"("resnet50")", {"units"}},
                                {R"({"kind": "synthetic", "gpu_s": 0.01})", {}}};
  for (const Served& one : all) {
    CAPTURE(one.model);
    const Json sizes = Json::parse(R"({"input_tokens": 9, "output_tokens": 9, "speech_s": 9, "units": 9})");
    for (const auto& size : sizes.items()) {
      const std::string& key = size.key();
      CAPTURE(key);
      const auto told =
          warned_at(served("a100", {{"model", Json::parse(one.model)}}, sizes), "/traffic/0/sizes/" + key);
      CHECK(told.empty() == (std::find(one.takes.begin(), one.takes.end(), key) != one.takes.end()));
    }
  }
  const auto told = warned_at(served("a100", {{"model", "whisper-large-v3"}}, {{"speech_s", 120}}),
                              "/traffic/0/sizes/speech_s");
  CHECK(told.at(0).find("one is a window of 30 s of speech") != std::string::npos);
}

TEST_CASE("every preset says with each answer where its host times are from, unless they are said") {
  for (const std::string& preset : engine_preset_names()) {
    CAPTURE(preset);
    Json service = Json::parse(R"({"model": "qwen2.5-0.5b"})");
    service["engine"] = {{"preset", preset}};
    const auto told = [&] {
      std::string text;
      for (const Warning& one : assumptions_of(parse_scenario(served("l4", service, kChat).dump())))
        text += to_string(one);
      return text;
    };
    std::string source;
    for (const ProvenanceEntry& figure : load_engine_preset(preset).provenance)
      if (figure.pointer.ends_with("host_per_sequence_s")) source = figure.source;
    REQUIRE(!source.empty());
    CHECK(told().find(source) != std::string::npos);
    service["engine"]["host_per_sequence_s"] = service["engine"]["host_per_step_s"] = 1e-5;
    CHECK(told().find("host times are from") == std::string::npos);
  }
}

}  // namespace test_service_warnings
