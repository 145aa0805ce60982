// What the kinds of models answer: each in its own file, asked through any model.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "gpushare/engines.hpp"
#include "models/model_kind.hpp"
#include "scenario_documents.hpp"

namespace test_model_kinds {

namespace {

using namespace gpushare;
using namespace gpushare::test;

Json file_of(const std::string& name) {
  std::ifstream file(std::string(GPUSHARE_SOURCE_DIR) + "/models/" + name + ".json");
  return Json::parse(file);
}

Model synthetic() {
  Model model;
  model.cost = SyntheticModel{constant(0.5), 0, 1e9};
  return model;
}

}  // namespace

TEST_CASE("a kind has a name, and a model of it a role") {
  struct Row {
    const char* name;
    const char* kind;
    Role role;
  };
  for (const Row& row :
       {Row{"llama-3.1-8b", "llm", Role::generates}, Row{"parakeet-1.1b", "streaming-asr", Role::recognises},
        Row{"magpie-tts", "autoregressive-tts", Role::speaks},
        Row{"fastpitch-hifigan", "batch", Role::speaks},  // it counts seconds of audio
        Row{"yolos-small", "batch", Role::counts}}) {
    CAPTURE(row.name);
    const Model model = load_model(row.name);
    CHECK(kind_of(model) == row.kind);
    CHECK(role_of(model) == row.role);
    CHECK(splits_over_gpus(model) == (row.role == Role::generates));
    CHECK(keeps_cache(model) == (row.role == Role::generates));
  }
  CHECK(kind_of(synthetic()) == "synthetic");
  CHECK(role_of(synthetic()) == Role::draws);
}

TEST_CASE("a request brings what the stages of its way work on") {
  CHECK(need_of(Role::generates).size == "output_tokens");
  CHECK(need_of(Role::speaks).size == "output_tokens");
  CHECK(need_of(Role::recognises).size == "speech_s");
  CHECK(need_of(Role::counts).size == "units");
  CHECK(need_of(Role::draws).size.empty());
  CHECK(need_of(Role::waits).size.empty());
}

TEST_CASE("the figures of a shipped model are those of its file") {
  for (const std::string& name : model_names()) {
    const Json file = file_of(name);
    const Json figures = Json::parse(model_figures(load_model(name)));
    for (const auto& member : file.items()) {
      const std::string& key = member.key();
      const Json& figure = member.value();
      if (!figure.is_object() || !figure.contains("value")) continue;
      CAPTURE(name);
      CAPTURE(key);
      REQUIRE(figures.contains(key));
      CHECK(figures.at(key) == figure.at("value"));
    }
  }
}

TEST_CASE("figures that no table can say are there too") {
  const Json llm = Json::parse(model_figures(load_model("llama-3.1-8b")));
  CHECK(llm.at("formats").at(0).at("name") == "fp16");
  CHECK(llm.at("formats").at(0).at("weight_bytes") == 16.06e9);
  const Json tts = Json::parse(model_figures(load_model("magpie-tts")));
  CHECK(tts.at("batch_profiles").at(0).at("batch") == 8);
  CHECK(Json::parse(model_figures(load_model("yolos-small"))).at("unit") ==
        file_of("yolos-small").at("unit"));
  CHECK(Json::parse(model_figures(synthetic())).at("mean_gpu_s") == 0.5);
}

TEST_CASE("every kind of model is served by some engine, and tells what its file states") {
  const auto kinds = model_kinds();
  const auto served = engines_by_model();
  REQUIRE(kinds.size() == std::variant_size_v<decltype(Model::cost)>);
  REQUIRE(served.size() == kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    CHECK(served[i].first == kinds[i].name);
    CHECK_FALSE(served[i].second.empty());
    CHECK_FALSE(kinds[i].fields.empty());
    for (const FieldInfo& field : kinds[i].fields) CHECK(field.in_file != FieldInfo::InFile::never);
  }
}

TEST_CASE("a service runs its engine's draft beside its own network") {
  const auto target = std::make_shared<const Model>(load_model("llama-3.1-8b"));
  Engine engine{-1, 0, ContinuousOptions{}};
  CHECK(networks_of(*target, Precision::fp16, engine).size() == 1);
  auto& speculation = std::get<ContinuousOptions>(engine.options).speculation;
  speculation = {4, 0.7, std::make_shared<const Model>(load_model("llama-3.2-1b")), Precision::int8};
  const auto networks = networks_of(*target, Precision::fp16, engine);
  REQUIRE(networks.size() == 2);
  CHECK(networks[0].model == target.get());
  CHECK(networks[1].model->name == "llama-3.2-1b");
  CHECK(networks[1].precision == Precision::int8);
  speculation.draft = nullptr;  // looked up in the text
  CHECK(networks_of(*target, Precision::fp16, engine).size() == 1);
}

TEST_CASE("a draft's weights and cache stand beside the model's in the memory of a rank") {
  const Model target = load_model("llama-3.1-8b"), draft = load_model("llama-3.2-1b");
  const GpuProfile gpu = load_profile("a100");
  const std::string service = "llm";
  const auto process = [&](const Model& model, const Engine& engine, int ranks) {
    const Process at{service, Precision::fp16, engine, ranks, 0, gpu, gpu.interconnect, gpu.memory_bytes};
    return std::pair{memory_of(model, at).weights, cache_bytes_per_token(model, at)};
  };
  const Engine plain{-1, 0, ContinuousOptions{}};
  Engine guessing = plain;
  std::get<ContinuousOptions>(guessing.options).speculation = {4, 0.7, std::make_shared<const Model>(draft),
                                                               Precision::fp16};
  const auto one = process(target, plain, 1), other = process(draft, plain, 1),
             both = process(target, guessing, 2);
  CHECK(both.first == doctest::Approx((one.first + other.first) / 2));
  CHECK(both.second == doctest::Approx((one.second + other.second) / 2));
}

TEST_CASE("steps of a synthetic service need no rate, those of others the precision that they compute in") {
  const GpuProfile gpu = load_profile("a100");
  CHECK_FALSE(computes_in(synthetic(), Precision::fp16, gpu));
  CHECK(computes_in(load_model("llama-3.1-8b"), Precision::int4, gpu) == Precision::fp16);
  CHECK(computes_in(load_model("parakeet-1.1b"), Precision::fp16, gpu) == Precision::fp16);
  CHECK(peaks_of(synthetic(), Precision::fp16, gpu).empty());
  CHECK(peaks_of(load_model("llama-3.1-8b"), Precision::fp16, gpu).size() == 3);
  CHECK(peaks_of(load_model("magpie-tts"), Precision::fp16, gpu).size() == 1);
}

TEST_CASE("roles are there when a document was read, and are set for a workload made by hand") {
  const Scenario scenario = read(voice_document());
  const auto& stages = scenario.workload.pipelines[0].stages;
  CHECK(stages[0].role == Role::recognises);
  CHECK(stages[1].role == Role::generates);
  CHECK(stages[2].role == Role::speaks);
  Workload workload = scenario.workload;
  Stage pause;
  pause.name = "pause";
  pause.role = Role::counts;
  workload.pipelines[0].stages.push_back(pause);
  for (Stage& stage : workload.pipelines[0].stages) stage.role = Role::draws;
  resolve_roles(workload);
  for (std::size_t i = 0; i < stages.size(); ++i)
    CHECK(workload.pipelines[0].stages[i].role == stages[i].role);
  CHECK(workload.pipelines[0].stages.back().role == Role::waits);
}

TEST_CASE("a model written in a scenario is called like its service, unless it has a name") {
  Json document = queue_document();
  Json& model = document["services"]["server"]["model"];
  CHECK(read(document).workload.services[0].model->name == "server");
  model["name"] = "station";
  const Scenario named = read(document);
  CHECK(named.workload.services[0].model->name == "station");
  CHECK(named.workload.services[0].model->title == "server");
  model["gpu_s"] = -1;
  CHECK(complaint(document).starts_with("s.json#/services/server/model/gpu_s: expected "));
  model.erase("gpu_s");
  CHECK(complaint(document) == "s.json#/services/server/model: the required key \"gpu_s\" is missing");
}

}  // namespace test_model_kinds
