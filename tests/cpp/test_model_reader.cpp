#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/builtin.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/model.hpp"

namespace test_model_reader {

using namespace gpushare;
using doctest::Approx;
using nlohmann::json;

namespace {

json document(const char* name) { return json::parse(builtin("models", name).value()); }

std::string refusal(const json& model) {
  try {
    (void)parse_model(model.dump(), "m.json");
  } catch (const ModelError& error) {
    return error.what();
  }
  return "no error";
}

/// What ModelError says after `pointer` of a model has been set to `value`.
std::string refusal(const char* name, const char* pointer, const json& value) {
  json model = document(name);
  model[json::json_pointer(pointer)] = value;
  return refusal(model);
}

std::string refusal_without(const char* name, const char* parent, const char* key) {
  json model = document(name);
  model[json::json_pointer(parent)].erase(key);
  return refusal(model);
}

}  // namespace

TEST_CASE("a synthetic service has plain numbers") {
  const Model model = parse_model(
      R"({"name": "station", "kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.1},
          "host_before_s": 0.002, "memory_bytes": 1e9})");
  CHECK(model.title == "station");
  const auto& station = std::get<SyntheticModel>(model.cost);
  CHECK(station.gpu_s.kind == Distribution::Kind::exponential);
  CHECK(station.gpu_s.mean() == Approx(0.1));
  CHECK(station.host_before_s == 0.002);
  CHECK(station.memory_bytes == 1e9);
  CHECK(model.provenance.empty());
}

TEST_CASE("a bare number in a model is read, and is an assumption") {
  json model = document("parakeet-1.1b");
  model["floor_s"] = 0.009;
  const Model read = parse_model(model.dump());
  CHECK(std::get<StreamingAsrModel>(read.cost).floor_s == 0.009);
  CHECK(std::count_if(read.provenance.begin(), read.provenance.end(), [](const ProvenanceEntry& entry) {
          return entry.pointer == "/floor_s" && entry.grade == "assumed" &&
                 entry.source == "a bare number in the file: no source is given";
        }) == 1);
}

TEST_CASE("an efficiency may be a curve over tokens that ascend") {
  constexpr auto kPointer = "/formats/fp16/gemm_flop_efficiency/value";
  json model = document("llama-3.1-8b");
  model[json::json_pointer(kPointer)] = json::parse("[[64, 0.5], [512, 0.7]]");
  const Model read = parse_model(model.dump());
  const auto& format = std::get<LlmModel>(read.cost).formats.front();
  REQUIRE(format.gemm_flop_curve.size() == 2);
  CHECK(format.gemm_flop_curve[0].tokens == 64);
  CHECK(format.gemm_flop_efficiency == 0.7);

  const auto refused = [&](const char* value) {
    return refusal("llama-3.1-8b", kPointer, json::parse(value));
  };
  CHECK(refused("[]").find("expected pairs") != std::string::npos);
  CHECK(refused("[[64, 0.5], 3]").find("expected [tokens, efficiency]") != std::string::npos);
  CHECK(refused("[[64, 0.5], [64, 0.6]]").find("tokens must ascend: 64 follows 64") != std::string::npos);
  CHECK(refused("[[64, 1.5]]").find("gemm_flop_efficiency/value/0/1") != std::string::npos);
}

TEST_CASE("every model of the library loads, and each figure keeps its source and grade") {
  const auto names = model_names();
  CHECK(std::is_sorted(names.begin(), names.end()));
  for (const char* name : {"embedding-0.3b", "fastpitch-hifigan", "llama-3.1-8b", "magpie-tts",
                           "nemotron-nano-vl-8b", "parakeet-1.1b", "yolos-small"})
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  for (const auto& name : names) {
    const Model model = load_model(name);
    CHECK(model.name == name);
    CHECK_FALSE(model.title.empty());
    CHECK(model.provenance.size() > 5);
    const json file = json::parse(model_document(name));
    for (const ProvenanceEntry& entry : model.provenance) {
      const json& figure = file.at(json::json_pointer(entry.pointer));
      CHECK(entry.value == figure.at("value").dump());
      CHECK(entry.source == figure.at("source"));
      CHECK(entry.grade == figure.at("grade"));
    }
  }
}

TEST_CASE("a model is read by path as by name") {
  const auto path = std::filesystem::temp_directory_path() / "gpushare_test_model.json";
  std::ofstream(path) << document("parakeet-1.1b").dump();
  CHECK(load_model(path.string()).name == "parakeet-1.1b");
  CHECK(std::get<StreamingAsrModel>(load_model(path.string()).cost).flop_per_audio_s == 26.6e9);
  std::filesystem::remove(path);
  CHECK_THROWS_AS((void)load_model(path.string()), ModelError);
}

TEST_CASE("an unknown model is refused with the nearest name") {
  CHECK_THROWS_WITH_AS((void)load_model("lama-3.1-8b"),
                       doctest::Contains("no model is called \"lama-3.1-8b\"; did you mean "
                                         "\"llama-3.1-8b\"?; known: llama-3.1-8b, llama-3.1-70b, "),
                       ModelError);
  CHECK_THROWS_WITH_AS(
      (void)load_model("whisper"),
      "no model is called \"whisper\"; known: whisper-large-v3, whisper-large-v3-turbo and 52 "
      "others; or give the path of a .json or .yaml file, a published config.json among them",
      ModelError);
  for (const char* name : {"rerank", "my-reranker-large", "BGE reranker"})
    CHECK_THROWS_WITH_AS((void)load_model(name), doctest::Contains("known: bge-reranker-v2-m3"), ModelError);
}

TEST_CASE("a wrong model is refused with its place, what was found and what is legal") {
  CHECK(
      refusal("parakeet-1.1b", "/kind", "asr") ==
      R"(m.json#/kind: expected one of "llm", "streaming-asr", "autoregressive-tts", "batch", "synthetic", )"
      R"(found "asr")");
  CHECK(refusal("parakeet-1.1b", "/floor_s/value", -0.009) ==
        "m.json#/floor_s/value: expected a number between 0 and 1000000000, found -0.009");
  CHECK(refusal("parakeet-1.1b", "/floor_s/value", "fast") ==
        "m.json#/floor_s/value: expected a number between 0 and 1000000000, found \"fast\"");
  CHECK(refusal("parakeet-1.1b", "/floor_s", "fast") ==
        "m.json#/floor_s: expected an object, found \"fast\"");
  CHECK(refusal("parakeet-1.1b", "/floor_s", -0.009) ==
        "m.json#/floor_s: expected a number between 0 and 1000000000, found -0.009");
  CHECK(refusal("parakeet-1.1b", "/flop_efficiency/value", 1.5) ==
        "m.json#/flop_efficiency/value: expected a number > 0 and <= 1, found 1.5");
  CHECK(refusal("parakeet-1.1b", "/segments/value", 0)
            .find("m.json#/segments/value: expected a whole number") == 0);
  CHECK(refusal("parakeet-1.1b", "/floor_s/source", "") ==
        "m.json#/floor_s/source: expected a text that is not empty");
  CHECK(refusal("parakeet-1.1b", "/floor_s/grade", "guessed")
            .find(R"(m.json#/floor_s/grade: expected one of "vendor", "measured", "derived", "assumed", )") ==
        0);
  CHECK(refusal("parakeet-1.1b", "/flor_s", 1)
            .find("m.json: unknown key \"flor_s\"; did you mean \"floor_s\"?") == 0);
  CHECK(refusal_without("parakeet-1.1b", "", "kernels")
            .find("m.json: the required key \"kernels\" is missing") == 0);
  CHECK(refusal_without("parakeet-1.1b", "/floor_s", "grade")
            .find("m.json#/floor_s: the required key \"grade\" is missing") == 0);
}

TEST_CASE("weight formats are checked") {
  CHECK(refusal("llama-3.1-8b", "/formats", json::object()) ==
        "m.json#/formats: expected at least one weight format, such as \"fp16\"");
  CHECK(refusal("llama-3.1-8b", "/formats/fp12", json::object())
            .find("m.json#/formats: unknown key \"fp12\"") == 0);
  CHECK(refusal("llama-3.1-8b", "/formats/fp16/compute", "fp12")
            .find("m.json#/formats/fp16/compute: expected one of") == 0);
  CHECK(refusal("llama-3.1-8b", "/formats/fp16/read_bytes/value", 17e9) ==
        "m.json#/formats/fp16: a step reads 17000000000 bytes of weights, but only 16060000000 are resident");
  CHECK(refusal_without("llama-3.1-8b", "/formats/int4/dequantisation", "extra_bytes")
            .find("m.json#/formats/int4/dequantisation: the required key \"extra_bytes\" is missing") == 0);
  CHECK(
      refusal("llama-3.1-8b", "/formats/fp8/weight_only/compute", "fp8") ==
      "m.json#/formats/fp8/weight_only/compute: the format computes in fp8 where a GPU can; expected another "
      "precision");
  CHECK(refusal_without("llama-3.1-8b", "/formats/fp8/weight_only", "kv_bytes_per_token")
            .find("m.json#/formats/fp8/weight_only: the required key \"kv_bytes_per_token\" is missing") ==
        0);
}

TEST_CASE("batch profiles ascend") {
  CHECK(refusal("magpie-tts", "/batch_profiles", json::array()) ==
        "m.json#/batch_profiles: expected an array of at least one batch profile");
  CHECK(refusal("magpie-tts", "/batch_profiles/1/batch", 8) ==
        "m.json#/batch_profiles/1/batch: batch profiles must ascend: 8 follows 8");
  CHECK(refusal_without("magpie-tts", "/batch_profiles/2", "memory_bytes")
            .find("m.json#/batch_profiles/2: the required key \"memory_bytes\" is missing") == 0);
}

TEST_CASE("a batch model needs the efficiency of what it demands, and must take time") {
  json model = document("yolos-small");
  for (const char* key :
       {"floor_s", "flop_per_unit", "weight_bytes", "flop_efficiency", "bandwidth_efficiency"})
    model.erase(key);
  CHECK(refusal(model).find("m.json: a step would take no GPU time: give at least one of floor_s") == 0);
  model["floor_s"] = {{"value", 0.01}, {"source", "a test"}, {"grade", "assumed"}};
  CHECK(refusal(model) == "no error");
  CHECK(refusal_without("yolos-small", "", "flop_efficiency").find("required key \"flop_efficiency\"") !=
        std::string::npos);
  CHECK(refusal_without("yolos-small", "", "bandwidth_efficiency")
            .find("required key \"bandwidth_efficiency\"") != std::string::npos);
  CHECK(refusal("yolos-small", "/norm", 3).find("m.json#/norm: expected a whole number between 1 and 2") ==
        0);
  CHECK(refusal("yolos-small", "/unit", "") == "m.json#/unit: expected a text that is not empty");
}

}  // namespace test_model_reader
