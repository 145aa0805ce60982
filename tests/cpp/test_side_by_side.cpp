// What callers do on threads of their own, as sweeps do: nothing is shared between runs but what never changes. The thread
// sanitizer is what this is for (`make tsan`).
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gpushare/clusters.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/model.hpp"
#include "gpushare/plan.hpp"
#include "gpushare/simulation.hpp"
#include "gpushare/trace.hpp"
#include "gpushare/what_if.hpp"
#include "scenario_documents.hpp"

namespace test_side_by_side {

using namespace gpushare;
using namespace gpushare::test;

namespace {

Scenario voice(const std::string& mode) {
  Json document = voice_document();
  document["placement"] = {{"mode", mode}};
  document["services"]["llm"]["engine"] = {{"gpu_memory_utilization", 0.5}};
  return read(document);
}

std::string told(const Summary& summary) {
  std::string text;
  for_each_figure(summary, [&](const Figure& f) { text += f.name + " " + std::to_string(f.value) + "\n"; });
  return text;
}

std::string simulated(const std::string& mode) { return told(simulate(voice(mode)).summary); }

std::string catalogues() {
  std::string text;
  for (const std::string& name : profile_names()) text += load_profile(name).name + "\n";
  for (const std::string& name : model_names()) text += load_model(name).name + "\n";
  for (const PackingPolicyInfo& policy : packing_policies()) text += std::string(policy.name) + "\n";
  for (const std::string& name : trace_formats()) text += name + "\n";
  return text + load_scenario("voice-light").name + complaint(voice_document(), "msp");
}

std::string predicted(const Scenario& scenario) {
  std::string text;
  for (const ServicePrediction& service : what_if(scenario.workload, scenario.placement).services)
    text += std::to_string(service.p95_s) + "\n";
  return text;
}

std::string planned() {
  Json document = voice_document();
  document["objectives"] = {{"llm.ttft_p95_s", 1.0}};
  const Scenario scenario = read(document);
  PlanOptions options;
  options.mig = false;
  options.threads = 2;
  const std::vector<GpuOffer> gpus{{std::make_shared<const GpuProfile>(load_profile("a100")), 3, 1}};
  const Plan plan = find_plan(scenario, scenario.workload.objectives, gpus, options);
  return plan.scenario ? placement_of(*plan.scenario) : plan.why;
}

using Job = std::function<std::string()>;

/// What each job says, all on threads that begin together, each job on two.
std::vector<std::string> side_by_side(const std::vector<Job>& jobs) {
  std::vector<std::string> said(2 * jobs.size());
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < said.size(); ++i)
    threads.emplace_back([&, i] { said[i] = jobs[i % jobs.size()](); });
  threads.clear();
  return said;
}

}  // namespace

TEST_CASE("what is read, simulated, predicted and planned side by side is what it is alone") {
  const auto scenario = std::make_shared<const Scenario>(voice("mps"));
  const std::vector<Job> jobs{
      catalogues,
      [] { return simulated("mps"); },
      [] { return simulated("time-slicing"); },
      [] { return simulated("dedicated"); },
      [scenario] { return told(simulate(*scenario).summary); },
      [scenario] { return predicted(*scenario); },
      planned,
  };
  const std::vector<std::string> said = side_by_side(jobs);
  for (std::size_t i = 0; i < said.size(); ++i) {
    INFO("job " << i % jobs.size());
    CHECK(!said[i].empty());
    CHECK(said[i] == jobs[i % jobs.size()]());
  }
}

}  // namespace test_side_by_side
