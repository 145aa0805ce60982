#include <doctest/doctest.h>

#include <algorithm>

#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"

namespace test_objectives {

// What a document says it has to keep to, and how that is refused.

using namespace gpushare;
using namespace gpushare::test;

namespace {

Json with_objectives_in(Json document, const std::string& objectives) {
  document["objectives"] = parse(objectives);
  return document;
}

std::string complaint_about(const std::string& objectives) {
  return complaint(with_objectives_in(voice_document(), objectives));
}

Objectives objectives_of(const std::string& objectives) {
  return read(with_objectives_in(voice_document(), objectives)).workload.objectives;
}

/// A second pipeline beside the voice turn, that asks the same LLM.
Json two_pipelines() {
  return patched(voice_document(), R"({
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [
      {"pipeline": "turn", "name": "voices", "kind": "closed", "users": 2, "hold_s": 10,
       "sizes": {"input_tokens": 100, "output_tokens": 40, "speech_s": 5}},
      {"pipeline": "chat", "name": "chats", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1},
       "sizes": {"input_tokens": 100, "output_tokens": 40}}
    ]})");
}

std::vector<std::string> names_of(const Summary& summary) {
  std::vector<std::string> names;
  for_each_figure(summary, [&](const Figure& figure) { names.push_back(figure.name); });
  return names;
}

}  // namespace

TEST_CASE("objectives are read in their order, by canonical names and in the unit of the figure") {
  const Objectives read = objectives_of(R"({
    "llm.ttft_p95": "500ms", "turn.tts.first_audio_p95_s": {"at_most": 0.3}, "success_rate": {"at_least": "99%"},
    "goodput": 0.95, "gpu_busy": {"at_least": 0.1, "at_most": 0.8}, "first_audio_mean_s": 0.2,
    "isolation": [{"between": ["asr", "llm"], "level": "hardware"}, {"between": ["tts", "asr", "llm"], "level": "process"}],
    "memory_headroom": 0.2, "tolerate": "gpu"})");
  const std::vector<FigureBound> figures{{"llm.ttft_p95_s", 0.5, true},
                                         {"tts.first_audio_p95_s", 0.3, true},
                                         {"success_rate", 0.99, false},
                                         {"goodput", 0.95, false},
                                         {"gpu_busy", 0.8, true},
                                         {"gpu_busy", 0.1, false},
                                         {"tts.first_audio_mean_s", 0.2, true}};
  CHECK(read.figures == figures);
  CHECK(read.isolation == std::vector<Isolation>{{{"asr", "llm"}, IsolationLevel::hardware},
                                                 {{"tts", "asr", "llm"}, IsolationLevel::process}});
  CHECK(read.memory_headroom == 0.2);
  CHECK(read.tolerate == Tolerance::gpu);
  CHECK(objectives_of(R"({"tolerate": "instance"})").tolerate == Tolerance::instance);
  CHECK(objectives_of("{}").empty());
}

TEST_CASE("objectives written and read again are the same") {
  const Scenario scenario = read(with_objectives_in(voice_document(), R"({
    "voice_to_voice_p95_s": 1.1, "gpu_busy": {"at_least": 0.1, "at_most": 0.8}, "success_rate": {"at_most": 0.9},
    "gpus_used": {"at_least": 2}, "isolation": [{"between": ["llm", "asr"], "level": "process"}], "memory_headroom": 0.1,
    "tolerate": "instance"})"));
  const std::string text = objectives_document(scenario.workload.objectives);
  CHECK(parse_objectives(text, scenario) == scenario.workload.objectives);
  CHECK(parse(text)["voice_to_voice_p95_s"] == 1.1);
  CHECK(parse(text)["success_rate"] == parse(R"({"at_most": 0.9})"));
  CHECK(parse_objectives(objectives_document({}), scenario).empty());
}

TEST_CASE("a figure that no run has is an error of the document, with the nearest") {
  CHECK(complaint_about(R"({"llm.tft_p95_s": 0.5})")
            .starts_with("s.json#/objectives/llm.tft_p95_s: unknown figure \"llm.tft_p95_s\"; nearest: "
                         "llm.ttft_p95_s"));
  CHECK(complaint_about(R"({"memory_headrom": 0.5})") ==
        "s.json#/objectives/memory_headrom: unknown figure \"memory_headrom\"; nearest: memory_headroom");
  CHECK(complaint_about(R"({"asr.ttft_p95_s": 0.5})").find("unknown figure") != std::string::npos);
  const std::string ambiguous = complaint_about(R"({"busy": {"at_most": 0.5}})");
  CHECK(ambiguous.starts_with("s.json#/objectives/busy/at_most: figure \"busy\" is ambiguous: "));
  const std::string foreign = complaint_about(R"({"qqqqqqqq": 0.5})");
  CHECK(foreign.find("known: ") != std::string::npos);
  CHECK(std::count(foreign.begin(), foreign.end(), ',') == 9);  // ten choices
  CHECK(complaint(with_objectives_in(two_pipelines(), R"({"llm.ttft_p95_s": 0.5})")) ==
        "s.json#/objectives/llm.ttft_p95_s: figure \"llm.ttft_p95_s\" is ambiguous: turn.llm.ttft_p95_s, "
        "chat.llm.ttft_p95_s");
}

TEST_CASE("bounds that say nothing, or contradict, are refused where they stand") {
  CHECK(
      complaint_about(R"({"gpu_busy": 0.5})") ==
      "s.json#/objectives/gpu_busy: neither more nor less of gpu_busy is better; write {\"at_most\": ...} or "
      "{\"at_least\": ...}");
  CHECK(complaint_about(R"({"success_rate": {"at_least": 0.9, "at_most": 0.8}})") ==
        "s.json#/objectives/success_rate: success_rate cannot be at least 0.9 and at most 0.8");
  CHECK(complaint_about(R"({"llm.ttft_p95_s": 0.5, "turn.llm.ttft_p95_s": {"at_least": 0.6}})") ==
        "s.json#/objectives/turn.llm.ttft_p95_s: llm.ttft_p95_s cannot be at least 0.6 and at most 0.5");
  CHECK(complaint_about(R"({"llm.ttft_p95_s": 0.5, "turn.llm.ttft_p95_s": 0.6})") ==
        "s.json#/objectives/turn.llm.ttft_p95_s: llm.ttft_p95_s is bounded from above by two objectives");
  CHECK(complaint_about(R"({"success_rate": 99})") ==
        "s.json#/objectives/success_rate: success_rate is a share of 1; found 99");
  CHECK(complaint_about(R"({"success_rate": "5 ms"})").find("takes a plain number or one with %") !=
        std::string::npos);
  CHECK(complaint_about(R"({"success_rate": "much"})") ==
        "s.json#/objectives/success_rate: expected a number, or one with a unit such as \"500ms\", found "
        "\"much\"");
  CHECK(complaint_about(R"({"success_rate": {}})") ==
        "s.json#/objectives/success_rate: expected \"at_most\", \"at_least\" or both");
  CHECK(complaint_about(R"({"success_rate": {"atmost": 1}})").find("unknown key \"atmost\"") !=
        std::string::npos);
  CHECK(complaint_about(R"({"success_rate": [1]})")
            .starts_with("s.json#/objectives/success_rate: expected a number"));
  CHECK(complaint_about("[]").starts_with("s.json#/objectives: expected an object"));
}

TEST_CASE("goodput needs a latency that requests have by themselves") {
  CHECK(complaint_about(R"({"goodput": 0.9})")
            .starts_with("s.json#/objectives/goodput: it counts requests with their latencies within"));
  CHECK(complaint_about(R"({"goodput_rate": 1, "llm.itl_p95_s": 0.1})")
            .starts_with("s.json#/objectives/goodput_rate"));
  CHECK(complaint_about(R"({"goodput": 0.9, "llm.ttft_jitter_s": 0.1})").find("goodput") !=
        std::string::npos);
  CHECK(complaint_about(R"({"goodput": 0.9, "llm.ttft_p95_s": {"at_least": 0.1}})").find("goodput") !=
        std::string::npos);
  CHECK(complaint_about(R"({"goodput": 0.9, "llm.tpot_p99_s": 0.1})") == "accepted");
  CHECK(complaint_about(R"({"goodput": 0.9, "e2e_latency_mean_s": 4})") == "accepted");
}

TEST_CASE("isolation, headroom and tolerance are checked") {
  const auto isolation = [](const std::string& entry) {
    return complaint_about(R"({"isolation": [)" + entry + "]}");
  };
  CHECK(isolation(R"({"between": ["asr", "lm"], "level": "process"})") ==
        "s.json#/objectives/isolation/0/between/1: unknown service \"lm\"; did you mean \"llm\"? Known: asr, "
        "llm, "
        "tts");
  CHECK(isolation(R"({"between": ["asr"], "level": "process"})") ==
        "s.json#/objectives/isolation/0/between: expected two services or more, to be kept apart");
  CHECK(isolation(R"({"between": ["asr", "asr"], "level": "process"})") ==
        "s.json#/objectives/isolation/0/between/1: \"asr\" is there already");
  CHECK(isolation(R"({"between": ["asr", "llm"], "level": "hard"})").find("/isolation/0/level: ") !=
        std::string::npos);
  CHECK(isolation(R"({"between": ["asr", "llm"]})").find("level") != std::string::npos);
  CHECK(
      complaint_about(R"({"isolation": {}})").starts_with("s.json#/objectives/isolation: expected an array"));
  CHECK(complaint_about(R"({"memory_headroom": 1})") ==
        "s.json#/objectives/memory_headroom: expected a share of the memory below 1, found 1");
  CHECK(complaint_about(R"({"tolerate": "gpus"})").find("/tolerate: ") != std::string::npos);
}

TEST_CASE("a mode may have other objectives, and a scenario be given others in every mode") {
  Json document = with_objectives_in(voice_document(), R"({"llm.ttft_p95_s": 0.5, "memory_headroom": 0.2})");
  document["modes"] = parse(R"({"dedicated": {}, "strict": {"objectives": {"llm.ttft_p95_s": 0.1}}, "free": {
    "placement": {"mode": "mps"}, "objectives": null}})");
  const Scenario own = read(document), strict = read(document, "strict");
  CHECK(own.workload.objectives.figures == std::vector<FigureBound>{{"llm.ttft_p95_s", 0.5, true}});
  CHECK(strict.workload.objectives.figures == std::vector<FigureBound>{{"llm.ttft_p95_s", 0.1, true}});
  CHECK(strict.workload.objectives.memory_headroom == 0.2);
  CHECK(with_mode(own, "strict").workload.objectives == strict.workload.objectives);
  CHECK(with_mode(own, "free").workload.objectives.empty());

  const Scenario other = with_objectives(strict, R"({"tts.first_audio_p95": "250ms"})");
  const std::vector<FigureBound> figures{{"tts.first_audio_p95_s", 0.25, true}};
  CHECK(other.mode == "strict");
  CHECK(other.workload.objectives.figures == figures);
  CHECK(parse_scenario(other.document).workload.objectives == other.workload.objectives);
  for (const char* mode : {"strict", "free", "dedicated", "mps", "mig:3g.40gb+3g.40gb"}) {
    CAPTURE(mode);
    CHECK(with_mode(other, mode).workload.objectives == other.workload.objectives);
    CHECK(parse_scenario(other.document, mode).workload.objectives == other.workload.objectives);
    CHECK(parse_scenario(other.original->given(), mode).workload.objectives == other.workload.objectives);
  }
  CHECK(with_objectives(other, strict.workload.objectives).workload.objectives == strict.workload.objectives);
  CHECK_THROWS_WITH_AS(static_cast<void>(with_objectives(own, R"({"llm.ttfft_p95_s": 1})")),
                       doctest::Contains("objectives#/llm.ttfft_p95_s: unknown figure"), ScenarioError);
}

TEST_CASE("an objective may be of a partition, and then needs it") {
  const Scenario scenario =
      read(with_objectives_in(voice_document(), R"({"gpu1/whole.busy": {"at_most": 0.9}})"), "dedicated");
  CHECK(scenario.workload.objectives.figures.front().name == "gpu1/whole.busy");
  Scenario single = with_mode(with_objectives(scenario, "{}"), "mps");
  Placement placement = single.placement;
  placement.gpus[0].partitions[0] = {{SharingMode::mps}, {{0}, {1}, {2}}};
  placement.gpus.resize(1);
  CHECK_THROWS_AS(static_cast<void>(with_placement(scenario, placement)), ScenarioError);
  CHECK(with_placement(single, placement).workload.objectives.empty());
}

TEST_CASE("the figures of a scenario are those of its runs, and of latencies that nobody had") {
  const auto check = [](const Scenario& scenario) {
    CAPTURE(scenario.name);
    CAPTURE(scenario.mode);
    const auto expected = figure_names(scenario), found = names_of(simulate(scenario).summary);
    auto next = expected.begin();
    for (const std::string& name : found) {  // in the same order
      next = std::find(next, expected.end(), name);
      CHECK_MESSAGE(next != expected.end(), name);
    }
  };
  const auto all = [&](const Scenario& scenario) {
    check(scenario);
    CHECK(figure_names(scenario).size() == names_of(simulate(scenario).summary).size());
  };
  all(read(voice_document()));
  all(read(two_pipelines(), "mps"));
  all(read(with_objectives_in(two_pipelines(), R"({"turn.llm.ttft_p95_s": 0.1})"), "mps"));
  all(load_scenario("voice-light", "mig:3g.40gb+3g.40gb"));
  check(read(queue_document()));
  check(load_scenario("bursty-llm", "mig:7x1g.10gb"));
  check(read(patched(voice_document(), R"({"services": {"llm": {"engine": {"prefix_caching": true,
    "speculation": {"draft": "ngram", "tokens": 2, "acceptance": 0.5}}}}})")));
}

}  // namespace test_objectives
