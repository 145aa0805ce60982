#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gpushare/simulation.hpp"
#include "gpushare/warnings.hpp"
#include "scenario_documents.hpp"

namespace test_idle_warnings {

using namespace gpushare;
using gpushare::test::Json;

namespace {

std::vector<Warning> warned(const Json& document, const std::string& patch = "{}") {
  return warnings_of(parse_scenario(test::patched(document, patch).dump()));
}

std::string first(const std::vector<Warning>& warnings) {
  return warnings.empty() ? "" : to_string(warnings.front());
}

}  // namespace

TEST_CASE(
    "what stands in a document and serves nobody is told: services, pipelines, nodes and what comes too "
    "late") {
  Json document = test::queue_document();
  document["services"]["spare"] = document["services"]["server"];
  document["pipelines"]["other"] = test::parse(R"({"stages": [{"name": "s", "service": "spare"}]})");
  document["traffic"][0]["pipeline"] = "visit";
  const auto found = warned(document);
  REQUIRE(found.size() == 2);
  CHECK(to_string(found[0]).starts_with("/pipelines/other: no traffic goes through it"));
  CHECK(to_string(found[1]).starts_with("/services/spare: no traffic visits it"));

  Json fleet = test::queue_document();
  fleet["price_per_gpu_hour"] = 2;
  fleet["control"] =
      test::parse(R"({"pools": {"p": {"nodes": 3}}, "services": {"server": {"pool": "p", "replicas": 1}}})");
  CHECK(first(warned(fleet)) ==
        "/control/pools/p/nodes: 3 GPUs at least, for 1 replica at most: 2 of them are paid for and serve "
        "nobody");
  fleet["control"]["pools"]["p"]["nodes"] = 1;
  CHECK(warned(fleet).empty());
  const std::string at = R"({"control": {"services": {"server": )";
  CHECK(first(warned(fleet, at + R"({"replicas": 0}}}})"))
            .starts_with("/control/services/server/replicas: 0 from"));
  CHECK(first(warned(fleet, at + R"({"replicas": {"min": 0, "max": 1},
              "autoscaling": {"metric": "busy", "target": 0.5}}}}})"))
            .starts_with("/control/services/server/replicas/min: 0, and without a replica nothing is ever"));
  CHECK(first(warned(fleet, at + R"({"schedule": [{"at_s": 100, "replicas": 0}]}}}})")) ==
        "/control/services/server/schedule/0/at_s: the run ends at 100 s: this never happens");
  CHECK(first(warned(
            fleet, R"({"control": {"pools": {"p": {"spot": {"price_per_gpu_hour": 3, "mean_s": 1e4}}}}})")) ==
        "/control/pools/p/spot/price_per_gpu_hour: 3 is more than the 2 of a GPU on demand");
}

TEST_CASE("a shape of a pool that holds no replica of a service is told") {
  Json fleet = test::queue_document();
  fleet["services"]["server"]["model"]["memory_bytes"] = 20e9;
  fleet["control"] =
      test::parse(R"({"pools": {"p": {"nodes": 1, "reshape": {"layout": "7x1g.10gb", "from_s": 10,
    "until_s": 20}}}, "services": {"server": {"pool": "p", "replicas": 1}}})");
  CHECK(
      first(warned(fleet)).starts_with("/control/pools/p/reshape: no partition of this shape holds server"));
  fleet["control"]["pools"]["p"]["reshape"]["layout"] = "3g.40gb+3g.40gb";
  for (const Warning& one : warned(fleet)) CHECK(one.where != "/control/pools/p/reshape");
}

TEST_CASE("a run in which nothing is measured says so") {
  const auto told = [](const std::string& patch) {
    const Scenario scenario = parse_scenario(test::patched(test::queue_document(), patch).dump());
    return first(warnings_of(scenario, simulate(scenario).summary));
  };
  CHECK(told("{}").empty());
  const std::string three =
      R"("traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 10, "count": 3}}])";
  CHECK(told("{" + three + R"(, "warmup_s": 50})") ==
        "/warmup_s: nothing is measured: all 3 requests came in the warm-up of 50 s");
  CHECK(told(R"({"duration_s": 0.0001})") == "/duration_s: no request came in 0.0001 s");
}

TEST_CASE("bounds where a figure is good, and shares that were said in per cent, are told") {
  const auto told = [](const std::string& objectives) {
    return first(warned(test::queue_document(), R"({"objectives": )" + objectives + "}"));
  };
  CHECK(told(R"({"e2e_latency_p95_s": {"at_least": 1}})")
            .starts_with("/objectives/e2e_latency_p95_s: bounds it where it is good: less of it is better"));
  CHECK(told(R"({"success_rate": {"at_most": 0.5}})").find("write \"at_least\"") != std::string::npos);
  CHECK(told(R"({"e2e_latency_p95_s": {"at_least": 1, "at_most": 2}})").empty());  // a band is meant
  CHECK(told(R"({"success_rate": "0.99%"})") ==
        "/objectives/success_rate: at least 0.99 % is asked; for 99 % write 0.99");
  CHECK(told(R"({"success_rate": "99%", "e2e_latency_p95_s": 1})").empty());
}

}  // namespace test_idle_warnings
