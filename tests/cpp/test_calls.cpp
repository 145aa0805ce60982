// Voice calls: the file, the recipe, and turns in the loop of what a simulation answers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gpushare/calls.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/simulation.hpp"
#include "queueing.hpp"
#include "scenario_documents.hpp"

namespace test_calls {

namespace {

using namespace gpushare;
using namespace gpushare::test;

std::string turn(int call, int number, double start_s, double heard_s = 4) {
  return Json{{"call", call},
              {"turn", number},
              {"start_s", start_s},
              {"silence_s", 0.5},
              {"speech_s", 2},
              {"user_tokens", 8},
              {"prompt_tokens", 108 + 50 * number},
              {"first_sentence_tokens", 20},
              {"reply_tokens", 40},
              {"audio_s", 4},
              {"heard_s", heard_s}}
             .dump() +
         "\n";
}

std::string refusal(const std::string& text) {
  try {
    static_cast<void>(parse_calls(text, "c.jsonl"));
  } catch (const TraceError& error) {
    return error.what();
  }
  return "accepted";
}

/// The documents' voice pipeline with these calls; recognition, language model and synthesis on a GPU each.
Scenario voice(std::vector<VoiceCall> calls, const std::string& patch = "{}") {
  Json document = voice_document();
  document["placement"] = {{"mode", "dedicated"}};
  document["duration_s"] = 200;
  document["traffic"] =
      parse(R"([{"kind": "calls", "generate": {"arrivals": {"kind": "constant", "rate_per_s": 1}}}])");
  Scenario scenario = read(patched(document, patch));
  scenario.workload.traffic[0].calls = std::make_shared<const std::vector<VoiceCall>>(std::move(calls));
  return scenario;
}

/// Of its recognition.
double chunk_of(const Scenario& scenario) {
  return std::get<StreamOptions>(scenario.workload.services[0].engine.options).chunk_s;
}

VoiceCall call_of(std::int64_t number, double begin_s, std::size_t turns, double heard_s = 4) {
  VoiceCall call{number, begin_s, {}};
  for (std::size_t i = 0; i < turns; ++i)
    call.turns.push_back({0, 0.5, 2, 4, heard_s, 8, static_cast<std::uint32_t>(108 + 50 * i), 20, 40});
  return call;
}

/// Cells of a request table, by name, for the turn of a call.
struct Turns {
  const Run& run;
  [[nodiscard]] double operator()(const std::string& name, std::int64_t call, std::int64_t turn) const {
    const Column& column = *run.requests.find(name);
    for (std::size_t i = 0; i < run.requests.rows(); ++i) {
      if (run.requests.find("user")->integers[i] != call || run.requests.find("turn")->integers[i] != turn)
        continue;
      return column.type == Column::Type::float64 ? column.numbers[i]
             : column.type == Column::Type::int64 ? static_cast<double>(column.integers[i])
                                                  : column.codes[i];
    }
    FAIL("no such turn");
    return 0;
  }
};

/// Chunks that the recogniser worked on between two times.
double chunks_between(const Run& run, double begin_s, double end_s) {
  const auto& service = *run.steps.find("service");
  double items = 0;
  for (std::size_t i = 0; i < run.steps.rows(); ++i) {
    const double planned = run.steps.find("planned_s")->numbers[i];
    if (service.categories[static_cast<std::size_t>(service.codes[i])] == "asr" && planned >= begin_s &&
        planned < end_s)
      items += run.steps.find("items")->numbers[i];
  }
  return items;
}

RunOptions with_steps() {
  RunOptions options;
  options.record_steps = true;
  return options;
}

}  // namespace

TEST_CASE("a call file is read turn by turn, in order of the calls' begin") {
  const auto calls =
      parse_calls(turn(7, 0, 3) + turn(2, 0, 1) + "\n" + turn(7, 1, 12.5) + turn(9, 0, 0.25), "c.jsonl");
  REQUIRE(calls.size() == 3);
  CHECK(calls[0].number == 9);
  CHECK(calls[0].begin_s == 0);  // the file begins in its first silence
  CHECK(calls[1].number == 2);
  CHECK(calls[2].begin_s == 2.5);
  REQUIRE(calls[2].turns.size() == 2);
  CHECK(calls[2].turns[1].start_s == 12.5);
  CHECK(calls[2].turns[1].prompt_tokens == 158);
}

TEST_CASE("a broken call file is refused with its line") {
  CHECK(refusal("") == "c.jsonl: the file is empty; expected at least one turn");
  CHECK(refusal(turn(0, 1, 1)) == "c.jsonl:1#/turn: expected 0 of call 0, found 1");
  CHECK(refusal(turn(0, 0, 1) + turn(0, 0, 2)) == "c.jsonl:2#/turn: expected 1 of call 0, found 0");
  CHECK(refusal(turn(0, 0, 1, 5)) == "c.jsonl:1#/heard_s: found 5, but the reply lasts 4");
  CHECK(refusal("[1]\n").find("c.jsonl:1: expected a JSON object") == 0);
  CHECK(refusal("{\"call\": 0").find("c.jsonl:1") == 0);
  Json wrong = parse(turn(0, 0, 1));
  wrong["speach_s"] = 1;
  CHECK(refusal(wrong.dump()).find("did you mean \"speech_s\"?") != std::string::npos);
}

TEST_CASE("drawn calls follow their recipe") {
  CallRecipe recipe;
  recipe.barge_in = 0.2;
  double turns = 0, cut = 0, speech_s = 0;
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    const VoiceCall call = draw_call(recipe, 0, 10, Stream(1, 0, "calls").at(i));
    double next_s = 10, prompt = 300;
    for (const CallTurn& turn : call.turns) {
      CHECK(turn.start_s == doctest::Approx(next_s + turn.silence_s));
      prompt += turn.user_tokens;
      CHECK(turn.prompt_tokens == prompt);
      prompt += std::floor(turn.reply_tokens * turn.heard_s / turn.audio_s + 1e-9);
      next_s = turn.start_s + turn.speech_s + 0.8 + turn.heard_s;
      CHECK(turn.first_sentence_tokens <= turn.reply_tokens);
      cut += turn.heard_s < turn.audio_s;
      speech_s += turn.speech_s;
      ++turns;
    }
  }
  CHECK(turns / 2'000 == doctest::Approx(12.5).epsilon(0.02));
  CHECK(cut / turns == doctest::Approx(0.2).epsilon(0.05));
  CHECK(speech_s / turns == doctest::Approx(3).epsilon(0.03));
}

TEST_CASE("calls that are answered after the nominal time keep the nominal schedule") {
  // Nobody listens: a request comes at the end of speech, is answered after 0.8 s, and someone else speaks the reply.
  Scenario scenario = queueing::system(constant(0.8), queueing::fifo(), {{}, 8, 1});
  CallRecipe recipe;
  recipe.barge_in = 0.3;
  std::vector<VoiceCall> calls;
  for (std::uint64_t i = 0; i < 5; ++i)
    calls.push_back(draw_call(recipe, static_cast<std::int64_t>(i), 7.0 * static_cast<double>(i),
                              Stream(2, 0, "calls").at(i)));
  Traffic traffic;
  traffic.name = "calls";
  traffic.kind = Traffic::Kind::calls;
  traffic.calls = std::make_shared<const std::vector<VoiceCall>>(calls);
  scenario.workload.traffic.push_back(traffic);
  scenario.workload.duration_s = 40;  // calls that have begun are played to their end
  const Run run = simulate(scenario);
  const Turns at{run};
  std::size_t turns = 0;
  for (const VoiceCall& call : calls) {
    turns += call.turns.size();
    for (std::size_t i = 0; i < call.turns.size(); ++i) {
      const CallTurn& turn = call.turns[i];
      const auto number = static_cast<std::int64_t>(i);
      CHECK(at("arrival_s", call.number, number) ==
            doctest::Approx(turn.start_s + turn.speech_s).epsilon(1e-7));
      CHECK(at("input_tokens", call.number, number) == turn.prompt_tokens);
    }
  }
  CHECK(run.summary.arrived == turns);
  CHECK(run.summary.completed == turns);
}

TEST_CASE("the next turn begins a silence after playback, or after the user broke in") {
  for (const bool hold : {true, false}) {
    Scenario scenario = voice({call_of(0, 0, 3), call_of(1, 0, 3, 1.5), call_of(2, 0, 3, 0)});
    scenario.workload.traffic[0].hold_stream = hold;
    const Run run = simulate(scenario);
    const Turns at{run};
    for (std::int64_t next = 1; next < 3; ++next) {
      for (std::int64_t call = 0; call < 3; ++call) {
        const double waited = at("arrival_s", call, next) - at("tts.first_output_s", call, next - 1);
        const double heard[] = {4, 1.5, 0};
        // Synthesis speaks whole codec frames of 1/21.5 s: a sentence may be one longer than its text.
        CHECK(waited - 0.5 >= heard[call] - 1e-6);
        CHECK(waited - 0.5 <= heard[call] + (call == 0 ? 2.0 / 21.5 : 1e-6));
      }
    }
    CHECK(run.summary.audio_gap_s_per_request == 0);
    CHECK(run.summary.completed == 9);
  }
}

TEST_CASE("a held stream takes a chunk of every open call for every chunk_s, whatever is said") {
  std::vector<VoiceCall> calls;
  calls.reserve(4);
  for (int i = 0; i < 4; ++i) calls.push_back(call_of(i, 0.03 * i, 6));
  std::vector<VoiceCall> quiet = calls;
  for (VoiceCall& call : quiet)
    for (CallTurn& turn : call.turns) turn.speech_s = 0.2, turn.silence_s = 2.3;
  const double chunk_s = chunk_of(voice(calls));
  const double span_s = 100 * chunk_s;
  const Run talking = simulate(voice(calls), with_steps()), silent = simulate(voice(quiet), with_steps());
  CHECK(chunks_between(talking, 2, 2 + span_s) == 400);
  CHECK(chunks_between(silent, 2, 2 + span_s) == 400);
  Scenario closed_between = voice(calls);
  closed_between.workload.traffic[0].hold_stream = false;
  CHECK(chunks_between(simulate(closed_between, with_steps()), 2, 2 + span_s) < 200);  // a third of the time
}

TEST_CASE("max_streams limits calls where the stream is held, and turns where it is not") {
  const std::vector<VoiceCall> calls = {call_of(0, 0, 2), call_of(1, 0.1, 2)};
  const std::string one = R"({"services": {"asr": {"engine": {"max_streams": 1}}}})";
  const Run held = simulate(voice(calls, one));
  const Turns in_held{held};
  // The second call is put through when the first one ends: after the playback of its last reply.
  const double end = in_held("tts.first_output_s", 0, 1) + 4;
  CHECK(in_held("arrival_s", 1, 0) >= end + 0.5 - 1e-6);
  CHECK(in_held("arrival_s", 1, 0) <= end + 0.5 + 3.0 / 21.5);
  Scenario by_turn = voice(calls, one);
  by_turn.workload.traffic[0].hold_stream = false;
  const Run turns = simulate(by_turn);
  const Turns in_turns{turns};
  CHECK(in_turns("arrival_s", 1, 0) ==
        doctest::Approx(0.6));  // it begins, and waits for the first one's turn
  CHECK(in_turns("asr.started_s", 1, 0) >= in_turns("asr.finished_s", 0, 0));
  CHECK(in_turns("asr.started_s", 1, 0) < in_turns("arrival_s", 0, 1));
}

TEST_CASE("a call that gets no line is refused, and its turns are in the results") {
  const Run run =
      simulate(voice({call_of(0, 0, 3), call_of(1, 0.1, 3), call_of(2, 0.2, 3)},
                     R"({"services": {"asr": {"engine": {"max_streams": 1, "queue_limit": 1}}}})"));
  const Turns at{run};
  CHECK(at("status", 2, 0) == 1);  // rejected
  CHECK(at("status", 2, 1) == 3);  // skipped
  CHECK(at("status", 2, 2) == 3);
  CHECK(run.summary.arrived == 9);
  CHECK(run.summary.completed == 6);
  CHECK(run.summary.rejected == 1);
  CHECK(run.summary.skipped == 2);
}

TEST_CASE("calls whose recogniser dies while they speak are over, the others call it again") {
  // At 1 s both calls speak their first turn; at 6 s they hear the reply.
  for (const double at_s : {1.0, 6.0}) {
    Scenario scenario = voice({call_of(0, 0, 3), call_of(1, 0.01, 3)});
    Fault fault;
    fault.service = 0;
    fault.at_s = at_s;
    fault.restart_s = constant(0.5);
    scenario.faults.push_back(fault);
    const Run run = simulate(scenario);
    CHECK(run.summary.arrived == 6);
    CHECK(run.summary.failed == (at_s < 2 ? 2 : 0));
    CHECK(run.summary.skipped == (at_s < 2 ? 4 : 0));
    CHECK(run.summary.completed == (at_s < 2 ? 0 : 6));
  }
}

TEST_CASE("users keep their stream from the first turn until they leave") {
  const auto users = [](bool hold) {
    Json document = voice_document();
    document["placement"] = {{"mode", "dedicated"}};
    document["traffic"] = parse(
        R"([{"kind": "closed", "users": 3, "hold_s": 30, "think_s": 4, "playback": true,
             "sizes": {"input_tokens": 100, "output_tokens": 40, "speech_s": 2}}])");
    document["traffic"][0]["hold_stream"] = hold;
    return read(document);
  };
  const Scenario holding = users(true);
  const double chunk_s = chunk_of(holding);
  const Run run = simulate(holding, with_steps());
  CHECK(chunks_between(run, 1, 1 + 100 * chunk_s) == 300);
  CHECK(chunks_between(run, 30 + chunk_s, 1e9) <= 3 * 30 / chunk_s);  // none but turns that were begun before
  CHECK(run.summary.completed > 5);
  CHECK(run.summary.completed == run.summary.arrived);
  CHECK(chunks_between(simulate(users(false), with_steps()), 1, 1 + 100 * chunk_s) < 150);
}

TEST_CASE("what was said and heard in a call is found in the prefix cache") {
  const Scenario scenario = voice({call_of(0, 0, 4), call_of(1, 30, 4)},
                                  R"({"services": {"llm": {"engine": {"prefix_caching": true}}}})");
  const Run run = simulate(scenario);
  const auto llm = std::find_if(run.summary.services.begin(), run.summary.services.end(),
                                [](const ServiceSummary& service) { return service.name == "llm"; });
  // Prompts of 108, 158, 208 and 258 tokens: 100 of the system, 8 of the user, and what was said before. In blocks of 16
  // a turn finds the 150, 200 and 250 before its utterance, and the second call's first one the 100 of the system.
  const double looked_up = 2 * (108 + 158 + 208 + 258);
  CHECK(static_cast<double>(llm->count("prefix_prompt_tokens")) == looked_up);
  const double most = 2 * (150 + 200 + 250) + 100, least = most - 7 * 32;
  CHECK(static_cast<double>(llm->count("prefix_hit_tokens")) <= most);
  CHECK(static_cast<double>(llm->count("prefix_hit_tokens")) >= least);
}

TEST_CASE("drawn calls are the same for the same seed, and others in another replication") {
  Scenario scenario = voice({});
  scenario.workload.traffic[0].calls = nullptr;
  scenario.workload.traffic[0].recipe.arrivals.rate_per_s = 0.1;
  scenario.workload.duration_s = 100;
  const Run first = simulate(scenario), again = simulate(scenario);
  RunOptions options;
  options.replication = 1;
  const Run other = simulate(scenario, options);
  CHECK(first.summary.completed > 50);
  CHECK(first.requests.find("finish_s")->numbers == again.requests.find("finish_s")->numbers);
  CHECK(first.requests.find("finish_s")->numbers != other.requests.find("finish_s")->numbers);
}

TEST_CASE("documents with calls say what is wrong with them") {
  Json document = voice_document();
  document["duration_s"] = 10;
  const auto complain = [&](const std::string& traffic) {
    Json changed = document;
    changed["traffic"] = parse("[" + traffic + "]");
    return complaint(changed);
  };
  const std::string drawn = R"("generate": {"arrivals": {"kind": "poisson", "rate_per_s": 1}})";
  CHECK(complain(R"({"kind": "calls", )" + drawn + "}") == "accepted");
  CHECK(complain(R"({"kind": "calls"})").find("calls need a \"path\"") != std::string::npos);
  CHECK(complain(R"({"kind": "calls", "path": "nowhere.jsonl"})").find("there is no call file") !=
        std::string::npos);
  CHECK(complain(R"({"kind": "calls", "sizes": {"speech_s": 1}, )" + drawn + "}").find("their own speech") !=
        std::string::npos);
  CHECK(
      complain(
          R"({"kind": "calls", "generate": {"arrivals": {"kind": "poisson", "rate_per_s": 1}, "barge_in": 2}})")
          .find("/traffic/0/generate/barge_in") != std::string::npos);
  CHECK(complain(
            R"({"kind": "calls", "generate": {"arrivals": {"kind": "poisson", "rate_per_s": 1}, "turn": 2}})")
            .find("did you mean \"turns\"?") != std::string::npos);
  document["pipelines"]["turn"]["stages"] = parse(R"([{"name": "llm", "service": "llm"}])");
  document["services"].erase("tts");
  document["placement"] = parse(R"({"mode": "dedicated"})");
  CHECK(complain(R"({"kind": "calls", "hold_stream": true, )" + drawn + "}")
            .find("one stage of the pipeline must recognise streaming speech, found 0") != std::string::npos);
}

}  // namespace test_calls
