#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "gpushare/simulation.hpp"
#include "scenario_documents.hpp"

namespace test_inputs {

using namespace gpushare;
using namespace gpushare::test;

namespace {

// An LLM and one entry of traffic.
Json chat(const std::string& entry) {
  Json document =
      patched(queue_document(), R"({"services": {"server": null, "llm": {"model": "llama-3.1-8b"}},
    "pipelines": {"visit": {"stages": [{"name": "llm", "service": "llm"}]}}})");
  document["traffic"] = parse("[" + entry + "]");
  return document;
}

std::shared_ptr<const Trace> three_requests() {
  return std::make_shared<const Trace>(Trace{{0, 1, 4}, {100, 200, 300}, {10, 20, 30}, "three"});
}

std::string complaint_of(const Json& document, const Inputs& inputs) {
  try {
    static_cast<void>(parse_scenario(document.dump(), {}, "s.json", {}, inputs));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a trace that is handed over is replayed as it is, in every mode and placement") {
  Json document = chat(R"({"kind": "trace", "name": "chat"})");
  document["modes"]["slow"] = parse(R"({"traffic": [{"kind": "trace", "name": "chat", "speed": 0.5}]})");
  Inputs inputs;
  inputs.traces["chat"] = three_requests();
  const Scenario scenario = parse_scenario(document.dump(), inputs);
  const auto is_shared = [&](const Scenario& other) {
    return other.workload.traffic.at(0).trace == inputs.traces["chat"];
  };
  CHECK(is_shared(scenario));
  CHECK(is_shared(with_mode(scenario, "time-slicing:2")));
  CHECK(is_shared(with_mode(with_mode(scenario, "slow"), "mps")));
  CHECK(is_shared(with_placement(scenario, with_mode(scenario, "mps").placement)));
  CHECK(with_mode(scenario, "slow").workload.traffic[0].speed == 0.5);
  CHECK(inputs.traces["chat"].use_count() < 20);
  CHECK(simulate(scenario).summary.completed == 3);
}

TEST_CASE("traffic without a trace says what was handed over") {
  const std::string otherwise = R"(a trace needs a "path", or "generate": {"like": "azure-conversation"})";
  const Json document = chat(R"({"kind": "trace", "name": "chat"})");
  CHECK(complaint_of(document, {}) ==
        "s.json#/traffic/0/name: nothing is handed over as \"chat\", but nothing; otherwise " + otherwise);
  Inputs inputs;
  inputs.traces["chta"] = inputs.traces["other"] = three_requests();
  CHECK(complaint_of(document, inputs) ==
        "s.json#/traffic/0/name: nothing is handed over as \"chat\", but chta, other; otherwise " +
            otherwise);
  CHECK(complaint_of(chat(R"({"kind": "trace"})"), inputs) == "s.json#/traffic/0: " + otherwise);
  inputs.traces["visit"] = three_requests();  // the pipeline's name, which traffic without one takes
  CHECK(complaint_of(chat(R"({"kind": "trace"})"), inputs) == "accepted");
  CHECK(complaint_of(chat(R"({"kind": "trace", "path": "t.csv"})"), inputs) ==
        "s.json#/traffic/0/path: \"path\" and what is handed over as \"visit\" exclude each other");
  CHECK(complaint_of(chat(R"({"kind": "trace", "generate": {"like": "azure-conversation"}})"), inputs) ==
        "s.json#/traffic/0/generate: \"generate\" and what is handed over as \"visit\" exclude each other");
}

TEST_CASE("calls are handed over likewise") {
  Json document = voice_document();
  document["traffic"] = parse(R"([{"kind": "calls", "name": "support"}])");
  CallTurn turn;
  turn.start_s = 1;
  turn.speech_s = 2;
  turn.audio_s = turn.heard_s = 3;
  turn.prompt_tokens = 50;
  turn.reply_tokens = 20;
  Inputs inputs;
  inputs.calls["support"] =
      std::make_shared<const std::vector<VoiceCall>>(std::vector<VoiceCall>{{0, 0, {turn}}});
  const Scenario scenario = parse_scenario(document.dump(), inputs);
  CHECK(scenario.workload.traffic.at(0).calls == inputs.calls["support"]);
  CHECK(scenario.workload.duration_s == 6);
  CHECK(complaint_of(document, {})
            .find("s.json#/traffic/0/name: nothing is handed over as \"support\", but "
                  "nothing; otherwise calls need a \"path\"") == 0);
  turn.audio_s = turn.heard_s = 0;
  inputs.calls["support"] =
      std::make_shared<const std::vector<VoiceCall>>(std::vector<VoiceCall>{{0, 0, {turn}}});
  CHECK(complaint_of(document, inputs) ==
        "s.json#/traffic/0: a stage speaks the reply, but turn 0 of call 0 has an audio_s of 0");
}

TEST_CASE("a document tells which files it names, and takes those that are handed over instead") {
  Json document = chat(
      R"({"kind": "trace", "name": "a", "path": "t.parquet"}, {"kind": "calls", "name": "b", "path": "c.jsonl"},
         {"kind": "trace", "name": "c", "path": "/x/t.csv", "format": "azure"}, {"kind": "trace", "name": "d", "path": 7},
         {"kind": "trace", "generate": {"like": "azure-conversation"}}, 5)");
  document["modes"]["one"]["traffic"] = parse(R"([{"kind": "trace", "path": "u.csv", "format": "own"}])");
  const auto named = ScenarioDocument::parse(document.dump(), {}, "s.json", "/data");
  using Kind = InputFile::Kind;
  CHECK(named.files() == std::vector<InputFile>{{Kind::trace, "/data/t.parquet"},
                                                {Kind::calls, "/data/c.jsonl"},
                                                {Kind::trace, "/x/t.csv", "azure"}});
  const auto one = named.in_mode("one");
  CHECK(one.files() == std::vector<InputFile>{{Kind::trace, "/data/u.csv", "own"}});
  Inputs inputs;
  inputs.trace_files[{Kind::trace, "/data/u.csv", "own"}] = three_requests();  // there is no such file
  CHECK_THROWS_WITH_AS(static_cast<void>(one.read(inputs)),
                       doctest::Contains("s.json#/traffic/0/format: unknown trace format \"own\""),
                       ScenarioError);
  inputs.trace_formats.emplace_back("own");
  CHECK(one.read(inputs).workload.traffic[0].trace ==
        (inputs.trace_files.at({Kind::trace, "/data/u.csv", "own"})));
  CHECK_THROWS_WITH_AS(static_cast<void>(one.read()), doctest::Contains("unknown trace format \"own\""),
                       ScenarioError);
}

TEST_CASE("a trace's unit, block size and missing lengths stand in the document") {
  const std::string path = (std::filesystem::temp_directory_path() / "gpushare_units.jsonl").string();
  std::ofstream(path) << R"({"timestamp": 1000, "input_length": 40, "hash_ids": [1, 2]})"
                      << "\n"
                      << R"({"timestamp": 2500, "input_length": 40, "hash_ids": [1, 3]})"
                      << "\n";
  Json entry = parse(R"({"kind": "trace", "time_unit": "ms", "block_tokens": 32, "output_tokens": 7})");
  entry["path"] = path;
  const auto read = [&] { return parse_scenario(chat(entry.dump()).dump()).workload.traffic[0].trace; };
  const auto trace = read();
  CHECK(trace->arrival_s == std::vector<double>{0, 1.5});
  CHECK(trace->output_tokens == std::vector<std::int32_t>{7, 7});
  CHECK(trace->block_tokens == 32);
  entry["time_unit"] = "minutes";
  CHECK_THROWS_WITH_AS(static_cast<void>(read()), doctest::Contains("/traffic/0/time_unit: expected one of"),
                       ScenarioError);
  entry["time_unit"] = "ms";
  entry.erase("output_tokens");
  CHECK_THROWS_AS(static_cast<void>(read()), TraceError);
  std::filesystem::remove(path);
}

TEST_CASE(
    "another mode takes over what it has in common, and reads the rest as the document in that mode does") {
  for (const std::string& name : scenario_names()) {
    const Scenario first = load_scenario(name);
    for (const std::string& mode : first.modes) {
      CAPTURE(name);
      CAPTURE(mode);
      const Scenario there = with_mode(first, mode);
      const Scenario loaded = load_scenario(name, mode);
      CHECK(there.document == loaded.document);
      CHECK(there.mode == loaded.mode);
      CHECK(there.placement == loaded.placement);
      CHECK(there.baseline_gpus == loaded.baseline_gpus);
      CHECK(there.workload.prices.any_gpu == loaded.workload.prices.any_gpu);
      const Scenario back = with_mode(there, first.modes.front());
      CHECK(back.document == with_mode(first, first.modes.front()).document);
      const bool same_services =
          Json::parse(there.document)["services"] == Json::parse(first.document)["services"];
      CHECK((there.workload.services[0].model == first.workload.services[0].model) == same_services);
    }
  }
}

TEST_CASE("replicas that listed GPUs settled are the document's again in another mode") {
  Json document = queue_document();
  document["placement"]["gpus"] =
      parse(R"([{"partitions": [{"sharing": "mps", "processes": ["server", "server", "server"]}]}])");
  const Scenario listed = read(document);
  CHECK(listed.workload.services[0].replicas == 3);
  CHECK(listed.baseline_gpus == 3);
  CHECK(with_mode(listed, "dedicated").placement.gpus.size() == 1);
  CHECK(with_mode(listed, "dedicated").baseline_gpus == 1);
}

TEST_CASE("a scenario made by hand has no modes") {
  Scenario scenario;
  scenario.name = "mine";
  CHECK_THROWS_WITH_AS(static_cast<void>(with_mode(scenario, "mps")),
                       "mine: it was made by hand, so it has no document with modes", ScenarioError);
}

}  // namespace test_inputs
