#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "scenario_documents.hpp"

namespace test_scenario {

using namespace gpushare;
using namespace gpushare::test;

namespace {

std::string path_in_temporary(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / "gpushare_test_scenario";
  std::filesystem::create_directories(folder);
  return (folder / name).string();
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("the smallest scenario takes the defaults") {
  const Scenario scenario = read(queue_document());
  CHECK(scenario.name == "queue");
  CHECK(scenario.mode == "dedicated");
  CHECK(scenario.seed == 1);
  CHECK(scenario.workload.duration_s == 100);
  CHECK(scenario.workload.warmup_s == 0);
  CHECK(scenario.placement.nodes.front().host_cores == 0);
  CHECK(scenario.baseline_gpus == 1);
  CHECK(scenario.modes.empty());
  REQUIRE(scenario.workload.services.size() == 1);
  CHECK(kind_of(scenario.workload.services[0].engine) == EngineKind::fifo);
  CHECK(scenario.workload.services[0].model->name == "server");
  CHECK(scenario.placement.gpus.at(0).profile().name == "a100");
  CHECK(scenario.workload.traffic.at(0).name == "visit");
  CHECK(scenario.workload.traffic.at(0).arrivals.rate_per_s == 1);
}

TEST_CASE("services and pipelines keep the document's order, and the engine follows the model") {
  const Scenario scenario = read(voice_document());
  REQUIRE(scenario.workload.services.size() == 3);
  CHECK(scenario.workload.services[0].name == "asr");
  CHECK(kind_of(scenario.workload.services[0].engine) == EngineKind::stream_batching);
  CHECK(scenario.workload.services[1].name == "llm");
  CHECK(kind_of(scenario.workload.services[1].engine) == EngineKind::continuous_batching);
  CHECK(scenario.workload.services[2].name == "tts");
  CHECK(kind_of(scenario.workload.services[2].engine) == EngineKind::autoregressive_slots);
  const auto& stages = scenario.workload.pipelines.at(0).stages;
  CHECK(stages[0].after == -1);
  CHECK(stages[1].after == 0);
  CHECK(stages[2].after == 1);
  CHECK(stages[2].on == Trigger::sentence);
  CHECK(scenario.workload.duration_s == 13);  // 1 + 10 + 2, of the closed loop
}

TEST_CASE("every field of an engine is read") {
  const auto engine = [](const char* service, const std::string& text) {
    Json document = voice_document();
    document["services"][service]["engine"] = parse(text);
    const Scenario scenario = read(document);
    for (const Service& s : scenario.workload.services)
      if (s.name == service) return s.engine;
    return Engine{};
  };
  const Engine server = engine("llm", R"({"kind": "continuous-batching", "queue_limit": 9, "max_num_seqs": 10,
    "max_num_batched_tokens": 1024, "block_size": 32, "gpu_memory_utilization": 0.5, "kv_blocks": 77, "watermark": 0.02,
    "host_per_step_s": 0.003, "host_per_sequence_s": 0.004, "request_overhead_s": 0.005, "prefix_cache_share": 0.25})");
  CHECK(server.queue_limit == 9);
  const auto& llm = std::get<ContinuousOptions>(server.options);
  CHECK(llm.max_num_seqs == 10);
  CHECK(llm.max_num_batched_tokens == 1024);
  CHECK(llm.block_size == 32);
  CHECK(llm.gpu_memory_utilization == 0.5);
  CHECK(llm.kv_blocks == 77);
  CHECK(llm.watermark == 0.02);
  CHECK(llm.host_per_step_s == 0.003);
  CHECK(llm.host_per_sequence_s == 0.004);
  CHECK(server.request_overhead_s == 0.005);
  CHECK(llm.prefix_cache_share == 0.25);
  const auto asr = std::get<StreamOptions>(
      engine("asr", R"({"max_batch": 8, "chunk_s": 0.96, "speech_speed": 12.8, "max_streams": 5})").options);
  CHECK(asr.max_batch == 8);
  CHECK(asr.chunk_s == 0.96);
  CHECK(asr.speech_speed == 12.8);
  CHECK(asr.max_streams == 5);
  const auto tts = std::get<SlotOptions>(
      engine("tts", R"({"slots": 32, "first_chunk_frames": 9.5, "chunk_frames": 3})").options);
  CHECK(tts.slots == 32);
  CHECK(tts.first_chunk_frames == 9.5);
  CHECK(tts.chunk_frames == 3);
  Json document = patched(queue_document(),
                          R"({"services": {"server": {"engine": {"kind": "dynamic-batching", "max_batch": 8,
    "preferred_batch": [4, 8], "max_queue_delay_s": 0.01}, "routing": "least-outstanding", "replicas": 3}}})");
  const Service batcher = read(document).workload.services.at(0);
  const auto& batch = std::get<BatchOptions>(batcher.engine.options);
  CHECK(batch.max_batch == 8);
  CHECK(batch.preferred_batch == std::vector<int>{4, 8});
  CHECK(batch.max_queue_delay_s == 0.01);
  CHECK(batcher.routing == Routing::least_outstanding);
  CHECK(batcher.replicas == 3);
}

TEST_CASE("every kind of arrivals is read") {
  const auto arrivals = [](const std::string& text) {
    Json document = queue_document();
    document["traffic"][0]["arrivals"] = parse(text);
    return read(document).workload.traffic.at(0).arrivals;
  };
  using Kind = ArrivalProcess::Kind;
  CHECK(arrivals(R"({"kind": "constant", "rate_per_s": 2})").kind == Kind::constant);
  CHECK(arrivals(R"({"kind": "gamma", "rate_per_s": 2, "shape": 0.5})").shape == 0.5);
  const auto burst = arrivals(R"({"kind": "on-off", "rates_per_s": [0, 60], "hold_s": [90, 10]})");
  CHECK(burst.kind == Kind::on_off);
  CHECK(burst.rates == std::vector<double>{0, 60});
  CHECK(burst.hold_s == std::vector<double>{90, 10});
  const auto day =
      arrivals(R"({"kind": "piecewise", "rates_per_s": [1, 5], "starts_s": [0, 40], "period_s": 80})");
  CHECK(day.starts_s == std::vector<double>{0, 40});
  CHECK(day.period_s == 80);
  const auto blocks =
      arrivals(R"({"kind": "gamma-poisson", "rate_per_s": 5, "shape": 22, "block_s": 30, "gap_shape": 0.8})");
  CHECK(blocks.shape == 22);
  CHECK(blocks.block_s == 30);
  CHECK(blocks.gap_shape == 0.8);
}

TEST_CASE("a generated trace sets the duration, and a faster replay shortens it") {
  Json document = voice_document();
  document["pipelines"] = parse(R"({"chat": {"stages": [{"name": "llm", "service": "llm"}]}})");
  document["traffic"] = parse(
      R"([{"kind": "trace", "generate": {"like": "azure-conversation", "duration_s": 600}, "speed": 2}])");
  const Scenario scenario = read(document);
  REQUIRE(scenario.workload.traffic.at(0).trace != nullptr);
  CHECK(scenario.workload.duration_s == scenario.workload.traffic[0].trace->arrival_s.back() / 2);
  CHECK(scenario.workload.duration_s > 250);
  CHECK(scenario.workload.duration_s <= 300);
}

TEST_CASE("relative paths start at the document's folder and are absolute in the document kept") {
  const std::string folder = std::filesystem::path(path_in_temporary("x")).parent_path().string();
  write(path_in_temporary("slow.json"), R"({"name": "slow", "kind": "synthetic", "gpu_s": 2})");
  write(path_in_temporary("t.csv"), "arrival_s,input_tokens,output_tokens\n0,1,1\n8,1,1\n");
  Json document = queue_document();
  document.erase("duration_s");
  document["services"]["server"]["model"] = "./slow.json";
  document["traffic"] = parse(R"([{"kind": "trace", "path": "t.csv"}])");
  document["modes"] = parse(R"({"other": {"services": {"server": {"model": "./slow.json"}}}})");
  write(path_in_temporary("s.json"), document.dump());
  const Scenario scenario = load_scenario(path_in_temporary("s.json"));
  CHECK(scenario.workload.services[0].model->name == "slow");
  CHECK(scenario.workload.duration_s == 8);
  const Json kept = Json::parse(scenario.document);
  CHECK(kept["services"]["server"]["model"] == folder + "/slow.json");
  CHECK(kept["traffic"][0]["path"] == folder + "/t.csv");
  CHECK(parse_scenario(scenario.document, "other", {}, "/").workload.services[0].model->name == "slow");
}

TEST_CASE(
    "the document kept gives the same scenario when it is read again, for every built-in scenario and mode") {
  REQUIRE(scenario_names().size() >= 5);
  for (const std::string& name : scenario_names()) {
    const auto modes = load_scenario(name).modes;
    const bool controlled = load_scenario(name).control.has_value();
    CHECK((modes.front() == "dedicated") != controlled);
    for (const std::string& mode : modes) {
      CAPTURE(name);
      CAPTURE(mode);
      const Scenario scenario = load_scenario(name, mode);
      const Scenario again = parse_scenario(scenario.document);
      CHECK(again.document == scenario.document);
      CHECK(again.mode == mode);
      CHECK(again.modes == modes);
      CHECK(placement_of(again) == placement_of(scenario));
      CHECK(again.baseline_gpus == scenario.baseline_gpus);
      CHECK(again.workload.services[0].precision == scenario.workload.services[0].precision);
      CHECK(again.workload.duration_s == scenario.workload.duration_s);
      CHECK_NOTHROW(check_memory(scenario));
      // Another mode starts from the document as it was, not from what this mode made of it.
      CHECK(nlohmann::json::parse(parse_scenario(scenario.document, "dedicated").document) ==
            nlohmann::json::parse(load_scenario(name, "dedicated").document));
    }
  }
}

TEST_CASE("a service that is changed is so in the document too, and keeps the rest") {
  const Scenario scenario = load_scenario("voice-light", "mps");
  const Scenario changed = with_service(scenario, "llm", R"({"engine": {"max_num_seqs": 7}})");
  const auto before = nlohmann::json::parse(scenario.document),
             after = nlohmann::json::parse(changed.document);
  CHECK(after.at("services").at("llm").at("engine").at("max_num_seqs") == 7);
  CHECK(after.at("services").at("llm").at("model") == before.at("services").at("llm").at("model"));
  CHECK(after.at("traffic") == before.at("traffic"));
  CHECK(placement_of(changed) == placement_of(scenario));
  CHECK_THROWS_WITH_AS(static_cast<void>(with_service(scenario, "lm", "{}")),
                       doctest::Contains("unknown service \"lm\"; did you mean \"llm\"?"), ScenarioError);
  Scenario by_hand = scenario;
  by_hand.original.reset();
  CHECK_THROWS_WITH_AS(static_cast<void>(with_service(by_hand, "llm", "{}")),
                       "services/llm: the scenario was made by hand, so it has no document to change",
                       ScenarioError);
}

TEST_CASE("the voice scenarios last as long as the published runs and offer the published modes") {
  CHECK(load_scenario("voice-light").workload.duration_s == 135);
  CHECK(load_scenario("voice-heavy").workload.duration_s == 375);
  CHECK(load_scenario("voice-heavy").modes ==
        std::vector<std::string>{"dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"});
  CHECK(load_scenario("voice-light").workload.traffic.at(0).users == 5);
  CHECK(load_scenario("voice-heavy").workload.traffic.at(0).users == 50);
}

}  // namespace test_scenario
