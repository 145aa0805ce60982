#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"

namespace test_goodput {

// Requests that were answered within the bounds of the objectives, counted by hand in the table of requests; and the
// time from the end of the user's speech to the first audio of the reply.

using namespace gpushare;
using namespace gpushare::test;

namespace {

/// The table of requests, by row.
class Requests {
 public:
  explicit Requests(const Scenario& scenario) : run_(record(scenario)) {}

  [[nodiscard]] const Summary& summary() const { return run_.summary; }
  [[nodiscard]] std::size_t size() const { return run_.requests.columns.front().size(); }
  [[nodiscard]] double at(const std::string& column, std::size_t row) const {
    return run_.requests.find(column)->numbers[row];
  }
  [[nodiscard]] bool completed(std::size_t row) const {
    return run_.requests.find("status")->codes[row] == 0;
  }
  [[nodiscard]] std::int64_t tokens(std::size_t row) const {
    return run_.requests.find("output_tokens")->integers[row];
  }
  [[nodiscard]] bool of_traffic(std::int32_t traffic, std::size_t row) const {
    return run_.requests.find("traffic")->codes[row] == traffic;
  }

 private:
  static Run record(const Scenario& scenario) {
    RunOptions options;
    options.record_requests = true;
    return simulate(scenario, options);
  }
  Run run_;
};

/// By hand: `good(row)` of completed requests.
struct Counted {
  double arrived = 0, good = 0, good_in_window = 0;

  template <class Good>
  Counted(const Requests& requests, const Scenario& scenario, Good good_row) {
    const Workload& workload = scenario.workload;
    for (std::size_t row = 0; row < requests.size(); ++row) {
      const bool measured = requests.at("arrival_s", row) >= workload.warmup_s;
      const double end = requests.at("finish_s", row);
      const bool is_good = requests.completed(row) && good_row(row);
      arrived += measured ? 1 : 0;
      good += measured && is_good ? 1 : 0;
      good_in_window += is_good && end >= workload.warmup_s && end <= workload.duration_s ? 1 : 0;
    }
  }
};

/// An overloaded LLM with a short queue, and embeddings beside it.
Scenario chat_and_embeddings(const std::string& objectives) {
  Json document = parse(R"({
    "name": "two", "duration_s": 60, "warmup_s": 10,
    "services": {
      "llm": {"model": "llama-3.1-8b", "engine": {"max_num_seqs": 8, "queue_limit": 12}},
      "embedder": {"model": "embedding-0.3b"}
    },
    "placement": {"mode": "mps"},
    "pipelines": {
      "chat": {"stages": [{"name": "llm", "service": "llm"}]},
      "search": {"stages": [{"name": "embed", "service": "embedder"}]}
    },
    "traffic": [
      {"pipeline": "chat", "name": "chats", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 6},
       "sizes": {"input_tokens": 300, "output_tokens": {"kind": "empirical", "values": [1, 20, 200]}}},
      {"pipeline": "search", "name": "searches", "kind": "open",
       "arrivals": {"kind": "poisson", "rate_per_s": 4}, "sizes": {"units": 4}}
    ]})");
  document["objectives"] = parse(objectives);
  return read(document);
}

}  // namespace

TEST_CASE("requests are good whose own latencies lie within the bounds") {
  const Scenario scenario =
      chat_and_embeddings(R"({"chat.llm.ttft_p95_s": 0.7, "chat.llm.tpot_p50_s": 0.012})");
  const Requests requests(scenario);
  const Summary& summary = requests.summary();
  std::size_t late = 0, slow = 0, searches = 0, single = 0;
  const Counted counted(requests, scenario, [&](std::size_t row) {
    if (requests.of_traffic(1, row)) return ++searches > 0;  // nothing bounds them: good when answered
    const double first = requests.at("llm.first_output_s", row);
    const auto tokens = static_cast<double>(requests.tokens(row));
    const bool is_late = first - requests.at("llm.queued_s", row) > 0.7;
    const bool is_slow = tokens > 1 && (requests.at("llm.finished_s", row) - first) / (tokens - 1) > 0.012;
    late += is_late && !is_slow ? 1 : 0;
    slow += is_slow && !is_late ? 1 : 0;
    single += tokens < 2 ? 1 : 0;
    return !is_late && !is_slow;
  });
  CHECK(summary.rejected > 0);  // all that may go wrong has
  CHECK(late > 0);
  CHECK(slow > 0);
  CHECK(single > 0);
  CHECK(searches > 0);
  CHECK(*summary.goodput == doctest::Approx(counted.good / counted.arrived).epsilon(1e-12));
  CHECK(*summary.goodput_rate == doctest::Approx(counted.good_in_window / 50).epsilon(1e-12));
  CHECK(figure(summary, "goodput") == *summary.goodput);
  CHECK(*summary.goodput > 0.1);
  CHECK(*summary.goodput < summary.success_rate);
}

TEST_CASE("a bound from end to end is of one pipeline, and holds its requests") {
  CHECK_THROWS_WITH_AS(static_cast<void>(chat_and_embeddings(R"({"e2e_latency_p95_s": 0.05})")),
                       doctest::Contains("ambiguous: chat.e2e_latency_p95_s, search.e2e_latency_p95_s"),
                       ScenarioError);
  const Scenario scenario =
      chat_and_embeddings(R"({"chat.e2e_latency_p95_s": 0.05, "search.e2e_latency_p95_s": 0.05})");
  const Requests requests(scenario);
  const Counted counted(requests, scenario, [&](std::size_t row) {
    return requests.at("finish_s", row) - requests.at("arrival_s", row) <= 0.05;
  });
  CHECK(*requests.summary().goodput == doctest::Approx(counted.good / counted.arrived).epsilon(1e-12));
  CHECK(counted.good > 0);
}

TEST_CASE("requests that are refused, fail or are never sent are not good") {
  Json document = parse(R"({
    "name": "queue", "duration_s": 40,
    "services": {"server": {"model": {"kind": "synthetic", "gpu_s": 0.5}, "engine": {"queue_limit": 1}}},
    "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 4}}],
    "objectives": {"server.latency_max_s": 100},
    "faults": [{"service": "server", "at_s": 20, "restart_s": 1}]})");
  const Requests requests(read(document));
  const Summary& summary = requests.summary();
  CHECK(summary.rejected > 0);
  CHECK(summary.failed > 0);
  CHECK(*summary.goodput == doctest::Approx(summary.success_rate).epsilon(1e-12));
  CHECK(*summary.goodput_rate == doctest::Approx(summary.request_throughput).epsilon(1e-12));
}

TEST_CASE("without a bound on a latency of requests there is no goodput") {
  for (const char* objectives : {"{}", R"({"success_rate": 0.9})", R"({"llm.itl_p95_s": 0.1})"}) {
    const Scenario scenario = chat_and_embeddings(objectives);
    const Summary summary = simulate(scenario).summary;
    CHECK_FALSE(summary.goodput);
    CHECK_FALSE(summary.goodput_rate);
    CHECK_THROWS_AS(static_cast<void>(figure(summary, "goodput")), FigureError);
  }
}

TEST_CASE("objectives change no other figure") {
  const auto plain = simulate(chat_and_embeddings("{}")).summary,
             bounded = simulate(chat_and_embeddings(R"({"chat.llm.ttft_p95_s": 0.7})")).summary;
  std::vector<std::pair<std::string, double>> before, after;
  for_each_figure(plain, [&](const Figure& figure) { before.emplace_back(figure.name, figure.value); });
  for_each_figure(bounded, [&](const Figure& figure) {
    if (!figure.name.starts_with("goodput")) after.emplace_back(figure.name, figure.value);
  });
  CHECK(before == after);
}

// --- Voice to voice

TEST_CASE("voice to voice is from the end of the user's speech to the first audio of the reply") {
  for (const double speed : {1.0, 12.5}) {
    CAPTURE(speed);
    Json document = voice_document();
    document["services"]["asr"]["engine"]["speech_speed"] = speed;
    document["objectives"]["voice_to_voice_p95_s"] = 0.5;
    const Scenario scenario = read(document);
    const Requests requests(scenario);
    double sum = 0, largest = 0, count = 0;
    const Counted counted(requests, scenario, [&](std::size_t row) {
      const double heard = requests.at("asr.queued_s", row) + requests.at("speech_s", row) / speed;
      const double value = requests.at("tts.first_output_s", row) - heard;
      CHECK(value > requests.at("asr.finished_s", row) - heard);
      sum += value, largest = std::max(largest, value), ++count;
      return value <= 0.5;
    });
    const LatencySummary* latency = requests.summary().latency("voice_to_voice");
    REQUIRE(latency != nullptr);
    CHECK(static_cast<double>(latency->count) == count);
    CHECK(latency->mean == doctest::Approx(sum / count).epsilon(1e-6));
    CHECK(latency->max == doctest::Approx(largest).epsilon(1e-6));
    CHECK(*requests.summary().goodput == doctest::Approx(counted.good / counted.arrived));
    CHECK(resolve_figure(requests.summary(), "turn.voice_to_voice_p95_s") == "voice_to_voice_p95_s");
  }
}

TEST_CASE(
    "voice to voice has the name of its pipeline where there are several, and is of those that hear and "
    "speak") {
  const Json document = patched(voice_document(), R"({
    "pipelines": {"transcript": {"stages": [{"name": "asr", "service": "asr"}]},
                  "read aloud": {"stages": [{"name": "tts", "service": "tts"}]},
                  "apart": {"stages": [{"name": "asr", "service": "asr"},
                                       {"name": "tts", "service": "tts", "after": "arrival"}]}}})");
  std::vector<std::string> names;
  Json with_pipelines = document;
  with_pipelines["traffic"][0]["pipeline"] = "turn";
  for (const std::string& name : figure_names(read(with_pipelines)))
    if (name.find("voice_to_voice_p95_s") != std::string::npos) names.push_back(name);
  CHECK(names == std::vector<std::string>{"turn.voice_to_voice_p95_s"});
}

TEST_CASE("who answers before the user has ended does so at once; of two voices the first counts") {
  Json document = patched(voice_document(), R"({"pipelines": {"turn": {"stages": [
    {"name": "asr", "service": "asr"},
    {"name": "llm", "service": "llm", "on": "first-output"},
    {"name": "slow", "service": "tts", "after": "llm"},
    {"name": "quick", "service": "tts", "after": "asr", "on": "first-output"}]}}})");
  const Requests requests(read(document));
  const LatencySummary* early = requests.summary().latency("voice_to_voice");
  REQUIRE(early != nullptr);
  CHECK(early->count > 0);
  CHECK(early->max == 0);

  document["pipelines"]["turn"]["stages"][3].erase("on");
  document["pipelines"]["turn"]["stages"][1].erase("on");
  const Requests later(read(document));
  for (std::size_t row = 0; row < later.size(); ++row)
    CHECK(later.at("quick.first_output_s", row) < later.at("slow.first_output_s", row));
  CHECK(later.summary().latency("voice_to_voice")->mean ==
        doctest::Approx(later.summary().latency("quick.first_audio")->mean +
                        later.summary().latency("asr.after_speech")->mean)
            .epsilon(1e-6));
}

// --- Stream open

TEST_CASE("a stream is open until its last sentence is handed on, each after the one before is spoken") {
  Json document = voice_document();
  Json& speaks = document["pipelines"]["turn"]["stages"][2];
  speaks["on"] = "sentence";
  speaks["sentence_tokens"] = 8;
  const Summary several = simulate(read(document)).summary;
  const LatencySummary *open = several.latency("llm.stream_open"), *written = several.latency("llm.latency"),
                       *whole = several.latency("e2e_latency");
  REQUIRE(open != nullptr);
  CHECK(open->count == written->count);
  CHECK(open->mean > 1.2 * written->mean);
  CHECK(open->max < whole->max);
  // Replies of one sentence are handed on when they are written.
  speaks["sentence_tokens"] = 10000;
  const Summary one = simulate(read(document)).summary;
  CHECK(one.latency("llm.stream_open")->mean == one.latency("llm.latency")->mean);
  // Who takes the reply as a whole does not hold its stream.
  speaks.erase("on");
  speaks.erase("sentence_tokens");
  CHECK(simulate(read(document)).summary.latency("llm.stream_open") == nullptr);
}

}  // namespace test_goodput
