#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "gpushare/bounds.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/simulation.hpp"
#include "llm_server.hpp"
#include "scenario_documents.hpp"

namespace test_clients {

using namespace gpushare;
using gpushare::test::Json;

namespace {

std::shared_ptr<const Trace> at_times(const std::vector<double>& seconds) {
  return std::make_shared<const Trace>(Trace{seconds, std::vector<std::int32_t>(seconds.size(), 1),
                                             std::vector<std::int32_t>(seconds.size(), 1), "by hand"});
}

// Jobs of one second each on a server that takes one at a time, sent at these seconds.
Scenario queue(const std::string& client, const std::vector<double>& seconds = {0, 0.1, 0.2},
               const std::string& server = "{}") {
  Json document = test::queue_document();
  document["services"]["server"] =
      test::patched(test::parse(R"({"model": {"kind": "synthetic", "gpu_s": 1}})"), server);
  document["traffic"] = test::parse(R"([{"kind": "trace", "name": "hand", "client": )" + client + "}]");
  Inputs inputs;
  inputs.traces["hand"] = at_times(seconds);
  return parse_scenario(document.dump(), inputs);
}

std::vector<double> numbers(const Run& run, const std::string& name) {
  return run.requests.find(name)->numbers;
}
std::vector<std::int64_t> integers(const Run& run, const std::string& name) {
  return run.requests.find(name)->integers;
}
// Of each request, in the order in which they came.
std::string statuses(const Run& run) {
  std::map<std::int64_t, char> by_request;
  const auto& codes = run.requests.find("status")->codes;
  for (std::size_t row = 0; row < codes.size(); ++row)
    by_request[integers(run, "request")[row]] = "crfs"[codes[row]];
  std::string all;
  for (const auto& [request, status] : by_request) all += status;
  return all;
}

// Open traffic of an LLM on a card.
Scenario chat(const std::string& client, double rate_per_s, const std::string& service = "{}") {
  Json document = test::parse(R"({
    "name": "chat", "duration_s": 60, "warmup_s": 5, "gpu": "a100",
    "services": {"llm": {"model": "llama-3.1-8b"}},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson"},
                 "sizes": {"input_tokens": {"kind": "exponential", "mean": 400, "min": 1},
                           "output_tokens": {"kind": "exponential", "mean": 150, "min": 1}}}]
  })");
  document["traffic"][0]["arrivals"]["rate_per_s"] = rate_per_s;
  if (!client.empty()) document["traffic"][0]["client"] = test::parse(client);
  document["services"]["llm"] = test::patched(document["services"]["llm"], service);
  return parse_scenario(document.dump());
}

void check_ends_once(const Run& run) {
  const Summary& summary = run.summary;
  CHECK(summary.arrived == summary.completed + summary.rejected + summary.failed + summary.skipped);
  std::map<std::int64_t, int> rows;
  for (const std::int64_t request : integers(run, "request")) ++rows[request];
  CHECK(rows.size() == summary.arrived);
  for (const auto& [request, count] : rows) CHECK(count == 1);
  std::uint64_t attempts = 0, timed_out = 0;
  for (const std::int64_t one : integers(run, "attempts")) attempts += static_cast<std::uint64_t>(one);
  for (const std::int64_t one : integers(run, "timed_out")) timed_out += static_cast<std::uint64_t>(one);
  CHECK(attempts + summary.skipped == summary.arrived + *summary.retried);
  CHECK(timed_out == *summary.timed_out);
  CHECK(timed_out <= summary.failed);
}

}  // namespace

TEST_CASE("whose client gives up has failed then, and leaves the server at once or with its step") {
  const Run run = simulate(queue(R"({"timeout_s": 1.5})"));
  CHECK(statuses(run) == "cff");
  // The second is in the middle of its step at 1.6, the third waits at 1.7: it costs the server nothing.
  const std::vector<double> ends = numbers(run, "finish_s");
  REQUIRE(ends.size() == 3);
  CHECK(ends[0] == doctest::Approx(1));
  CHECK(ends[1] == doctest::Approx(1.6));
  CHECK(ends[2] == doctest::Approx(1.7));
  CHECK(run.summary.services[0].steps == 2);
  CHECK(run.summary.failed == 2);
  CHECK(*run.summary.timed_out == 2);
  CHECK(*run.summary.retried == 0);
  CHECK(figure(run.summary, "timed_out") == 2.0);
  CHECK(run.summary.success_rate == doctest::Approx(1.0 / 3));
  check_ends_once(run);
}

TEST_CASE("a retry comes after its backoff, and the latency of what succeeds counts from the first attempt") {
  const Run run = simulate(queue(R"({"timeout_s": 1.5, "retries": 1, "backoff_s": 0.5})"));
  // The second gives up at 1.6, asks again at 2.1 and is served until 3.1; the third gives up at 1.7, asks again at
  // 2.2, begins at 3.1 and gives up for good at 3.7.
  CHECK(statuses(run) == "ccf");
  CHECK(numbers(run, "e2e_latency_s")[1] == doctest::Approx(3.0));
  CHECK(numbers(run, "server.queued_s")[1] == doctest::Approx(0.1));
  CHECK(numbers(run, "finish_s")[2] == doctest::Approx(3.7));
  CHECK(integers(run, "attempts") == std::vector<std::int64_t>{1, 2, 2});
  CHECK(integers(run, "timed_out") == std::vector<std::int64_t>{0, 0, 1});
  CHECK(run.summary.services[0].steps == 4);
  CHECK(*run.summary.retried == 2);
  CHECK(run.summary.offered_rate * run.summary.duration_s == doctest::Approx(5));
  const TrafficSummary& traffic = run.summary.traffic[0];
  CHECK(*traffic.timed_out == 1);
  CHECK(*traffic.retried == 2);
  CHECK(traffic.failed == 1);
  check_ends_once(run);
}

TEST_CASE("who is rejected asks again, each time after twice as long") {
  const std::string limited = R"({"engine": {"kind": "fifo", "queue_limit": 1}})";
  const Scenario patient = queue(R"({"retries": 2, "backoff_s": 0.5})", {0, 0.1, 0.2}, limited);
  const Run run = simulate(patient);
  CHECK(statuses(run) == "ccc");  // the third is rejected at 0.2 and at 0.7, waits from 1.7 and is done at 3
  CHECK(numbers(run, "e2e_latency_s")[2] == doctest::Approx(2.8));
  CHECK(integers(run, "attempts")[2] == 3);
  CHECK(run.summary.rejected == 0);
  CHECK(run.summary.services[0].rejected == 2);
  const Run once = simulate(queue(R"({"retries": 1, "backoff_s": 0.5})", {0, 0.1, 0.2}, limited));
  CHECK(statuses(once) == "ccr");
  check_ends_once(run);
  check_ends_once(once);
}

TEST_CASE("a request that is too long is not sent again: the answer would be the same") {
  const Scenario scenario =
      chat(R"({"retries": 3})", 2, R"({"engine": {"kind": "continuous-batching", "max_model_len": 600}})");
  const Run run = simulate(scenario);
  CHECK(run.summary.rejected > 0);
  CHECK(*run.summary.retried == 0);
  check_ends_once(run);
}

TEST_CASE("clients that wait long enough change nothing") {
  const Scenario patient = chat(R"({"timeout_s": 1000, "retries": 2})", 4);
  const Run with = simulate(patient);
  const Run without = simulate(chat("", 4));
  CHECK(*with.summary.timed_out == 0);
  CHECK_FALSE(without.summary.timed_out.has_value());
  CHECK(warnings_of(patient, with.summary).empty());
  CHECK(without.requests.find("attempts") == nullptr);
  CHECK(numbers(with, "finish_s") == numbers(without, "finish_s"));
}

TEST_CASE("retries of an overloaded server are load of their own, and waste what it does for who has gone") {
  double last_offered = 0;
  for (const int retries : {0, 1, 4}) {
    Json document = test::queue_document();
    document["services"]["server"]["model"]["gpu_s"] = 0.5;
    document["duration_s"] = 200;
    document["traffic"][0]["arrivals"]["rate_per_s"] = 3;
    document["traffic"][0]["client"] = {{"timeout_s", 2.2}, {"retries", retries}};
    const Scenario scenario = parse_scenario(document.dump());
    const Run run = simulate(scenario);
    check_ends_once(run);
    CHECK(*run.summary.timed_out > 0);
    CHECK(run.summary.offered_rate > last_offered + 0.1);
    last_offered = run.summary.offered_rate;
    CHECK(run.summary.success_rate < 0.75);
    const auto warnings = warnings_of(scenario, run.summary);
    CHECK(std::any_of(warnings.begin(), warnings.end(), [](const Warning& warning) {
      return warning.text.starts_with("its clients gave up on ");
    }));
  }
}

TEST_CASE("a sequence whose client has gone gives its blocks back at the end of its step") {
  for (const bool gone : {false, true}) {
    ContinuousEngine engine(test::continuous(8, 50), test::token_counter(), 4);  // blocks of 16 tokens
    Outbox out;
    REQUIRE(engine.enqueue(test::prompt(0, 50, 10)));  // takes all four
    REQUIRE(engine.enqueue(test::prompt(1, 40, 10)));
    const auto first = engine.plan(Time{0}, out);
    REQUIRE(first);
    CHECK(first->items == 1);
    if (gone) CHECK_FALSE(engine.cancel(Time{1}, 0, 0));
    out.clear();
    engine.complete(*first, Time{2}, out);
    REQUIRE(out.size() == 1);
    CHECK(out[0].request == 0);
    CHECK(out[0].signal == (gone ? Signal::failed : Signal::output));
    out.clear();
    const auto second = engine.plan(Time{2}, out);
    REQUIRE(second);
    CHECK(second->demand.groups[0].flop == (gone ? 40 : 1));
    REQUIRE(engine.enqueue(test::prompt(2, 8, 4)));
    CHECK(engine.cancel(Time{3}, 2, 0));  // it waits: it is out at once
    engine.complete(*second, Time{4}, out);
    for (const Outcome& outcome : out) CHECK(outcome.request == (gone ? 1 : 0));
  }
}

TEST_CASE("iterations that are merged end as single ones do where clients give up") {
  for (const char* service :
       {"{}", R"({"engine": {"kind": "continuous-batching", "max_num_seqs": 16}})",
        R"({"engine": {"preset": "vllm-0.20"}})", R"({"engine": {"preset": "vllm-0.7"}})",
        R"({"engine": {"preset": "sglang"}})"}) {
    const Scenario scenario = chat(R"({"timeout_s": 3, "retries": 2, "backoff_s": 0.3})", 9, service);
    RunOptions options;
    const Run merged = simulate(scenario, options);
    options.merge_steps = false;
    const Run single = simulate(scenario, options);
    CHECK(*merged.summary.retried > 0);
    CHECK(merged.summary.events <= single.summary.events);
    CHECK(numbers(merged, "finish_s") == numbers(single, "finish_s"));
    CHECK(integers(merged, "attempts") == integers(single, "attempts"));
    CHECK(merged.summary.latency("llm.itl")->mean == single.summary.latency("llm.itl")->mean);
    check_ends_once(merged);
  }
}

TEST_CASE("every stage of a pipeline lets go: recogniser, language model, synthesis, delays and workers") {
  Json document = test::voice_document();
  document["pipelines"]["turn"]["stages"] = test::parse(R"([
      {"name": "vad", "delay_s": 0.4},
      {"name": "asr", "service": "asr", "worker": true},
      {"name": "llm", "service": "llm", "worker": true},
      {"name": "tts", "service": "tts", "on": "sentence", "worker": true}])");
  document["pipelines"]["turn"]["workers"] = 3;
  for (const char* service : {"asr", "llm", "tts"})
    document["services"][service]["engine"] = {{"request_overhead_s", 0.05}};
  for (const double timeout_s : {0.3, 2.0, 5.6, 6.5, 8.0, 11.0}) {
    document["traffic"] = test::parse(R"([{"kind": "closed", "users": 12, "ramp_up_s": 1, "hold_s": 40,
       "sizes": {"input_tokens": 100, "output_tokens": 80, "speech_s": 5}, "client": {"retries": 1}}])");
    document["traffic"][0]["client"]["timeout_s"] = timeout_s;
    document["traffic"][0]["playback"] = true;
    const Run run = simulate(parse_scenario(document.dump()));
    CHECK(*run.summary.timed_out > 0);
    check_ends_once(run);
  }
}

TEST_CASE("replicas with one queue let go of what waits in it") {
  const Run run = simulate(queue(R"({"timeout_s": 1.5, "retries": 2})", {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6},
                                 R"({"replicas": 2, "routing": "shared-queue"})"));
  CHECK(*run.summary.timed_out > 0);
  check_ends_once(run);
}

TEST_CASE("who follows a request waits for its last attempt") {
  Json document = test::queue_document();
  document["services"]["server"]["model"] = test::parse(R"({"kind": "synthetic", "gpu_s": 1})");
  document["traffic"] =
      test::parse(R"([{"kind": "trace", "name": "hand", "client": {"timeout_s": 0.5, "retries": 1}}])");
  auto trace = std::make_shared<Trace>(*at_times({0, 0.1}));
  trace->parent = {-1, 0};
  Inputs inputs;
  inputs.traces["hand"] = trace;
  const Run run = simulate(parse_scenario(document.dump(), inputs));
  CHECK(statuses(run) == "fs");
  CHECK(run.summary.skipped == 1);
  CHECK(*run.summary.timed_out == 1);
  check_ends_once(run);
}

TEST_CASE("a client that says nothing, or cannot ask again, is refused") {
  const auto complaint_about = [](const std::string& client, const std::string& more = "{}") {
    Json document = test::voice_document();
    document["traffic"][0] = test::patched(document["traffic"][0], more);
    document["traffic"][0]["client"] = test::parse(client);
    return test::complaint(document);
  };
  CHECK(complaint_about(R"({"timeout_s": 30})") == "accepted");
  CHECK(complaint_about("{}").starts_with("s.json#/traffic/0/client: such a client does what all do"));
  CHECK(complaint_about(R"({"timeout_s": 3, "backoff_s": 1})")
            .starts_with("s.json#/traffic/0/client/backoff_s: nothing is sent again"));
  CHECK(complaint_about(R"({"timeout_s": 0})").starts_with("s.json#/traffic/0/client/timeout_s"));
  CHECK(complaint_about(R"({"retries": 11})").starts_with("s.json#/traffic/0/client/retries"));
  CHECK(complaint_about(R"({"timeout": 3})").find("timeout_s") != std::string::npos);
  CHECK(complaint_about(R"({"retries": 1})", R"({"hold_stream": true})")
            .starts_with("s.json#/traffic/0/client: what was said in a stream that stays open"));
}

TEST_CASE("a timeout that an idle server misses is warned of") {
  const std::vector<Warning> warnings = short_timeouts(queue(R"({"timeout_s": 0.9})"));
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].where == "/traffic/0/client/timeout_s");
  CHECK(warnings[0].text.find("takes 1 s at least") != std::string::npos);
  CHECK(short_timeouts(queue(R"({"timeout_s": 1.1})")).empty());
  CHECK(short_timeouts(queue(R"({"retries": 1})")).empty());
  CHECK(short_timeouts(chat(R"({"timeout_s": 0.05})", 1)).size() == 1);
  CHECK(short_timeouts(chat(R"({"timeout_s": 30})", 1)).empty());
}

}  // namespace test_clients
