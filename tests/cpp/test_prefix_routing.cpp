#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "gpushare/gpushare.hpp"

namespace test_prefix_routing {

// Caches of prefixes in whole scenarios: where prompts meet, and what routing makes of it.

namespace {

using namespace gpushare;

std::string document(const std::string& service, const std::string& traffic) {
  return R"({"name": "llm", "duration_s": 120, "gpu": "a100",
    "services": {"llm": {"model": "llama-3.1-8b", "precision": "int4", )" +
         service + R"(}},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [)" +
         traffic + "]}";
}

const std::string kCaching =
    R"("engine": {"kind": "continuous-batching", "prefix_caching": true, "watermark": 0})";

const std::string kConversations =
    R"({"kind": "closed", "users": 40, "ramp_up_s": 10, "hold_s": 100, "think_s": {"kind": "exponential", "mean": 3},
        "history": true, "turns_per_session": 6, "system_prompt_tokens": 400,
        "sizes": {"input_tokens": {"kind": "uniform", "low": 420, "high": 700}, "output_tokens": 80}})";

ServiceSummary serve(const std::string& routing, const std::string& mode) {
  return simulate(
             parse_scenario(document(kCaching + R"(, "routing": ")" + routing + "\"", kConversations), mode))
      .summary.services[0];
}

double hit_rate(const ServiceSummary& service) {
  return static_cast<double>(service.count("prefix_hit_tokens")) /
         static_cast<double>(service.count("prefix_prompt_tokens"));
}

}  // namespace

TEST_CASE("seven small instances have seven cold caches") {
  const ServiceSummary whole = serve("round-robin", "dedicated");
  const ServiceSummary cut = serve("round-robin", "mig:7x1g.10gb");
  const ServiceSummary affine = serve("prefix-affine", "mig:7x1g.10gb");
  MESSAGE("hit rates: whole " << hit_rate(whole) << ", cut " << hit_rate(cut) << ", affine "
                              << hit_rate(affine));
  MESSAGE("evicted: " << whole.count("prefix_evicted_blocks") << ", " << cut.count("prefix_evicted_blocks")
                      << ", " << affine.count("prefix_evicted_blocks"));
  CHECK(hit_rate(whole) > 0.6);
  CHECK(hit_rate(cut) < 0.75 * hit_rate(whole));
  CHECK(hit_rate(affine) > 1.2 * hit_rate(cut));
  CHECK(affine.count("prefix_evicted_blocks") > 2 * whole.count("prefix_evicted_blocks"));
  CHECK(cut.count("prefix_evicted_blocks") > 2 * affine.count("prefix_evicted_blocks"));
}

TEST_CASE("what all prompts begin with does not send everyone to the first replica that has it") {
  const auto served = [](const std::string& routing) {
    return simulate(parse_scenario(document(kCaching + R"(, "routing": ")" + routing + "\"", kConversations),
                                   "mig:7x1g.10gb"))
        .summary.request_throughput;
  };
  CHECK(served("prefix-affine") > 0.9 * served("user-affinity"));
}

TEST_CASE("a prompt too long for every small cache is rejected, and counted") {
  const std::string traffic =
      R"({"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 0.5},
          "sizes": {"input_tokens": 30000, "output_tokens": 10}})";
  const auto run = [&](const char* mode) {
    return simulate(parse_scenario(document(kCaching, traffic), mode)).summary;
  };
  const Summary whole = run("dedicated"), cut = run("mig:7x1g.10gb");
  CHECK(whole.services[0].rejected == 0);
  CHECK(cut.rejected == cut.arrived);
  CHECK(cut.services[0].rejected == cut.arrived - 1);  // the last comes when the window has closed
}

TEST_CASE("a trace's hash_ids say what its prompts share") {
  Scenario scenario =
      parse_scenario(document(kCaching, R"({"kind": "trace", "generate": {"like": "azure-conversation"}})"));
  Trace trace{{0, 10, 20, 30}, {1100, 1536, 1100, 512}, {5, 5, 5, 5}, "hashed"};
  trace.block_tokens = 512;
  trace.hash_ids = {1, 2, 3, 1, 2, 4, 9, 2, 3, 1};
  trace.hash_starts = {0, 3, 6, 9, 10};
  scenario.workload.traffic[0].trace = std::make_shared<const Trace>(trace);
  const ServiceSummary service = simulate(scenario).summary.services[0];
  // The second finds 1,024 tokens; the third begins otherwise; the fourth finds all but the block of its last token.
  CHECK(service.count("prefix_prompt_tokens") == 1100 + 1536 + 1100 + 512);
  CHECK(service.count("prefix_hit_tokens") == 1024 + (512 - 16));
}

TEST_CASE("two choices spread requests better than one, and nearly as well as looking at all") {
  const auto p95 = [](const char* routing) {
    const std::string traffic =
        R"({"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 14},
            "sizes": {"input_tokens": 600, "output_tokens": {"kind": "exponential", "mean": 120, "max": 800}}})";
    const std::string service =
        R"("replicas": 8, "engine": {"kind": "continuous-batching", "max_num_seqs": 3}, "routing": ")" +
        std::string(routing) + "\"";
    return simulate(parse_scenario(document(service, traffic))).summary.latency("llm.queue")->p95;
  };
  const double random = p95("random"), two = p95("power-of-two"), all = p95("least-outstanding");
  CHECK(two < 0.6 * random);
  CHECK(all <= two);
}

}  // namespace test_prefix_routing
