#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "llm_server.hpp"
#include "scenario_documents.hpp"

namespace test_speculation {

// Speculative decoding: how many tokens an iteration brings, what it costs, and what requests see of it.

namespace {

using namespace gpushare;
using doctest::Approx;
using test::Json;

ContinuousOptions guessing(int tokens, double acceptance) {
  ContinuousOptions engine = test::continuous(64, 2048);
  engine.speculation = {tokens, acceptance, nullptr, Precision::fp16};
  return engine;
}

/// A server whose steps take a millisecond.
struct Bench {
  explicit Bench(const ContinuousOptions& config, std::int64_t blocks = 100000)
      : engine(config, test::token_counter(), blocks) {
    engine.draw_from(Stream(7, 0, "luck"));
  }
  bool send(std::uint32_t request, std::uint32_t input, std::uint32_t output, std::uint16_t every = 0) {
    Job job = test::prompt(request, input, output);
    job.luck = request;
    job.notify_every = every;
    return engine.enqueue(job);
  }
  std::vector<double> run() {
    std::vector<double> tokens;
    while (const auto step = engine.plan(Time{steps * 1'000'000}, out)) {
      tokens.push_back(step->demand.groups[0].flop);
      engine.complete(*step, Time{++steps * 1'000'000}, out);
    }
    return tokens;
  }
  ContinuousEngine engine;
  Outbox out;
  std::int64_t steps = 0;
};

Json document(const std::string& speculation, int in_flight, double duration_s = 60) {
  Json json = test::parse(R"({"name": "guess", "gpu": "a100",
    "services": {"llm": {"model": "llama-3.1-8b", "engine": {"kind": "continuous-batching"}}},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "closed", "sizes": {"input_tokens": 100, "output_tokens": 200}}]})");
  json["duration_s"] = duration_s;
  json["traffic"][0]["users"] = in_flight;
  if (!speculation.empty()) json["services"]["llm"]["engine"]["speculation"] = test::parse(speculation);
  return json;
}

double tokens_per_s(const Json& json) { return simulate(test::read(json)).summary.output_token_throughput; }

}  // namespace

TEST_CASE("guesses that are always right bring their number and one more, and a reply never overshoots") {
  Bench bench(guessing(3, 1));
  REQUIRE(bench.send(0, 10, 20));
  CHECK(bench.run() == std::vector<double>{10, 4, 4, 4, 4, 3});  // 1, 5, 9, 13, 17 and 20 tokens
  CHECK(bench.engine.counts().draft_tokens == 14);
  CHECK(bench.engine.counts().accepted_tokens == 14);
  CHECK(bench.engine.inter_token().count() == 19);
}

TEST_CASE("guesses that are always wrong cost their verification") {
  Bench bench(guessing(3, 0));
  REQUIRE(bench.send(0, 10, 8));
  CHECK(bench.run() == std::vector<double>{10, 4, 4, 4, 4, 3, 2, 1});
  CHECK(bench.engine.counts().accepted_tokens == 0);
}

TEST_CASE("the tokens of an iteration follow the truncated geometric law") {
  for (const double acceptance : {0.3, 0.7, 0.9}) {
    for (const int guesses : {1, 4}) {
      CAPTURE(acceptance);
      CAPTURE(guesses);
      constexpr std::uint32_t kReplies = 50, kTokens = 2000;
      Bench bench(guessing(guesses, acceptance));
      for (std::uint32_t i = 0; i < kReplies; ++i) REQUIRE(bench.send(i, 5, kTokens));
      static_cast<void>(bench.run());
      const auto counts = bench.engine.counts();
      const double steps = static_cast<double>(counts.draft_tokens) / guesses;
      const double mean = 1 + static_cast<double>(counts.accepted_tokens) / steps;
      const double expected = (1 - std::pow(acceptance, guesses + 1)) / (1 - acceptance);
      // The variance of the tokens of one iteration is below guesses^2 / 4; replies' ends are shorter by 1 in 1,000.
      CHECK(std::abs(mean - expected) < 4 * guesses / 2.0 / std::sqrt(steps) + 0.002 * expected);
    }
  }
}

TEST_CASE("every sentence is told once, also where several end in one iteration") {
  Bench bench(guessing(8, 0.8));
  REQUIRE(bench.send(0, 10, 100, 3));
  static_cast<void>(bench.run());
  std::vector<std::uint32_t> told;
  for (const Outcome& outcome : bench.out)
    if (outcome.signal == Signal::progress) told.push_back(outcome.tokens);
  REQUIRE(told.size() == 33);
  for (std::size_t i = 0; i < told.size(); ++i) CHECK(told[i] == 3 * (i + 1));
}

TEST_CASE("tokens that come together share the time since the last") {
  Bench bench(guessing(4, 1));
  REQUIRE(bench.send(0, 10, 11));
  CHECK(bench.run() == std::vector<double>{10, 5, 5});
  CHECK(bench.engine.inter_token().count() == 10);
  CHECK(bench.engine.inter_token().mean_s() == Approx(1e-3 / 5));
}

TEST_CASE(
    "guesses come out like other tokens: an iteration late, or one after the other through a front end") {
  const auto signals = [](const Bench& bench, Signal signal) {
    return std::count_if(bench.out.begin(), bench.out.end(),
                         [&](const Outcome& outcome) { return outcome.signal == signal; });
  };
  for (const bool planned_ahead : {false, true}) {
    ContinuousOptions late = guessing(4, 1);
    late.async_output = true;
    late.async_scheduling = planned_ahead;
    Bench bench(late);
    REQUIRE(bench.send(0, 10, 11, 4));
    CHECK(bench.run() == std::vector<double>{10, 5, 5, 1});  // who has ended takes part once more
    CHECK(signals(bench, Signal::output) == 1);
    CHECK(signals(bench, Signal::progress) == 2);
    CHECK(signals(bench, Signal::finished) == 1);
    CHECK(bench.engine.inter_token().count() == 10);
    CHECK(bench.engine.counts().draft_tokens == 8);
  }
  ContinuousOptions slow = guessing(4, 1);
  slow.frontend_token_s = 2e-3;
  Bench bench(slow);
  REQUIRE(bench.send(0, 10, 11));
  static_cast<void>(bench.run());
  // The first token is sent 2 ms after its step of 1 ms; ten more take 20 ms.
  CHECK(bench.engine.wake() == Time{23'000'000});
  CHECK(bench.engine.inter_token().count() == 10);
  CHECK(bench.engine.inter_token().mean_s() == Approx(2e-3));
}

TEST_CASE("positions to verify need blocks, and a full cache preempts") {
  Bench bench(guessing(7, 0.5), 12);  // of 16 tokens: 6 each
  REQUIRE(bench.send(0, 60, 36));
  REQUIRE(bench.send(1, 60, 36));
  REQUIRE(bench.send(2, 60, 36));
  static_cast<void>(bench.run());
  CHECK(bench.engine.counts().preemptions > 0);
  int finished = 0;
  for (const Outcome& outcome : bench.out) finished += outcome.signal == Signal::finished;
  CHECK(finished == 3);
}

TEST_CASE("a draft runs once for each guess, beside one pass over all that is verified") {
  const auto target = std::get<LlmModel>(load_model("llama-3.1-8b").cost);
  const auto draft = std::get<LlmModel>(load_model("llama-3.2-1b").cost);
  LlmServing serving{&target, &target.formats[0], {}, &draft, &draft.formats[0], 4};
  LlmLoad load;
  load.decodes = 8;
  load.decode_context = 8 * 1000;
  load.drafted = 8 * 4;
  load.sampled = 8 * 5;
  const GpuProfile gpu = load_profile("a100");
  const Resources all = resources_of(gpu, partitions(gpu, {})[0]);
  const StepTime step = step_time(serving.rank_step(load, 0), gpu, all);
  const auto alone = [&](const LlmModel& model, double decodes, double context, double sampled,
                         double drafted) {
    return step_time(model.iteration(model.formats[0], 0, 0, 0, decodes, context, sampled, drafted), gpu,
                     all);
  };
  const StepTime verify = alone(target, 8, 8 * 1000, 40, 32);
  const StepTime first = alone(draft, 8, 8 * 1000, 8, 0), later = alone(draft, 8, 8 * 1000 + 16, 8, 0);
  CHECK(step.gpu_s == Approx(verify.gpu_s + first.gpu_s + 3 * later.gpu_s));
  CHECK(step.bytes == Approx(verify.bytes + first.bytes + 3 * later.bytes));
  CHECK(step.flop == Approx(verify.flop + first.flop + 3 * later.flop));
  // Verifying five positions of a sequence reads its keys and values once.
  CHECK(alone(target, 8, 8 * 1000, 40, 32).bytes - alone(target, 8, 8 * 1000, 8, 0).bytes ==
        Approx(32 * target.elementwise_bytes_per_token));
}

TEST_CASE("speculation speeds up a lone request and slows down a full card") {
  const std::string lookup = R"({"draft": "ngram", "tokens": 4, "acceptance": 0.6})";
  const std::string draft = R"({"draft": "llama-3.2-1b", "tokens": 4, "acceptance": 0.75})";
  const double alone = tokens_per_s(document("", 1)), full = tokens_per_s(document("", 250));
  CHECK(tokens_per_s(document(lookup, 1)) > 1.9 * alone);
  CHECK(tokens_per_s(document(draft, 1)) > 1.3 * alone);
  CHECK(tokens_per_s(document(lookup, 250)) < 0.9 * full);
  CHECK(tokens_per_s(document(draft, 250)) < 0.9 * full);
}

TEST_CASE("the same seed gives the same bytes, and a request the same luck on any card") {
  const std::string lookup = R"({"draft": "ngram", "tokens": 4, "acceptance": 0.6})";
  const auto latencies = [](const Json& json, std::uint64_t seed) {
    RunOptions options;
    options.seed = seed;
    return simulate(test::read(json), options).requests.find("e2e_latency_s")->numbers;
  };
  const Json json = document(lookup, 20, 20);
  CHECK(latencies(json, 3) == latencies(json, 3));
  CHECK(latencies(json, 3) != latencies(json, 4));
  const auto accepted = [](Json one, const char* gpu) {
    one["gpu"] = gpu;
    // The last comes at 17.4 s and ends well before the 20 s of the window.
    one["traffic"] = test::parse(R"([{"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 0.23},
      "sizes": {"input_tokens": 100, "output_tokens": 200}}])");
    return simulate(test::read(one)).summary.services[0].count("accepted_tokens");
  };
  CHECK(accepted(json, "a100") > 0);
  CHECK(accepted(json, "a100") == accepted(json, "h100"));
}

TEST_CASE("a draft's weights, cache and workspace take memory beside the model's") {
  const auto need = [](const std::string& speculation) {
    const Scenario scenario = test::read(document(speculation, 1));
    return memory_needs(scenario.workload.services, scenario.placement.gpus[0])[0][0];
  };
  const MemoryNeed plain = need(""), lookup = need(R"({"draft": "ngram", "tokens": 4, "acceptance": 0.6})");
  const MemoryNeed draft = need(R"({"draft": "llama-3.2-1b", "tokens": 4, "acceptance": 0.6})");
  CHECK(lookup.kv_blocks == plain.kv_blocks);
  CHECK(draft.weights - plain.weights == Approx(2.4715e9).epsilon(0.001));
  CHECK(draft.activations - plain.activations == Approx(0.4e9));
  CHECK(draft.cache / static_cast<double>(draft.kv_blocks) == Approx(16 * (131072 + 32768)));
}

TEST_CASE("speculation that makes no sense is refused where it stands") {
  const auto has = [](const std::string& speculation, const std::string& part) {
    const std::string text = test::complaint(document(speculation, 1));
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  const std::string at = "s.json#/services/llm/engine/speculation";
  has(R"({"draft": "ngram", "tokens": 4, "acceptance": 0.6})", "accepted");
  has(R"({"tokens": 4, "acceptance": 0.6})", at);
  has(R"({"draft": "lama-3.2-1b", "tokens": 4, "acceptance": 0.6})", "did you mean \"llama-3.2-1b\"?");
  has(R"({"draft": "parakeet-1.1b", "tokens": 4, "acceptance": 0.6})", "a draft is an LLM, or \"ngram\"");
  has(R"({"draft": "ngram", "tokens": 0, "acceptance": 0.6})", at + "/tokens");
  has(R"({"draft": "ngram", "tokens": 4, "acceptance": 1.2})", at + "/acceptance");
  has(R"({"draft": "ngram", "tokens": 4})", "acceptance");
  has(R"({"draft": "ngram", "tokens": 8, "acceptance": 0.6})",
      "8 guesses and a token of 256 sequences are 2304 tokens, more than max_num_batched_tokens 2048");
  has(R"({"draft": "ngram", "tokens": 4, "acceptance": 0.6, "precision": "fp16"})", "have no weights");
  has(R"({"draft": "llama-3.1-8b", "precision": "fp8", "tokens": 4, "acceptance": 0.6})", "accepted");
  Json draft = Json::parse(std::ifstream(GPUSHARE_SOURCE_DIR "/models/llama-3.1-8b.json"));
  draft["formats"]["fp8"].erase("weight_only");
  has(Json{{"draft", draft}, {"precision", "fp8"}, {"tokens", 4}, {"acceptance", 0.6}}.dump(),
      "GPU a100 has no fp8 rate");
}

}  // namespace test_speculation
