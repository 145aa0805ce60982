#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "scenario_documents.hpp"

using namespace gpushare;
using namespace gpushare::test;

namespace {

std::string path_in_temporary(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / "gpushare_test_scenario";
  std::filesystem::create_directories(folder);
  return (folder / name).string();
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string complaint_about_queue(const std::string& patch) { return complaint(patched(queue_document(), patch)); }
std::string complaint_about_voice(const std::string& patch) { return complaint(patched(voice_document(), patch)); }

std::string with_traffic(const std::string& traffic) {
  Json document = queue_document();
  document["traffic"] = Json::array({parse(traffic)});
  return complaint(document);
}

std::string with_stages(const std::string& stages) {
  Json document = voice_document();
  document["pipelines"]["turn"]["stages"] = parse(stages);
  return complaint(document);
}

}  // namespace

TEST_CASE("the smallest scenario takes the defaults") {
  const Scenario scenario = read(queue_document());
  CHECK(scenario.name == "queue");
  CHECK(scenario.mode == "dedicated");
  CHECK(scenario.seed == 1);
  CHECK(scenario.duration_s == 100);
  CHECK(scenario.warmup_s == 0);
  CHECK(scenario.host_cores == 0);
  CHECK(scenario.baseline_gpus == 1);
  CHECK(scenario.modes.empty());
  REQUIRE(scenario.services.size() == 1);
  CHECK(scenario.services[0].engine.kind == EngineKind::fifo);
  CHECK(scenario.services[0].model->name == "server");
  CHECK(scenario.gpus.at(0).profile->name == "a100");
  CHECK(scenario.traffic.at(0).name == "visit");
  CHECK(scenario.traffic.at(0).arrivals.rate_per_s == 1);
}

TEST_CASE("services and pipelines keep the document's order, and the engine follows the model") {
  const Scenario scenario = read(voice_document());
  REQUIRE(scenario.services.size() == 3);
  CHECK(scenario.services[0].name == "asr");
  CHECK(scenario.services[0].engine.kind == EngineKind::stream_batching);
  CHECK(scenario.services[1].name == "llm");
  CHECK(scenario.services[1].engine.kind == EngineKind::continuous_batching);
  CHECK(scenario.services[2].name == "tts");
  CHECK(scenario.services[2].engine.kind == EngineKind::autoregressive_slots);
  const auto& stages = scenario.pipelines.at(0).stages;
  CHECK(stages[0].after == -1);
  CHECK(stages[1].after == 0);
  CHECK(stages[2].after == 1);
  CHECK(stages[2].on == Trigger::sentence);
  CHECK(scenario.duration_s == 13);  // 1 + 10 + 2, of the closed loop
}

TEST_CASE("every field of an engine is read") {
  const auto engine = [](const char* service, const std::string& text) {
    Json document = voice_document();
    document["services"][service]["engine"] = parse(text);
    const Scenario scenario = read(document);
    for (const Service& s : scenario.services)
      if (s.name == service) return s.engine;
    return Engine{};
  };
  const Engine llm = engine("llm", R"({"kind": "continuous-batching", "queue_limit": 9, "max_num_seqs": 10,
    "max_num_batched_tokens": 1024, "block_size": 32, "gpu_memory_utilization": 0.5, "kv_blocks": 77, "watermark": 0.02,
    "host_per_step_s": 0.003, "host_per_sequence_s": 0.004, "request_overhead_s": 0.005, "prefix_cache_share": 0.25})");
  CHECK(llm.queue_limit == 9);
  CHECK(llm.max_num_seqs == 10);
  CHECK(llm.max_num_batched_tokens == 1024);
  CHECK(llm.block_size == 32);
  CHECK(llm.gpu_memory_utilization == 0.5);
  CHECK(llm.kv_blocks == 77);
  CHECK(llm.watermark == 0.02);
  CHECK(llm.host_per_step_s == 0.003);
  CHECK(llm.host_per_sequence_s == 0.004);
  CHECK(llm.request_overhead_s == 0.005);
  CHECK(llm.prefix_cache_share == 0.25);
  const Engine asr = engine("asr", R"({"max_batch": 8, "chunk_s": 0.96, "speech_speed": 12.8, "max_streams": 5})");
  CHECK(asr.max_batch == 8);
  CHECK(asr.chunk_s == 0.96);
  CHECK(asr.speech_speed == 12.8);
  CHECK(asr.max_streams == 5);
  const Engine tts = engine("tts", R"({"slots": 32, "first_chunk_frames": 9.5, "chunk_frames": 3})");
  CHECK(tts.slots == 32);
  CHECK(tts.first_chunk_frames == 9.5);
  CHECK(tts.chunk_frames == 3);
  Json document = patched(queue_document(), R"({"services": {"server": {"engine": {"kind": "dynamic-batching", "max_batch": 8,
    "preferred_batch": [4, 8], "max_queue_delay_s": 0.01}, "routing": "least-outstanding", "replicas": 3}}})");
  const Service server = read(document).services.at(0);
  CHECK(server.engine.max_batch == 8);
  CHECK(server.engine.preferred_batch == std::vector<int>{4, 8});
  CHECK(server.engine.max_queue_delay_s == 0.01);
  CHECK(server.routing == Routing::least_outstanding);
  CHECK(server.replicas == 3);
}

TEST_CASE("every kind of arrivals is read") {
  const auto arrivals = [](const std::string& text) {
    Json document = queue_document();
    document["traffic"][0]["arrivals"] = parse(text);
    return read(document).traffic.at(0).arrivals;
  };
  using Kind = ArrivalProcess::Kind;
  CHECK(arrivals(R"({"kind": "constant", "rate_per_s": 2})").kind == Kind::constant);
  CHECK(arrivals(R"({"kind": "gamma", "rate_per_s": 2, "shape": 0.5})").shape == 0.5);
  const auto burst = arrivals(R"({"kind": "on-off", "rates_per_s": [0, 60], "hold_s": [90, 10]})");
  CHECK(burst.kind == Kind::on_off);
  CHECK(burst.rates == std::vector<double>{0, 60});
  CHECK(burst.hold_s == std::vector<double>{90, 10});
  const auto day = arrivals(R"({"kind": "piecewise", "rates_per_s": [1, 5], "starts_s": [0, 40], "period_s": 80})");
  CHECK(day.starts_s == std::vector<double>{0, 40});
  CHECK(day.period_s == 80);
  const auto blocks = arrivals(R"({"kind": "gamma-poisson", "rate_per_s": 5, "shape": 22, "block_s": 30, "gap_shape": 0.8})");
  CHECK(blocks.shape == 22);
  CHECK(blocks.block_s == 30);
  CHECK(blocks.gap_shape == 0.8);
}

TEST_CASE("a generated trace sets the duration, and a faster replay shortens it") {
  Json document = voice_document();
  document["pipelines"] = parse(R"({"chat": {"stages": [{"name": "llm", "service": "llm"}]}})");
  document["traffic"] = parse(R"([{"kind": "trace", "generate": {"like": "azure-conversation", "duration_s": 600}, "speed": 2}])");
  const Scenario scenario = read(document);
  REQUIRE(scenario.traffic.at(0).trace != nullptr);
  CHECK(scenario.duration_s == scenario.traffic[0].trace->arrival_s.back() / 2);
  CHECK(scenario.duration_s > 250);
  CHECK(scenario.duration_s <= 300);
}

TEST_CASE("faults are read, and a replica that does not exist is refused") {
  Json document = patched(queue_document(), R"({"services": {"server": {"replicas": 2}}, "faults": [
    {"service": "server", "replica": 1, "at_s": 50, "leak_bytes_per_s": 1e9, "restart_s": 5, "contained": true}]})");
  const Fault fault = read(document).faults.at(0);
  CHECK(fault.replica == 1);
  CHECK(fault.at_s == 50);
  CHECK(fault.leak_bytes_per_s == 1e9);
  CHECK(fault.restart_s == 5);
  CHECK(fault.contained);
  document["faults"][0]["replica"] = 2;
  CHECK(complaint(document) == "s.json#/faults/0/replica: server has 2 replicas, numbered from 0; found 2");
  document["faults"][0]["replica"] = 0;
  document["faults"][0]["at_s"] = 100;
  CHECK(complaint(document) == "s.json#/faults/0/at_s: the run ends at 100 s; the fault at 100 s would never happen");
}

TEST_CASE("unknown names say where they are, what is known and what is near") {
  CHECK(complaint_about_voice(R"({"services": {"asr": {"model": "parakeet-1.1"}}})") ==
        "s.json#/services/asr/model: unknown model \"parakeet-1.1\"; did you mean \"parakeet-1.1b\"? Known: embedding-0.3b, "
        "fastpitch-hifigan, llama-3.1-8b, magpie-tts, nemotron-nano-vl-8b, parakeet-1.1b, yolos-small; or give the path of a .json "
        "file");
  CHECK(complaint_about_voice(R"({"gpu": "a10"})") ==
        "s.json#/gpu: unknown GPU profile \"a10\"; did you mean \"a100\"? Known: a100, a100-40gb, a30, h100, h200; or give the path "
        "of a .json file");
  CHECK(with_stages(R"([{"name": "asr", "service": "asrr"}])") ==
        "s.json#/pipelines/turn/stages/0/service: unknown service \"asrr\"; did you mean \"asr\"? Known: asr, llm, tts");
  CHECK(with_stages(R"([{"name": "a", "service": "asr"}, {"name": "b", "service": "llm", "after": "c"}])") ==
        "s.json#/pipelines/turn/stages/1/after: \"after\" must name an earlier stage, found \"c\"; earlier ones: arrival, a");
  CHECK(complaint_about_voice(R"({"placement": {"consolidate": ["asr", "ttts"]}})") ==
        "s.json#/placement/consolidate/1: unknown service \"ttts\"; did you mean \"tts\"? Known: asr, llm, tts");
  CHECK(with_traffic(R"({"pipeline": "visitt", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}})") ==
        "s.json#/traffic/0/pipeline: unknown pipeline \"visitt\"; did you mean \"visit\"? Known: visit");
  CHECK(complaint(queue_document(), "time-slcing:4") ==
        "s.json: unknown mode \"time-slcing:4\"; did you mean \"time-slicing\"? Any document has dedicated, "
        "time-slicing[:REPLICAS], mps[:PERCENT/PERCENT...], mig:LAYOUT[/time-slicing|/mps]");
  CHECK(complaint_about_queue(R"({"trafic": []})").find("s.json: unknown key \"trafic\"; did you mean \"traffic\"?") == 0);
  CHECK(complaint_about_queue(R"({"services": {"server": {"modle": 1}}})").find(
            "s.json#/services/server: unknown key \"modle\"; did you mean \"model\"?") == 0);
}

TEST_CASE("empty and contradicting documents are refused") {
  CHECK(complaint_about_queue(R"({"services": {"server": null}})") == "s.json#/services: a scenario needs at least one service");
  CHECK(complaint_about_queue(R"({"pipelines": {"visit": null}})") == "s.json#/pipelines: a scenario needs at least one pipeline");
  CHECK(complaint_about_queue(R"({"traffic": []})") == "s.json#/traffic: a scenario needs traffic: at least one entry");
  CHECK(complaint_about_queue(R"({"name": ""})") == "s.json#/name: a scenario needs a name that is not empty");
  CHECK(complaint_about_queue(R"({"duration_s": 0})") == "s.json#/duration_s: expected a number > 0 and <= 1000000000, found 0");
  CHECK(complaint_about_queue(R"({"duration_s": null})") ==
        "s.json: \"duration_s\" is missing, and open traffic does not tell how long it lasts");
  CHECK(complaint_about_queue(R"({"warmup_s": 100})") ==
        "s.json#/warmup_s: a warm-up of 100 s leaves nothing of the 100 s to measure");
  CHECK(complaint_about_queue(R"({"warmup_s": -1})") == "s.json#/warmup_s: expected a number >= 0, found -1");
  CHECK(complaint_about_queue(R"({"seed": 1.5})") == "s.json#/seed: expected a whole number >= 0, found 1.5");
  CHECK(complaint_about_queue(R"({"services": {"server": {"replicas": 0}}})") ==
        "s.json#/services/server/replicas: expected a whole number between 1 and 1000, found 0");
  CHECK(complaint_about_voice(R"({"traffic": [{"kind": "closed", "users": 0, "hold_s": 1}]})") ==
        "s.json#/traffic/0/users: expected a whole number between 1 and 1000000, found 0");
  CHECK(complaint_about_voice(R"({"traffic": [{"kind": "closed", "users": 1,
        "sizes": {"output_tokens": 1, "speech_s": 1}}]})") ==
        "s.json: \"duration_s\" is missing, and the traffic lasts 0 s; give one > 0 and <= 1e+09");
  CHECK(with_traffic(R"({"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 0}})") ==
        "s.json#/traffic/0/arrivals/rate_per_s: expected a number > 0 and <= 1000000000, found 0");
  CHECK(with_traffic(R"({"kind": "open", "arrivals": {"kind": "on-off", "rates_per_s": [0, 0], "hold_s": [1, 1]}})") ==
        "s.json#/traffic/0/arrivals/rates_per_s: every rate is zero: no request would ever arrive");
  CHECK(with_traffic(R"({"kind": "open", "arrivals": {"kind": "on-off", "rates_per_s": [1, 2], "hold_s": [1]}})") ==
        "s.json#/traffic/0/arrivals/hold_s: 1 entries for 2 rates_per_s; give one for each");
  CHECK(with_traffic(R"({"kind": "open", "arrivals": {"kind": "piecewise", "rates_per_s": [1, 2], "starts_s": [5, 5]}})") ==
        "s.json#/traffic/0/arrivals/starts_s: starts must ascend, found 5 before 5");
  CHECK(with_traffic(R"({"kind": "closed", "users": 1, "hold_s": 9, "playback": true})") ==
        "s.json#/traffic/0/playback: no stage of the pipeline speaks, so nothing is played");
  CHECK(with_traffic(R"({"kind": "trace", "path": "/nowhere/x.csv"})") ==
        "s.json#/traffic/0/path: there is no trace file \"/nowhere/x.csv\"");
  CHECK(with_traffic(R"({"kind": "trace"})") ==
        "s.json#/traffic/0: a trace needs a \"path\", or \"generate\": {\"like\": \"azure-conversation\"}");
}

TEST_CASE("an engine must fit its model, and has only the fields of its kind") {
  CHECK(complaint_about_voice(R"({"services": {"llm": {"engine": {"kind": "fifo"}}}})") ==
        "s.json#/services/llm/engine/kind: model llama-3.1-8b is of kind llm, which needs continuous-batching, not \"fifo\"");
  CHECK(complaint_about_voice(R"({"services": {"asr": {"engine": {"kind": "dynamic-batching"}}}})") ==
        "s.json#/services/asr/engine/kind: model parakeet-1.1b is of kind streaming-asr, which needs stream-batching, not "
        "\"dynamic-batching\"");
  CHECK(complaint_about_queue(R"({"services": {"server": {"engine": {"kind": "autoregressive-slots"}}}})") ==
        "s.json#/services/server/engine/kind: model server is of kind synthetic, which needs fifo or dynamic-batching, not "
        "\"autoregressive-slots\"");
  CHECK(complaint_about_queue(R"({"services": {"server": {"engine": {"kind": "fifo", "max_batch": 4}}}})") ==
        "s.json#/services/server/engine: unknown key \"max_batch\". Known keys: concurrency, kind, queue_limit, request_overhead_s");
  CHECK(complaint_about_queue(R"({"services": {"server": {"engine": {"kind": "dynamic-batching", "max_batch": 4,
        "preferred_batch": [2, 8]}}}})") ==
        "s.json#/services/server/engine/preferred_batch/1: a preferred batch of 8 is more than max_batch 4");
  CHECK(complaint_about_voice(R"({"services": {"tts": {"engine": {"slots": 16}}}})") ==
        "s.json#/services/tts/engine/slots: model magpie-tts has no batch profile of 16 slots; it has 8, 32, 64, and 0 takes the "
        "largest that fits");
}

TEST_CASE("a precision needs weights in the model and a rate on the GPU") {
  CHECK(complaint_about_voice(R"({"services": {"llm": {"precision": "int5"}}})") ==
        "s.json#/services/llm/precision: model llama-3.1-8b has no weights in \"int5\"; did you mean \"int8\"? It has fp16, int8, int4");
  CHECK(complaint_about_voice(R"({"services": {"asr": {"precision": "int8"}}})") ==
        "s.json#/services/asr/precision: model parakeet-1.1b has no weights in \"int8\". It has fp16");
  CHECK(read(patched(voice_document(), R"({"services": {"llm": {"precision": "int4"}}})")).services[1].precision == Precision::int4);
  Json document = queue_document();
  document["services"]["server"]["model"] = parse(R"({"kind": "batch", "unit": "text", "precision": "fp8", "kernels": 1,
    "flop_per_unit": 1e9, "flop_efficiency": 0.5, "memory_bytes": 1e9})");
  CHECK(complaint(document) == "s.json#/services/server: GPU a100 has no fp8 rate, which model server computes in");
  document["gpu"] = "h100";
  CHECK(complaint(document) == "accepted");
}

TEST_CASE("sizes that a stage works on must be there") {
  CHECK(complaint_about_voice(R"({"traffic": [{"kind": "closed", "users": 1, "hold_s": 9, "sizes": {"speech_s": 5}}]})") ==
        "s.json#/traffic/0: stage \"llm\" generates tokens, but sizes/output_tokens is missing or can only be zero");
  CHECK(complaint_about_voice(R"({"traffic": [{"kind": "closed", "users": 1, "hold_s": 9, "sizes": {"output_tokens": 5,
        "speech_s": {"kind": "uniform", "low": 0, "high": 0}}}]})") ==
        "s.json#/traffic/0: stage \"asr\" recognises speech, but sizes/speech_s is missing or can only be zero");
  CHECK(complaint_about_voice(R"({"traffic": [{"kind": "trace", "generate": {"like": "azure-conversation", "duration_s": 60},
        "sizes": {"speech_s": 5, "output_tokens": 3}}]})") ==
        "s.json#/traffic/0/sizes/output_tokens: a trace brings its own token counts");
  CHECK(complaint_about_voice(R"({"traffic": [{"kind": "trace", "generate": {"like": "azure-conversation", "duration_s": 60},
        "sizes": {"speech_s": 5}}]})") == "accepted");
}

TEST_CASE("stages follow earlier ones by triggers that exist") {
  CHECK(with_stages(R"([{"name": "a", "delay_s": 1}, {"name": "b", "service": "llm", "on": "first-output"}])") ==
        "s.json#/pipelines/turn/stages/1/on: stage \"a\" is a delay and has no output");
  CHECK(with_stages(R"([{"name": "a", "service": "llm", "on": "sentence"}])") ==
        "s.json#/pipelines/turn/stages/0/on: a stage that follows the arrival has no output to wait for");
  CHECK(with_stages(R"([{"name": "a", "service": "asr"}, {"name": "b", "service": "tts", "on": "sentence"}])") ==
        "s.json#/pipelines/turn/stages/1/on: a stage starts on a sentence only after an LLM stage");
  CHECK(with_stages(R"([{"name": "a", "service": "llm"}, {"name": "b", "service": "asr", "on": "sentence"}])") ==
        "s.json#/pipelines/turn/stages/1/on: only a speech service (autoregressive-tts, or a batch model with unit \"audio_s\") starts "
        "on a sentence");
  CHECK(with_stages(R"([{"name": "a", "service": "llm"}, {"name": "a", "service": "asr"}])") ==
        "s.json#/pipelines/turn/stages/1/name: two stages are called \"a\"");
  CHECK(with_stages(R"([{"name": "a", "service": "llm", "after": "a"}])") ==
        "s.json#/pipelines/turn/stages/0/after: \"after\" must name an earlier stage, found \"a\"; earlier ones: arrival");
  CHECK(with_stages(R"([{"name": "a", "service": "llm", "delay_s": 1}])") ==
        "s.json#/pipelines/turn/stages/0: a stage is a visit to a \"service\" or a \"delay_s\", not both");
  CHECK(with_stages(R"([{"name": "a", "delay_s": 1}])") == "s.json#/pipelines/turn/stages: no stage visits a service");
  CHECK(with_stages(R"([{"name": "a", "service": "llm"}, {"name": "b", "service": "tts", "after": "arrival"}])") == "accepted");
}

TEST_CASE("broken files are refused with their place") {
  CHECK_THROWS_WITH_AS(static_cast<void>(load_scenario("voice-hevy")),
                       doctest::Contains("unknown scenario \"voice-hevy\"; did you mean \"voice-heavy\"?"), ScenarioError);
  CHECK_THROWS_WITH_AS(static_cast<void>(load_scenario("/nowhere/s.json")),
                       "/nowhere/s.json: there is no such scenario file, or it cannot be read", ScenarioError);
  const std::string broken = path_in_temporary("broken.json");
  write(broken, "{\n  \"name\": \"x\",\n  oops\n}");
  CHECK_THROWS_WITH_AS(static_cast<void>(load_scenario(broken)), doctest::Contains("broken.json:3:"), ScenarioError);
  CHECK_THROWS_WITH_AS(static_cast<void>(parse_scenario("[1]", {}, "s.json")),
                       "s.json: expected an object with name, services, pipelines and traffic", ScenarioError);
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
  CHECK(scenario.services[0].model->name == "slow");
  CHECK(scenario.duration_s == 8);
  const Json kept = Json::parse(scenario.document);
  CHECK(kept["services"]["server"]["model"] == folder + "/slow.json");
  CHECK(kept["traffic"][0]["path"] == folder + "/t.csv");
  CHECK(parse_scenario(scenario.document, "other", {}, "/").services[0].model->name == "slow");
}

TEST_CASE("the document kept gives the same scenario when it is read again, for every built-in scenario and mode") {
  REQUIRE(scenario_names().size() >= 5);
  for (const std::string& name : scenario_names()) {
    const auto modes = load_scenario(name).modes;
    CHECK(modes.front() == "dedicated");
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
      CHECK(again.services[0].precision == scenario.services[0].precision);
      CHECK(again.duration_s == scenario.duration_s);
      CHECK_NOTHROW(check_memory(scenario));
      // Another mode starts from the document as it was, not from what this mode made of it.
      CHECK(parse_scenario(scenario.document, "dedicated").document == load_scenario(name, "dedicated").document);
    }
  }
}

TEST_CASE("the voice scenarios last as long as the published runs and offer the published modes") {
  CHECK(load_scenario("voice-light").duration_s == 135);
  CHECK(load_scenario("voice-heavy").duration_s == 375);
  CHECK(load_scenario("voice-heavy").modes ==
        std::vector<std::string>{"dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"});
  CHECK(load_scenario("voice-light").traffic.at(0).users == 5);
  CHECK(load_scenario("voice-heavy").traffic.at(0).users == 50);
}
