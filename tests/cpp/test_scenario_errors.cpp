#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "scenario_documents.hpp"

namespace test_scenario_errors {

using namespace gpushare;
using namespace gpushare::test;

namespace {

std::string path_in_temporary(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / "gpushare_test_scenario_errors";
  std::filesystem::create_directories(folder);
  return (folder / name).string();
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string complaint_about_queue(const std::string& patch) {
  return complaint(patched(queue_document(), patch));
}
std::string complaint_about_voice(const std::string& patch) {
  return complaint(patched(voice_document(), patch));
}

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

TEST_CASE("unknown names say where they are, what is known and what is near") {
  CHECK(complaint_about_voice(R"({"services": {"asr": {"model": "parakeet-1.1"}}})") ==
        "s.json#/services/asr/model: unknown model \"parakeet-1.1\"; did you mean \"parakeet-1.1b\"? Known: "
        "parakeet-1.1b, parakeet-rnnt-1.1b, parakeet-ctc-0.6b, parakeet-tdt-0.6b, parakeet-rnnt-0.6b and 49 "
        "others; "
        "or give the path of a .json or .yaml file, a published config.json among them");
  CHECK(complaint_about_voice(R"({"gpu": "rtx-4080"})") ==
        "s.json#/gpu: unknown GPU profile \"rtx-4080\". Known: rtx-4090, rtx-3060, rtx-3090, rtx-5090, "
        "rtx-6000-ada, rtx-pro-6000 and 27 others; or give the path of a .json or .yaml file");
  // Ten at most of those whose kind is not known.
  const std::string card = complaint_about_voice(R"({"gpu": "q11"})");
  CHECK(std::count(card.begin(), card.end(), ',') == 9);
  CHECK(with_stages(R"([{"name": "asr", "service": "asrr"}])") ==
        "s.json#/pipelines/turn/stages/0/service: unknown service \"asrr\"; did you mean \"asr\"? Known: "
        "asr, llm, tts");
  CHECK(with_stages(R"([{"name": "a", "service": "asr"}, {"name": "b", "service": "llm", "after": "c"}])") ==
        "s.json#/pipelines/turn/stages/1/after: \"after\" must name an earlier stage, found \"c\"; earlier "
        "ones: arrival, a");
  CHECK(complaint_about_voice(R"({"placement": {"consolidate": ["asr", "ttts"]}})") ==
        "s.json#/placement/consolidate/1: unknown service \"ttts\"; did you mean \"tts\"? Known: asr, llm, "
        "tts");
  CHECK(with_traffic(
            R"({"pipeline": "visitt", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}})") ==
        "s.json#/traffic/0/pipeline: unknown pipeline \"visitt\"; did you mean \"visit\"? Known: visit");
  CHECK(complaint(queue_document(), "time-slcing:4") ==
        "s.json: unknown mode \"time-slcing:4\"; did you mean \"time-slicing\"? Any document has dedicated, "
        "time-slicing[:REPLICAS|:WEIGHT/WEIGHT...], mps[:xREPLICAS|:PERCENT%|:PERCENT/PERCENT...], "
        "mig:LAYOUT[/time-slicing[:PROCESSES]|/mps[:xPROCESSES|:PERCENT%]]");
  CHECK(complaint_about_queue(R"({"trafic": []})")
            .find("s.json: unknown key \"trafic\"; did you mean \"traffic\"?") == 0);
  CHECK(complaint_about_queue(R"({"services": {"server": {"modle": 1}}})")
            .find("s.json#/services/server: unknown key \"modle\"; did you mean \"model\"?") == 0);
}

TEST_CASE("empty and contradicting documents are refused") {
  CHECK(complaint_about_queue(R"({"services": {"server": null}})") ==
        "s.json#/services: a scenario needs at least one service");
  CHECK(complaint_about_queue(R"({"pipelines": {"visit": null}})") ==
        "s.json#/pipelines: a scenario needs at least one pipeline");
  CHECK(complaint_about_queue(R"({"services": [1]})") ==
        "s.json#/services: expected an object, found an array of 1");
  CHECK(complaint_about_queue(R"({"pipelines": [[]]})") ==
        "s.json#/pipelines: expected an object, found an array of 1");
  CHECK(complaint_about_queue(R"({"traffic": []})") ==
        "s.json#/traffic: a scenario needs traffic: at least one entry");
  CHECK(complaint_about_queue(R"({"name": ""})") ==
        "s.json#/name: a scenario needs a name that is not empty");
  CHECK(complaint_about_queue(R"({"duration_s": 0})") ==
        "s.json#/duration_s: expected a number > 0 and <= 1000000000, found 0");
  CHECK(
      complaint_about_queue(R"({"duration_s": null})") ==
      "s.json: \"duration_s\" is missing, and neither open traffic without a \"count\" of arrivals nor users "
      "without \"hold_s\" tell how long they last");
  CHECK(complaint_about_queue(R"({"warmup_s": 100})") ==
        "s.json#/warmup_s: a warm-up of 100 s leaves nothing of the 100 s to measure");
  CHECK(complaint_about_queue(R"({"warmup_s": -1})") ==
        "s.json#/warmup_s: expected a number between 0 and 1000000000, found -1");
  CHECK(complaint_about_queue(R"({"seed": 1.5})") == "s.json#/seed: expected a whole number >= 0, found 1.5");
  for (const std::string key : {"max_num_seqs", "--max-model-len", "gpu-memory-utilization"}) {
    CAPTURE(key);
    CHECK(complaint_about_queue(R"({"services": {"server": {")" + key + R"(": 8}}})")
              .find("of the service's \"engine\"") != std::string::npos);
  }
  for (const std::string key : {"quantization", "tensor-parallel-size", "num_shard", "count"}) {
    CAPTURE(key);
    CHECK(complaint_about_queue(R"({"services": {"server": {"engine": {")" + key + R"(": 8}}}})")
              .find("of the service, beside \"engine\"") != std::string::npos);
  }
  CHECK(complaint_about_queue(R"({"services": {"server": {"engine": {"preset": "vllm-0.24"}}}})")
            .find("presets are of servers of language models") != std::string::npos);
  CHECK(complaint_about_queue(R"({"services": {"server": {"engine": {"attention_backend": "x"}}}})")
            .find("it changes nothing that is simulated") != std::string::npos);
  CHECK(complaint_about_queue(R"({"services": {"server": {"replicas": 0}}})") ==
        "s.json#/services/server/replicas: expected a whole number between 1 and 1000, found 0");
  CHECK(complaint_about_voice(R"({"traffic": [{"kind": "closed", "users": 0, "hold_s": 1}]})") ==
        "s.json#/traffic/0/users: expected a whole number between 1 and 1000000, found 0");
  CHECK(
      complaint_about_voice(R"({"traffic": [{"kind": "closed", "users": 1,
        "sizes": {"output_tokens": 1, "speech_s": 1}}]})") ==
      "s.json: \"duration_s\" is missing, and neither open traffic without a \"count\" of arrivals nor users "
      "without \"hold_s\" tell how long they last");
  CHECK(with_traffic(R"({"kind": "closed", "users": 1, "hold_s": 0})") ==
        "s.json#/traffic/0/hold_s: without ramps the users would leave before they ask; give seconds > 0, or "
        "leave it out");
  CHECK(with_traffic(R"({"kind": "closed", "users": 1, "ramp_up_s": 60, "ramp_down_s": 41})") ==
        "s.json#/traffic/0: its ramps take 101 s, but the run ends after 100 s");
  CHECK(with_traffic(R"({"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 0}})") ==
        "s.json#/traffic/0/arrivals/rate_per_s: expected a number > 0 and <= 1000000000, found 0");
  CHECK(with_traffic(
            R"({"kind": "open", "arrivals": {"kind": "on-off", "rates_per_s": [0, 0], "hold_s": [1, 1]}})") ==
        "s.json#/traffic/0/arrivals/rates_per_s: every rate is zero: no request would ever arrive");
  CHECK(with_traffic(
            R"({"kind": "open", "arrivals": {"kind": "on-off", "rates_per_s": [1, 2], "hold_s": [1]}})") ==
        "s.json#/traffic/0/arrivals/hold_s: 1 entries for 2 rates_per_s; give one for each");
  CHECK(
      with_traffic(
          R"({"kind": "open", "arrivals": {"kind": "piecewise", "rates_per_s": [1, 2], "starts_s": [5, 5]}})") ==
      "s.json#/traffic/0/arrivals/starts_s: starts must ascend, found 5 before 5");
  CHECK(with_traffic(R"({"kind": "closed", "users": 1, "hold_s": 9, "history": true})") ==
        "s.json#/traffic/0/history: a session has one turn here, so no prompt would carry anything; add "
        "\"turns_per_session\", how many turns go by before a user begins anew (2 or more)");
  CHECK(
      with_traffic(R"({"kind": "closed", "users": 1, "hold_s": 9, "turns_per_session": 4})") ==
      "s.json#/traffic/0/turns_per_session: turns of a session differ only by what prompts carry of earlier "
      "ones; add \"history\": true");
  CHECK(with_traffic(R"({"kind": "closed", "users": 1, "hold_s": 9, "playback": true})") ==
        "s.json#/traffic/0/playback: no stage of the pipeline speaks, so nothing is played");
  CHECK(with_traffic(R"({"kind": "trace", "path": "/nowhere/x.csv"})") ==
        "s.json#/traffic/0/path: there is no trace file \"/nowhere/x.csv\"");
  CHECK(with_traffic(R"({"kind": "trace"})") ==
        "s.json#/traffic/0: a trace needs a \"path\", or \"generate\": {\"like\": \"azure-conversation\"}");
}

TEST_CASE("an engine must fit its model, and has only the fields of its kind") {
  CHECK(complaint_about_voice(R"({"services": {"llm": {"engine": {"kind": "fifo"}}}})") ==
        "s.json#/services/llm/engine/kind: model llama-3.1-8b is of kind llm, which needs "
        "continuous-batching, not \"fifo\"");
  CHECK(complaint_about_voice(R"({"services": {"asr": {"engine": {"kind": "dynamic-batching"}}}})") ==
        "s.json#/services/asr/engine/kind: model parakeet-1.1b is of kind streaming-asr, which needs "
        "stream-batching, not "
        "\"dynamic-batching\"");
  CHECK(complaint_about_queue(R"({"services": {"server": {"engine": {"kind": "autoregressive-slots"}}}})") ==
        "s.json#/services/server/engine/kind: model server is of kind synthetic, which needs fifo or "
        "dynamic-batching, not "
        "\"autoregressive-slots\"");
  CHECK(complaint_about_queue(R"({"services": {"server": {"engine": {"kind": "fifo", "max_batch": 4}}}})") ==
        "s.json#/services/server/engine: unknown key \"max_batch\". Known keys: concurrency, eager_kernel_s, "
        "kind, "
        "queue_limit, request_overhead_s");
  CHECK(
      complaint_about_queue(R"({"services": {"server": {"engine": {"kind": "dynamic-batching", "max_batch": 4,
        "preferred_batch": [2, 8]}}}})") ==
      "s.json#/services/server/engine/preferred_batch/1: a preferred batch of 8 is more than max_batch 4");
  CHECK(complaint_about_voice(R"({"services": {"tts": {"engine": {"slots": 16}}}})") ==
        "s.json#/services/tts/engine/slots: model magpie-tts has no batch profile of 16 slots; it has 8, 32, "
        "64, and 0 takes the "
        "largest that fits");
}

TEST_CASE("a precision needs weights in the model and a rate on the GPU") {
  CHECK(complaint_about_voice(R"({"services": {"llm": {"precision": "int5"}}})") ==
        "s.json#/services/llm/precision: model llama-3.1-8b has no weights in \"int5\"; did you mean "
        "\"int8\"? It has fp16, fp8, int8, int4");
  CHECK(complaint_about_voice(R"({"services": {"asr": {"precision": "int8"}}})") ==
        "s.json#/services/asr/precision: model parakeet-1.1b has no weights in \"int8\". It has fp16");
  CHECK(read(patched(voice_document(), R"({"services": {"llm": {"precision": "int4"}}})"))
            .workload.services[1]
            .precision == Precision::int4);
  Json document = queue_document();
  Json& model = document["services"]["server"]["model"];
  model = parse(R"({"kind": "batch", "unit": "text", "precision": "fp8"})");
  for (const auto& [key, value] :
       {std::pair{"flop_per_unit", 1e9}, {"flop_efficiency", 0.5}, {"memory_bytes", 1e9}, {"kernels", 1.0}})
    model[key] = Json{{"value", value}, {"source", "this test"}, {"grade", "assumed"}};
  CHECK(complaint(document) ==
        "s.json#/services/server: GPU a100 has no fp8 rate, which model server computes in");
  document["gpu"] = "h100";
  CHECK(complaint(document) == "accepted");
}

TEST_CASE("a mistake in a model written in the scenario is shown in the scenario") {
  CHECK(complaint_about_queue(R"({"services": {"server": {"model": {"gpu_s": "fast"}}}})")
            .find("s.json#/services/server/model/gpu_s: expected a number >= 0 or a distribution") == 0);
  CHECK(complaint_about_queue(R"({"services": {"server": {"model": {"kind": "queue"}}}})")
            .find("s.json#/services/server/model/kind: expected one of \"llm\"") == 0);
  CHECK(complaint_about_queue(R"({"services": {"server": {"model": 7}}})") ==
        "s.json#/services/server/model: expected a model's name, the path of its file, or the model itself "
        "(an object)");
}

TEST_CASE("sizes that a stage works on must be there") {
  CHECK(complaint_about_voice(
            R"({"traffic": [{"kind": "closed", "users": 1, "hold_s": 9, "sizes": {"speech_s": 5}}]})") ==
        "s.json#/traffic/0: stage \"llm\" generates tokens, but sizes/output_tokens is missing or can only "
        "be zero");
  CHECK(complaint_about_voice(
            R"({"traffic": [{"kind": "closed", "users": 1, "hold_s": 9, "sizes": {"output_tokens": 5,
        "speech_s": {"kind": "uniform", "low": 0, "high": 0}}}]})") ==
        "s.json#/traffic/0: stage \"asr\" recognises speech, but sizes/speech_s is missing or can only be "
        "zero");
  CHECK(complaint_about_voice(
            R"({"traffic": [{"kind": "trace", "generate": {"like": "azure-conversation", "duration_s": 60},
        "sizes": {"speech_s": 5, "output_tokens": 3}}]})") ==
        "s.json#/traffic/0/sizes/output_tokens: a trace brings its own token counts");
  CHECK(complaint_about_voice(
            R"({"traffic": [{"kind": "trace", "generate": {"like": "azure-conversation", "duration_s": 60},
        "sizes": {"speech_s": 5}}]})") == "accepted");
}

TEST_CASE("stages follow earlier ones by triggers that exist") {
  CHECK(with_stages(
            R"([{"name": "a", "delay_s": 1}, {"name": "b", "service": "llm", "on": "first-output"}])") ==
        "s.json#/pipelines/turn/stages/1/on: stage \"a\" is a delay and has no output");
  CHECK(with_stages(R"([{"name": "a", "service": "llm", "on": "sentence"}])") ==
        "s.json#/pipelines/turn/stages/0/on: a stage that follows the arrival has no output to wait for");
  CHECK(with_stages(
            R"([{"name": "a", "service": "asr"}, {"name": "b", "service": "tts", "on": "sentence"}])") ==
        "s.json#/pipelines/turn/stages/1/on: a stage starts on a sentence only after an LLM stage");
  CHECK(with_stages(
            R"([{"name": "a", "service": "llm"}, {"name": "b", "service": "asr", "on": "sentence"}])") ==
        "s.json#/pipelines/turn/stages/1/on: only a speech service (autoregressive-tts, or a batch model "
        "with unit \"audio_s\") starts "
        "on a sentence");
  CHECK(with_stages(R"([{"name": "a", "service": "llm"}, {"name": "a", "service": "asr"}])") ==
        "s.json#/pipelines/turn/stages/1/name: two stages are called \"a\"");
  CHECK(with_stages(R"([{"name": "a", "service": "llm", "after": "a"}])") ==
        "s.json#/pipelines/turn/stages/0/after: \"after\" must name an earlier stage, found \"a\"; earlier "
        "ones: arrival");
  CHECK(with_stages(R"([{"name": "a", "service": "llm", "delay_s": 1}])") ==
        "s.json#/pipelines/turn/stages/0: a stage is a visit to a \"service\" or a \"delay_s\", not both");
  CHECK(with_stages(R"([{"name": "a", "delay_s": 1}])") ==
        "s.json#/pipelines/turn/stages: no stage visits a service");
  CHECK(with_stages(
            R"([{"name": "a", "service": "llm"}, {"name": "b", "service": "tts", "after": "arrival"}])") ==
        "accepted");
}

TEST_CASE("a key that is near to a missing duration is told") {
  Json document = patched(voice_document(), R"({"duration_s": null, "duration": 120})");
  document["traffic"][0].erase("hold_s");
  CHECK(complaint(document).ends_with("tell how long they last; is \"duration\" meant to be it?"));
}

TEST_CASE("instances are not joined for ranks") {
  const Json document =
      patched(voice_document(), R"({"services": {"llm": {"tensor_parallel": 2}}, "placement":
    {"consolidate": null}})");
  CHECK(complaint(document, "mig:7x1g.10gb").find("whose MIG instances cannot be joined") !=
        std::string::npos);
  CHECK(complaint(document, "mps").find("cannot be joined") == std::string::npos);
}

TEST_CASE("broken files are refused with their place") {
  CHECK_THROWS_WITH_AS(static_cast<void>(load_scenario("voice-hevy")),
                       doctest::Contains("unknown scenario \"voice-hevy\"; did you mean \"voice-heavy\"?"),
                       ScenarioError);
  CHECK_THROWS_WITH_AS(static_cast<void>(load_scenario("/nowhere/s.json")),
                       "/nowhere/s.json: there is no such file", ScenarioError);
  const std::string yaml = path_in_temporary("s.yaml");
  write(yaml, "name: x\n");
  CHECK_THROWS_WITH_AS(static_cast<void>(load_scenario(yaml)),
                       doctest::Contains("is YAML, which this program has no reader for; write it as JSON"),
                       ScenarioError);
  const std::string broken = path_in_temporary("broken.json");
  write(broken, "{\n  \"name\": \"x\",\n  oops\n}");
  CHECK_THROWS_WITH_AS(static_cast<void>(load_scenario(broken)), doctest::Contains("broken.json:3:"),
                       ScenarioError);
  CHECK_THROWS_WITH_AS(static_cast<void>(parse_scenario("[1]", {}, "s.json")),
                       "s.json: expected an object with name, services, pipelines and traffic",
                       ScenarioError);
}

}  // namespace test_scenario_errors
