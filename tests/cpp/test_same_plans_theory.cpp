#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gpushare/plan.hpp"
#include "gpushare/simulation.hpp"
#include "scenario_documents.hpp"

namespace test_same_plans_theory {

// Plans cost what the planner in Python says: both are held to the files of tests/plans.

using namespace gpushare;
using namespace gpushare::test;

namespace {

struct Case {
  Scenario scenario;
  std::vector<GpuOffer> gpus;
  PlanOptions options;
  double cost = 0;
  Json told;  // beside the cost

  [[nodiscard]] Plan plan() const { return find_plan(scenario, scenario.workload.objectives, gpus, options); }
};

Case load(const std::string& name) {
  const Json json = Json::parse(std::ifstream(GPUSHARE_SOURCE_DIR "/tests/plans/" + name + ".json"));
  Case loaded{read(json.at("scenario")), {}, {}, json.at("cost"), json};
  for (const auto& [gpu, count] : json.at("gpus").items())
    loaded.gpus.push_back({std::make_shared<const GpuProfile>(load_profile(gpu)), count.get<int>(), 1});
  if (json.contains("modes")) {
    const std::vector<std::string> modes = json.at("modes");
    const auto has = [&](const char* mode) {
      return std::find(modes.begin(), modes.end(), mode) != modes.end();
    };
    loaded.options.mps = has("mps");
    loaded.options.time_slicing = has("time-slicing");
    loaded.options.mig = has("mig");
  }
  if (json.contains("variants"))
    for (const auto& [service, patches] : json.at("variants").items())
      for (const auto& patch : patches) loaded.options.variants[service].push_back(patch.dump());
  return loaded;
}

void check_what_else(const Json& told, const Plan& plan) {
  if (told.contains("runner_up")) {
    REQUIRE(plan.runner_up);
    CHECK(plan.runner_up->cost == told.at("runner_up").get<double>());
    CHECK(plan.runner_up->gpus == std::vector<int>{told.at("runner_up").get<int>()});
  }
  if (told.contains("breaks")) {
    REQUIRE(plan.breaks.size() == told.at("breaks").size());
    for (std::size_t i = 0; i < plan.breaks.size(); ++i) {
      const auto& missed = plan.breaks[i].missed;
      const Json& expected = told.at("breaks")[i];
      CHECK((missed ? missed->bound.name : "") == (expected.is_null() ? "" : expected.get<std::string>()));
    }
  }
  if (told.contains("nearest")) {
    const Json& nearest = told.at("nearest");
    REQUIRE(plan.nearest);
    INFO(plan.nearest->config);
    CHECK(plan.nearest->config.starts_with("a100/" + nearest.at("part").get<std::string>() + ": " +
                                           nearest.at("services").at(0).get<std::string>()));
    CHECK(plan.nearest->config.find(", ") == std::string::npos);
    CHECK(plan.nearest->why.find(nearest.at("why").get<std::string>()) != std::string::npos);
  }
  CHECK(plan.advice.starts_with("rule of thumb: "));
}

// As found, and as the document of the answer has it.
void check_cost(const Case& asked, const Plan& plan) {
  INFO(plan.why);
  REQUIRE(plan.scenario);
  INFO(placement_of(*plan.scenario));
  CHECK(plan.met == Met::yes);
  CHECK(plan.complete);
  CHECK(plan.cost == asked.cost);
  CHECK(plan.lower_bound == asked.cost);
  check_what_else(asked.told, plan);
  const Scenario again = parse_scenario(plan.scenario->document);
  CHECK(placement_of(again) == placement_of(*plan.scenario));
  CHECK(again.workload.objectives == asked.scenario.workload.objectives);
  const Summary summary = simulate(again).summary, found = simulate(*plan.scenario).summary;
  for (const FigureBound& bound : again.workload.objectives.figures)
    CHECK(figure(summary, bound.name) == figure(found, bound.name));
}

// Searches that take half a minute each then; others walk through the same code.
constexpr bool kSanitized = GPUSHARE_SANITIZED != 0;

bool has_shared_instance(const Scenario& scenario) {
  return std::any_of(
      scenario.placement.gpus.begin(), scenario.placement.gpus.end(), [](const GpuPlacement& gpu) {
        return gpu.partitions.size() > 1 &&
               std::any_of(gpu.partitions.begin(), gpu.partitions.end(),
                           [](const PartitionPlacement& part) { return part.processes.size() > 1; });
      });
}

}  // namespace

TEST_CASE("an instance that two services share saves a GPU") {
  Case asked = load("shared-instance");
  const Plan plan = asked.plan();
  check_cost(asked, plan);
  CHECK(has_shared_instance(*plan.scenario));
  asked.options.mps = asked.options.time_slicing = false;
  CHECK(asked.plan().cost == 2);
}

TEST_CASE("caps let two MPS clients share where they miss a bound by little without") {
  const Case asked = load("caps");
  const Plan plan = asked.plan();
  check_cost(asked, plan);
  const auto& processes = plan.scenario->placement.gpus.at(0).partitions.at(0).processes;
  REQUIRE(processes.size() == 2);
  CHECK(processes[0].active_thread_percentage == 70);
  CHECK(processes[1].active_thread_percentage == 30);
}

TEST_CASE("what is left of a plan when it loses a GPU still meets everything" * doctest::skip(kSanitized)) {
  Case asked = load("lost-gpu");
  const Plan plan = asked.plan();
  check_cost(asked, plan);
  REQUIRE(plan.worst_loss);
  CHECK(plan.worst_loss->lost.starts_with("gpu"));
  CHECK(plan.worst_loss->judged.met == Met::yes);
  for (int lost = 0; lost < 3; ++lost) {
    const Scenario without = with_faults(
        *plan.scenario, R"([{"at_s": 0, "restart_s": 1e6, "gpu": )" + std::to_string(lost) + "}]");
    CHECK(figure(simulate(without).summary, "chat.ttft_p95_s") < 0.4);
  }
  Objectives objectives = asked.scenario.workload.objectives;
  objectives.tolerate = Tolerance::nothing;
  const Plan fair = find_plan(asked.scenario, objectives, asked.gpus);
  CHECK(fair.cost == 2);
  CHECK(!fair.worst_loss);
}

TEST_CASE("a plan that tolerates a node's loss has no node that it cannot do without" *
          doctest::skip(kSanitized)) {
  Case asked = load("lost-gpu");
  asked.scenario.workload.objectives.tolerate = Tolerance::node;
  const Plan plan = asked.plan();
  REQUIRE(plan.scenario);
  CHECK(plan.cost == 3);
  CHECK(plan.scenario->placement.nodes.size() == 3);
  REQUIRE(plan.worst_loss);
  CHECK(plan.worst_loss->lost.starts_with("node"));
}

TEST_CASE("replicas on instances of one GPU are enough where an instance may be lost") {
  const Case asked = load("lost-instance");
  const Plan plan = asked.plan();
  check_cost(asked, plan);
  REQUIRE(plan.worst_loss);
  CHECK(plan.worst_loss->lost.starts_with("gpu0/"));
  for (const int replicas : replicas_in(*plan.scenario)) CHECK(replicas >= 2);
}

TEST_CASE("another form of a service is taken where the first does not fit") {
  Case asked = load("other-form");
  const Plan plan = asked.plan();
  check_cost(asked, plan);
  const Precision precision = plan.scenario->workload.services[0].precision;
  CHECK((precision == Precision::fp8 || precision == Precision::int4));
  CHECK(parse_scenario(plan.scenario->document).workload.services[0].precision == precision);
  asked.options.variants.clear();
  const Plan without = asked.plan();
  CHECK(!without.scenario);
  CHECK(without.why.find("GB") != std::string::npos);
}

TEST_CASE("seven services are planned by predictions, some of which are simulated nevertheless" *
          doctest::skip(kSanitized)) {
  const Case asked = load("fleet");
  const Plan plan = asked.plan();
  check_cost(asked, plan);
  CHECK(!plan.narrowed);
  CHECK(plan.most_tenants == 4);
  CHECK(plan.foresights.foretold > 50);
  CHECK(plan.foresights.checked >= plan.foresights.foretold / 20);
  CHECK(plan.foresights.confirmed >= plan.foresights.checked * 8 / 10);
  CHECK(!plan.rejected.empty());
  CHECK(plan.rejected.size() <= 10);
  for (const RejectedConfig& one : plan.rejected) CHECK(one.why.find("predicted") == std::string::npos);
}

}  // namespace test_same_plans_theory
