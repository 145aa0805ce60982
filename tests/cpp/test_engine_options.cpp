// The tables of engine options: what they say is what the reader takes, and what a run asks of any engine.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "gpushare/engines.hpp"
#include "gpushare/simulation.hpp"
#include "placement/served_by.hpp"
#include "scenario_documents.hpp"
#include "serving/engine_options.hpp"

namespace test_engine_options {

namespace {

using namespace gpushare;
using namespace gpushare::test;

/// A document with one service whose engine is of this kind, and has these members.
Json document_with(EngineKind kind, const Json& members) {
  static const Json models = parse(R"({"fifo": "embedding-0.3b", "dynamic-batching": "embedding-0.3b",
    "stream-batching": "parakeet-1.1b", "autoregressive-slots": "magpie-tts", "continuous-batching": "llama-3.1-8b"})");
  Json document = parse(R"({"name": "one", "duration_s": 1, "services": {"server": {}},
    "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 1},
                 "sizes": {"output_tokens": 2, "speech_s": 1}}]})");
  Json& server = document["services"]["server"];
  server["model"] = models.at(std::string(to_string(kind)));
  server["engine"] = members;
  server["engine"]["kind"] = to_string(kind);
  return document;
}

Engine engine_with(EngineKind kind, const std::string& member, const Json& value) {
  return read(document_with(kind, {{member, value}})).workload.services[0].engine;
}

/// A legal value that is not the default.
Json another(bool otherwise, const json::Range&) { return !otherwise; }
Json another(std::int64_t otherwise, const json::Range& range) {
  if (range.max == 1024) return 32;  // tokens of a block
  return otherwise + 1;
}
Json another(int otherwise, const json::Range& range) { return another(std::int64_t{otherwise}, range); }
Json another(double otherwise, const json::Range& range) {
  return std::isfinite(range.max) && range.max <= 1 ? 0.5 : otherwise + 0.25;
}

template <class Struct>
void check_table(EngineKind kind, std::span<const Field<Struct>> table, Struct& (*part)(Engine&)) {
  Engine defaults = engine_of(kind);
  fields::for_each<Struct>(table, part(defaults), [&](const Field<Struct>& field, auto& otherwise) {
    const std::string name(field.name);
    CAPTURE(name);
    const Json value = name == "slots" ? Json(32) : another(otherwise, field.range);
    Engine engine = engine_with(kind, name, value);
    fields::for_each<Struct>(table, part(engine), [&](const Field<Struct>& other, auto& member) {
      CAPTURE(other.name);
      if (other.name == field.name) CHECK(Json(member) == value);
    });
  });
}

}  // namespace

TEST_CASE("an option that a document states is the member that its table names, and no other changes") {
  for_each_alternative<decltype(Engine::options)>([]<class Options>(std::type_identity<Options>) {
    const EngineKind kind = kind_of(Engine{-1, 0, Options{}});
    check_table<Options>(kind, EngineTable<Options>::kFields,
                         [](Engine& engine) -> Options& { return std::get<Options>(engine.options); });
    check_table<Engine>(kind, kEngineFields, [](Engine& engine) -> Engine& { return engine; });
  });
}

TEST_CASE("no option stands twice in a table, and all are described") {
  for (const KindInfo& kind : engine_kinds()) {
    std::vector<std::string_view> names;
    for (const FieldInfo& field : kind.fields) {
      CHECK(std::find(names.begin(), names.end(), field.name) == names.end());
      names.push_back(field.name);
      CHECK_FALSE(field.description.empty());
    }
  }
}

TEST_CASE("the kinds are in the order of the enumeration, and each has its name") {
  const auto kinds = engine_kinds();
  REQUIRE(kinds.size() == std::variant_size_v<decltype(Engine::options)>);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto kind = static_cast<EngineKind>(i);
    CHECK(kind_of(engine_of(kind)) == kind);
    CHECK(to_string(kind) == kinds[i].name);
  }
  CHECK(to_string(EngineKind::fifo) == "fifo");
  CHECK(to_string(EngineKind::continuous_batching) == "continuous-batching");
}

TEST_CASE("a default is told where a document could state it") {
  const auto kinds = engine_kinds();
  const auto field_of = [&](EngineKind kind, std::string_view name) {
    for (const FieldInfo& field : kinds[static_cast<std::size_t>(kind)].fields)
      if (field.name == name) return field;
    FAIL("there is no " << name);
    return FieldInfo{};
  };
  const FieldInfo watermark = field_of(EngineKind::continuous_batching, "watermark");
  CHECK(watermark.type == FieldInfo::Type::number);
  CHECK(watermark.minimum == 0.0);
  CHECK(watermark.maximum == 1.0);
  CHECK(watermark.in_file == FieldInfo::InFile::must);
  CHECK(watermark.default_value == FieldValue{0.01});
  // 0 stands for a share that depends on the neighbours, and cannot be stated.
  const FieldInfo share = field_of(EngineKind::continuous_batching, "gpu_memory_utilization");
  CHECK(share.minimum_excluded);
  CHECK_FALSE(share.default_value);
  CHECK(field_of(EngineKind::dynamic_batching, "queue_limit").default_value == FieldValue{std::int64_t{-1}});
  CHECK(field_of(EngineKind::dynamic_batching, "preferred_batch").type == FieldInfo::Type::other);
  CHECK(field_of(EngineKind::continuous_batching, "prefill_first").type == FieldInfo::Type::boolean);
}

TEST_CASE("a preset's values are those of its file, whatever a scenario may say beyond") {
  const EnginePreset preset = load_engine_preset("vllm-0.20");
  const auto& options = std::get<ContinuousOptions>(preset.engine.options);
  CHECK(options.preset == "vllm-0.20");
  const FieldValues values = preset_values(preset);
  const auto value_of = [&](std::string_view name) -> std::optional<FieldValue> {
    for (const auto& [key, value] : values)
      if (key == name) return value;
    return std::nullopt;
  };
  CHECK(value_of("max_num_seqs") == FieldValue{std::int64_t{options.max_num_seqs}});
  CHECK(value_of("request_overhead_s") == FieldValue{preset.engine.request_overhead_s});
  CHECK(value_of("async_scheduling") == FieldValue{options.async_scheduling});
  CHECK_FALSE(value_of("kv_blocks"));
  CHECK_FALSE(value_of("queue_limit"));
}

TEST_CASE("a preset must state what its table demands, within its range") {
  const auto refusal = [](const char* patch) {
    Json document = Json::parse(R"({"name": "mine", "title": "Mine", "engine": {}})");
    const auto kinds = engine_kinds();
    for (const FieldInfo& field : kinds.back().fields)
      if (field.in_file == FieldInfo::InFile::must)
        document["engine"][std::string(field.name)] = {
            {"value", std::visit([](auto value) { return Json(value); }, *field.default_value)},
            {"source", "assumed"},
            {"grade", "assumed"}};
    document.merge_patch(Json::parse(patch));
    try {
      static_cast<void>(parse_engine_preset(document.dump(), "p.json"));
    } catch (const ScenarioError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(refusal("{}") == "accepted");
  CHECK(refusal(R"({"engine": {"watermark": null}})") ==
        "p.json#/engine: the required key \"watermark\" is missing");
  CHECK(refusal(R"({"engine": {"watermark": {"value": 2}}})") ==
        "p.json#/engine/watermark/value: expected a number between 0 and 1, found 2");
  CHECK(refusal(R"({"engine": {"queue_limit": {"value": 2, "source": "x", "grade": "vendor"}}})")
            .starts_with("p.json#/engine: unknown key \"queue_limit\""));
}

TEST_CASE("only continuous batching keeps prefixes, and a fifo server works on as many steps as it says") {
  Engine llm = engine_of(EngineKind::continuous_batching);
  CHECK_FALSE(caches_prefixes(llm));
  CHECK(most_steps_at_once(llm) == 1);
  std::get<ContinuousOptions>(llm.options).prefix_caching = true;
  CHECK(caches_prefixes(llm));
  CHECK_FALSE(caches_prefixes(engine_of(EngineKind::stream_batching)));
  CHECK(most_steps_at_once(engine_of(EngineKind::stream_batching)) == 2);  // the next, beside what is decoded
  CHECK(most_steps_at_once(Engine{-1, 0, FifoOptions{7}}) == 7);
}

TEST_CASE("a service without an engine has the server that its kind of model usually has") {
  const Scenario voice = read(voice_document());
  const auto& services = voice.workload.services;
  const auto& asr = std::get<StreamOptions>(services[0].engine.options);
  CHECK(asr.max_batch == 64);
  CHECK(asr.overlap_decoding);
  const auto& llm = std::get<ContinuousOptions>(services[1].engine.options);
  CHECK(llm.preset == usual_llm_preset());
  CHECK(services[1].engine.request_overhead_s > 0);
  CHECK(std::get<SlotOptions>(services[2].engine.options).slots == 0);
  const auto batcher = [](const char* model) {
    Json document = queue_document();
    document["services"]["server"]["model"] = model;
    return std::get<BatchOptions>(read(document).workload.services[0].engine.options).max_batch;
  };
  CHECK(batcher("embedding-0.3b") == 4);
  CHECK(kind_of(read(queue_document()).workload.services[0].engine) == EngineKind::fifo);  // queueing studies
}

TEST_CASE(
    "an engine without kind and preset changes the usual one, and one that names its kind starts bare") {
  const auto llm = [](const char* engine) {
    const Scenario scenario = read(patched(voice_document(), engine));
    return scenario.workload.services[1].engine;
  };
  const Engine few = llm(R"({"services": {"llm": {"engine": {"max_num_seqs": 8}}}})");
  CHECK(std::get<ContinuousOptions>(few.options).max_num_seqs == 8);
  CHECK(std::get<ContinuousOptions>(few.options).preset == usual_llm_preset());
  const Engine bare = llm(R"({"services": {"llm": {"engine": {"kind": "continuous-batching"}}}})");
  CHECK(std::get<ContinuousOptions>(bare.options).preset.empty());
  CHECK(bare.request_overhead_s == 0);
}

TEST_CASE("ten streams of a recogniser without an engine are served together") {
  Json document = voice_document();
  document["services"] = parse(R"({"asr": {"model": "parakeet-1.1b"}})");
  document["pipelines"] = parse(R"({"hear": {"stages": [{"name": "asr", "service": "asr"}]}})");
  document["placement"] = parse(R"({"mode": "dedicated"})");
  document["traffic"] = parse(
      R"([{"kind": "closed", "users": 10, "ramp_up_s": 0, "hold_s": 60, "ramp_down_s": 0, "sizes": {"speech_s": 8}}])");
  const Run run = simulate(read(document));
  const auto* chunk = run.summary.latency("asr.chunk_latency");
  REQUIRE(chunk != nullptr);
  CHECK(chunk->p95 < 0.03);
}

TEST_CASE("a service whose engine cannot serve its model is refused before it is placed") {
  Service service = read(voice_document()).workload.services[0];
  const GpuProfile gpu = load_profile("a100");
  CHECK(process_of(service, gpu).service == "asr");
  service.engine = engine_of(EngineKind::fifo);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(process_of(service, gpu)),
      "asr: model parakeet-1.1b is of kind streaming-asr, which needs stream-batching, not \"fifo\"",
      ScenarioError);
}

}  // namespace test_engine_options
