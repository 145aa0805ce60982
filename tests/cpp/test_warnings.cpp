#include "gpushare/warnings.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/plausible.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/simulation.hpp"
#include "scenario_documents.hpp"

namespace test_warnings {

using namespace gpushare;
using gpushare::test::Json;

namespace {

Json file(const std::string& path) {
  std::ifstream stream(std::string(GPUSHARE_SOURCE_DIR) + "/" + path);
  return Json::parse(stream);
}

bool is_number(const Json& schema) {
  const auto type = schema.is_object() ? schema.find("type") : schema.end();
  if (type == schema.end()) return false;
  const auto numeric = [](const Json& name) { return name == "number" || name == "integer"; };
  return type->is_array() ? std::any_of(type->begin(), type->end(), numeric) : numeric(*type);
}

// Names of members that hold a number, or a distribution or an array of some.
void numeric_keys(const Json& schema, std::set<std::string>& keys) {
  if (!schema.is_structured()) return;
  if (schema.is_object() && schema.contains("properties"))
    for (const auto& [name, member] : schema["properties"].items()) {
      if (!member.is_object()) continue;
      const bool drawn = member.value("$ref", "") == "#/$defs/distribution";
      const bool listed = member.contains("items") && is_number(member["items"]);
      if (is_number(member) || drawn || listed) keys.insert(name);
    }
  for (const auto& member : schema) numeric_keys(member, keys);
}

std::vector<Warning> warned(const Json& document, const std::string& patch = "{}") {
  return warnings_of(parse_scenario(test::patched(document, patch).dump()));
}

std::string first(const std::vector<Warning>& warnings) {
  return warnings.empty() ? "" : to_string(warnings.front());
}

}  // namespace

TEST_CASE("every plausible range says what is odd beyond it, in its unit, and zero is never odd") {
  std::set<std::string_view> keys;
  for (const Plausible& range : plausible_ranges()) {
    CAPTURE(range.key);
    CHECK(keys.insert(range.key).second);
    CHECK(range.least <= range.most);
    CHECK_FALSE(implausible(range, range.least));
    CHECK_FALSE(implausible(range, range.most));
    CHECK_FALSE(implausible(range, 0));
    const auto above = implausible(range, range.most * 1.01);
    REQUIRE(above);
    CHECK(above->find(range.unit) != std::string::npos);
    CHECK(above->find(range.what) != std::string::npos);
    if (range.least > 0) CHECK(implausible(range, range.least * 0.99));
    CHECK(&range == plausible_range(range.key));
  }
}

TEST_CASE(
    "seconds written in milliseconds, bytes in GB and per cent as shares are told which unit was probably "
    "meant") {
  int told = 0;
  for (const Plausible& range : plausible_ranges()) {
    CAPTURE(range.key);
    const double usual = std::sqrt(range.least * range.most);
    if (range.unit == "seconds" && usual * 1e3 > range.most) {
      CHECK(implausible(range, usual * 1e3)->find("if it is in milliseconds, write") != std::string::npos);
      ++told;
    }
    if (range.unit == "bytes" && usual / 1e9 < range.least) {
      CHECK(implausible(range, usual / 1e9)->find("if it is in GB, write") != std::string::npos);
      ++told;
    }
  }
  CHECK(told > 15);
  CHECK(implausible(*plausible_range("active_thread_percentage"), 0.5)->ends_with("shares of 1, write 50"));
  CHECK(implausible(*plausible_range("price_per_gpu_hour"), 1440)->ends_with("dollars a month, write 2"));
  CHECK(implausible(*plausible_range("rate_per_s"), 60'000)->ends_with("requests a minute, write 1000"));
}

TEST_CASE(
    "every numeric key of a scenario has a plausible range, or is a bare count, shape or share of any size") {
  const std::set<std::string> bare{
      // identifiers and counts that bound nothing by themselves
      "seed", "count", "replica", "replicas", "priority", "concurrency", "max_batch",
      "max_num_batched_tokens", "max_num_partial_prefills", "max_concurrency", "max_num_seqs", "max_streams",
      "preferred_batch", "slots", "block_size", "block_tokens", "kv_blocks", "cuda_graph_max_batch",
      "long_prefill_token_threshold", "tokens", "retries", "workers", "system_prompts", "chunk_frames",
      "first_chunk_frames", "tensor_parallel", "max_model_len", "large_card_max_num_seqs",
      "large_card_max_num_batched_tokens", "seats", "gpus", "gpus_per_node", "nodes", "start",
      // what replicas follow, in units of their own
      "target", "above", "below", "tolerance", "percent", "needed_from",
      // shapes and members of distributions and objectives, which take the range of their owner
      "mean", "value", "values", "weights", "low", "high", "min", "max", "mu", "sigma", "shape", "scale",
      "exponent", "at_least", "at_most", "hourly", "daily",
      // shares of which any value is met
      "barge_in", "weight"};
  std::set<std::string> keys;
  numeric_keys(file("scenarios/schema.json"), keys);
  REQUIRE(keys.size() > 80);
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK((plausible_range(key) != nullptr) != bare.contains(key));
  }
}

TEST_CASE("calls in which somebody speaks ten words a second are odd, drawn or handed over") {
  const auto warned = [](double audio_s, std::uint32_t user_tokens) {
    Scenario scenario = load_scenario("voice-calls");
    CallTurn turn;
    turn.speech_s = 3, turn.user_tokens = user_tokens;
    turn.reply_tokens = 90, turn.audio_s = turn.heard_s = audio_s;
    scenario.workload.traffic[0].calls =
        std::make_shared<std::vector<VoiceCall>>(std::vector<VoiceCall>{{0, 0, {turn}}});
    return first(warnings_of(scenario));
  };
  CHECK(warned(27, 12) == "");
  CHECK(warned(90 * 0.072, 12)
            .starts_with("/traffic/0, audio_s: 0.072 seconds is implausible for the speech of one token"));
  CHECK(warned(27, 60).starts_with("/traffic/0, user_tokens: 20 tokens a second is implausible for speech"));
  Json document = file("scenarios/voice-calls.json");
  document["traffic"][0]["generate"]["audio_s_per_token"] = 0.072;
  CHECK(first(warnings_of(parse_scenario(document.dump())))
            .starts_with("/traffic/0/generate/audio_s_per_token: 0.072 seconds is implausible"));
}

TEST_CASE("limits that move a mean by more than a tenth are told, with the mean that is left") {
  const Json queue = test::queue_document();
  const auto drawn = [&](const std::string& members) {
    return first(warned(queue, R"({"services": {"server": {"model": {"gpu_s": {"kind": "lognormal", )" +
                                   members + R"(, "sigma": 0.5}}}}})"));
  };
  CHECK(drawn(R"("mean": 0.01, "max": 1)") == "");
  CHECK(drawn(R"("mean": 0.01, "max": 0.001)")
            .find("/gpu_s: samples above 0.001 are lowered to it, so their mean is 0.001 and not 0.01") !=
        std::string::npos);
  CHECK(drawn(R"("mean": 0.01, "min": 0.1)")
            .find("/gpu_s: samples below 0.1 are raised to it, so their mean is 0.1 and not 0.01") !=
        std::string::npos);
}

TEST_CASE("a system prompt that is longer than the prompts is told, since they count it") {
  Json document = test::queue_document();
  document["services"]["server"] = {{"model", "llama-3.1-8b"}};
  Json& traffic = document["traffic"][0];
  traffic["sizes"] = {{"input_tokens", 800}, {"output_tokens", 10}};
  const auto said = [&](int tokens) {
    traffic["system_prompt_tokens"] = tokens;
    return first(warnings_of(parse_scenario(document.dump())));
  };
  CHECK(said(0) == "");
  CHECK(said(700) == "");
  const std::string warning = said(1000);
  CHECK(warning.starts_with("/traffic/0/system_prompt_tokens: 1000 tokens are more than the 800"));
  CHECK(warning.find("input_tokens is 1800") != std::string::npos);
}

TEST_CASE("shipped scenarios, models, profiles and presets are plausible") {
  for (const std::string& name : scenario_names()) {
    const Scenario scenario = load_scenario(name);
    CHECK(first(warnings_of(scenario)) == "");
    for (const std::string& mode : scenario.modes) CHECK(first(warnings_of(with_mode(scenario, mode))) == "");
  }
  const auto check = [](const auto& figures) {
    for (const ProvenanceEntry& figure : figures) {
      CAPTURE(figure.pointer);
      const auto value = Json::parse(figure.value, nullptr, false);
      const Plausible* range = plausible_range(figure.pointer.substr(figure.pointer.rfind('/') + 1));
      if (range != nullptr && value.is_number())
        CHECK(implausible(*range, value.get<double>()).value_or("") == "");
    }
  };
  for (const std::string& name : model_names()) check(load_model(name).provenance);
  for (const std::string& name : profile_names()) check(load_profile(name).provenance);
  for (const std::string& name : engine_preset_names()) check(load_engine_preset(name).provenance);
}

TEST_CASE(
    "a warning points at the key, also inside distributions, arrays and models that stand in the document") {
  const Json queue = test::queue_document();
  CHECK(warned(queue).empty());
  CHECK(first(warned(queue, R"({"services": {"server": {"engine": {"request_overhead_s": 15}}}})"))
            .starts_with("/services/server/engine/request_overhead_s: 15 seconds is implausible"));
  CHECK(first(warned(queue, R"({"services": {"server": {"model": {"gpu_s": {"mean": 500}}}}})"))
            .starts_with("/services/server/model/gpu_s/mean: 500 seconds"));
  CHECK(first(warned(queue, R"({"duration_s": 600000})"))
            .starts_with("/duration_s: 600000 seconds are 6.9 days"));
  CHECK(first(warned(queue, R"({"price_per_gpu_hour": {"a100": 1440}})"))
            .starts_with("/price_per_gpu_hour/a100: 1440 dollars an hour"));
  CHECK(first(warned(queue, R"({"objectives": {"server.latency_p95_s": 500}})"))
            .starts_with("/objectives/server.latency_p95_s: 500 seconds"));
}

TEST_CASE("caps of a mode and constants of a card are checked as those of a document are") {
  Json document = test::queue_document();
  document["services"]["server"]["replicas"] = 2;
  const auto warnings = warnings_of(parse_scenario(document.dump(), "mps:0.5/0.5"));
  REQUIRE(warnings.size() == 1);  // one fact, although two processes have it
  CHECK(warnings.front().where == "mode mps:0.5/0.5");
  CHECK(warnings.front().text.ends_with("if it is in shares of 1, write 50"));
}

TEST_CASE("a trace whose unit is guessed, or whose rate no service has, is told before the run") {
  Trace trace;
  for (int i = 0; i < 50; ++i) trace.arrival_s.push_back(100.0 * i);
  trace.input_tokens.assign(50, 10);
  trace.output_tokens.assign(50, 10);
  trace.name = "log";
  trace.origin.format = "csv";
  trace.origin.time_unit = "s";
  const auto said = [&] {
    Json document = test::queue_document();
    document["services"]["server"]["model"] = "llama-3.1-8b";
    document["traffic"] = test::parse(R"([{"kind": "trace", "name": "log"}])");
    Inputs inputs;
    inputs.traces["log"] = std::make_shared<const Trace>(trace);
    return first(warnings_of(parse_scenario(document.dump(), inputs)));
  };
  CHECK(said().starts_with("/traffic/0: trace log has 0.01 requests and 0.102 output tokens a second"));
  CHECK(said().ends_with("say \"time_unit\": \"ms\""));
  trace.origin.time_unit = "date";
  CHECK(said() == "");
  trace.origin.time_unit = "ms";
  trace.origin.guessed_unit = true;
  for (double& arrival : trace.arrival_s) arrival /= 1000;
  CHECK(said().find("taken for ms since 1970 and last 4.9 seconds") != std::string::npos);
}

TEST_CASE(
    "instances that nobody uses and slices that are not cut are told, and those that cannot be cut are not") {
  Json document = test::queue_document();
  const auto said = [&](const std::string& mode) {
    std::string all;
    for (const Warning& warning : warnings_of(parse_scenario(document.dump(), mode)))
      all += to_string(warning) + "\n";
    return all;
  };
  document["services"]["server"]["model"]["memory_bytes"] = 2e10;
  CHECK(said("mig:4g.40gb+3x1g.10gb") ==
        "gpu0: 3 of 4 instances are empty (1g.10gb@4, 1g.10gb@5, 1g.10gb@6): 42 of its 108 SMs serve nobody; "
        "more "
        "replicas, another layout or a smaller GPU would use them\n");
  CHECK(said("mig:3g").starts_with(
      "gpu0: the layout leaves room for a further 3g.40gb: its instances have 42 of 108 SMs"));
  document["services"]["server"]["model"].erase("memory_bytes");
  document["services"]["server"]["replicas"] = 7;
  CHECK(said("mig:7x1g.10gb") == "");
  CHECK(said("mig:19,19,19,19,19,19,19") == "");
}

TEST_CASE("what no process can use is in the figures: empty instances, and what MIG cuts off") {
  Json document = test::queue_document();
  const auto run = [&](const std::string& mode) {
    return simulate(parse_scenario(document.dump(), mode)).summary;
  };
  document["services"]["server"]["model"]["memory_bytes"] = 2e10;
  const Summary cut = run("mig:4g.40gb+3x1g.10gb");
  REQUIRE(cut.partitions.size() == 4);
  CHECK(cut.partitions[0].processes.size() == 1);
  CHECK(cut.partitions[3].name == "gpu0/1g.10gb@6");
  CHECK(cut.partitions[3].processes.empty());
  CHECK(cut.partitions[3].busy == 0);
  CHECK(cut.stranded_sms == 108 - 56);
  CHECK(cut.stranded_memory_bytes == 40e9);
  CHECK(run("dedicated").stranded_sms == 0);
  CHECK(figure_names(parse_scenario(document.dump(), "mig:4g.40gb+3x1g.10gb")).size() ==
        figure_names(parse_scenario(document.dump(), "dedicated")).size() +
            3 * figures_of(FigureScope::partition).size());
}

TEST_CASE("what nobody said is said: defaults by kind, and a preset's") {
  Json document = test::queue_document();
  document["services"] = test::parse(R"({"asr": {"model": "parakeet-1.1b"}})");
  document["pipelines"]["visit"]["stages"] = test::parse(R"([{"name": "asr", "service": "asr"}])");
  document["traffic"][0]["sizes"] = test::parse(R"({"speech_s": 3})");
  const auto assumed = [&] {
    std::string all;
    for (const Warning& one : assumptions_of(parse_scenario(document.dump()))) all += to_string(one) + "\n";
    return all;
  };
  CHECK(assumed().find("/services/asr/engine: by default stream-batching with max_batch ") !=
        std::string::npos);
  CHECK(assumed().find("/gpu: by default a100") != std::string::npos);
  document["services"]["asr"]["engine"]["max_batch"] = 8;
  document["gpu"] = "h200";
  CHECK(assumed().find("max_batch") == std::string::npos);
  CHECK(assumed().find("/gpu") == std::string::npos);
  document["services"]["asr"] =
      test::parse(R"({"model": "llama-3.1-8b", "engine": {"preset": "vllm-0.20"}})");
  document["traffic"][0]["sizes"] = test::parse(R"({"input_tokens": 9, "output_tokens": 9})");
  CHECK(assumed().find("by preset vllm-0.20 continuous-batching with max_num_seqs ") != std::string::npos);
}

TEST_CASE("replicas beyond all seats, pools without services and costs without prices are told") {
  Json document = test::queue_document();
  document["control"] = test::parse(R"({
    "pools": {"p": {"nodes": {"min": 1, "max": 3}, "gpus_per_node": 2}, "q": {"nodes": 2}},
    "services": {"server": {"pool": "p", "replicas": {"min": 1, "max": 6},
                            "autoscaling": {"metric": "in-system", "target": 1}}}})");
  const std::string unused = "/control/pools/q: no service is in this pool";
  CHECK(first(warned(document)).starts_with(unused));
  document["control"]["pools"].erase("q");
  CHECK(warned(document).empty());  // nor is a node told of that has no replica yet
  document["control"]["services"]["server"]["replicas"]["max"] = 7;
  CHECK(first(warned(document)) ==
        "/control/services/server/replicas/max: 7 replicas, and pool \"p\" has 6 seats on its 3 nodes at "
        "most: the "
        "others never start");
  document.erase("control");
  document["objectives"]["cost_per_month"] = 100;
  CHECK(first(warned(document)).starts_with("/objectives/cost_per_month: no GPU has a price"));
  document["price_per_gpu_hour"] = 2;
  CHECK(warned(document).empty());
}

TEST_CASE("constants of another card are told where a partition is shared by them, and only there") {
  Json document = test::queue_document();
  document["services"]["server"]["replicas"] = 2;
  const auto carried = [&](const std::string& gpu, const std::string& mode) {
    document["gpu"] = gpu;
    const Scenario scenario = parse_scenario(document.dump(), mode);
    std::vector<std::string> found;
    for (const Warning& one : assumptions_of(scenario))
      if (one.text.find("carried over to this card") != std::string::npos) found.push_back(one.where);
    CHECK(carries_over(scenario) == !found.empty());
    return found;
  };
  using Names = std::vector<std::string>;
  CHECK(carried("a30", "dedicated").empty());
  CHECK(carried("h200", "time-slicing").empty());
  CHECK(carried("h200", "mps").empty());
  CHECK(carried("a30", "time-slicing") ==
        Names{"a30#/time_slicing/slice_s", "a30#/time_slicing/switch_preempted_s",
              "a30#/time_slicing/switch_idle_s", "a30#/time_slicing/refill_s"});
  CHECK(carried("a100", "time-slicing").size() == 3);  // its switch cost is from a study on that card
  CHECK(carried("a30", "mps") == Names{"a30#/mps/uncapped"});
  CHECK(carried("a30", "mps:50/50") == Names{"a30#/mps/capped"});
}

}  // namespace test_warnings
