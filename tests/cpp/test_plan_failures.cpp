#include "planning/plan_failures.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gpushare/simulation.hpp"
#include "scenario_documents.hpp"

namespace test_plan_failures {

using namespace gpushare;
using namespace gpushare::test;
using planning::Failure;
using planning::failures_of;

namespace {

// Two nodes: on the first a GPU with two instances in use, and one that is whole; on the second a whole one.
Scenario three_gpus() {
  Json document = queue_document();
  document["services"]["other"] = document["services"]["server"];
  document["pipelines"]["visit"]["stages"].push_back({{"name", "other"}, {"service", "other"}});
  document["placement"] = parse(R"({"nodes": [
    {"gpus": [
      {"profile": "a100", "layout": "3g.40gb@0+3g.40gb@4", "partitions": [
        {"processes": ["server"]}, {"sharing": "mps", "processes": ["other", "server"]}]},
      {"profile": "a100", "partitions": [{"processes": ["server"]}]}]},
    {"gpus": [{"profile": "a100", "partitions": [{"processes": ["server"]}]}]}]})");
  return read(document);
}

std::string told(const std::vector<Failure>& failures) {
  std::string text;
  for (const Failure& failure : failures)
    text += (text.empty() ? "" : " ") + failure.lost +
            (failure.lacking.empty() ? "" : "(" + failure.lacking + ")");
  return text;
}

// Requests that a replica of the service answered while something is lost.
double served(const Scenario& scenario, const Failure& failure) {
  Scenario without = scenario;
  without.faults = {failure.fault};
  return figure(simulate(without).summary, "success_rate");
}

}  // namespace

TEST_CASE(
    "every node, GPU or instance that serves anything is lost in turn, and what is nowhere then is told") {
  const Scenario scenario = three_gpus();
  CHECK(failures_of(scenario, Tolerance::nothing).empty());
  CHECK(told(failures_of(scenario, Tolerance::node)) == "node0(other) node1");
  CHECK(told(failures_of(scenario, Tolerance::gpu)) == "gpu0(other) gpu1 gpu2");
  CHECK(told(failures_of(scenario, Tolerance::instance)) ==
        "gpu0/3g.40gb@0 gpu0/3g.40gb@4(other) gpu1/whole gpu2/whole");
}

TEST_CASE("an instance is lost by its first process, whose replica is numbered over all GPUs") {
  const Scenario scenario = three_gpus();
  const auto failures = failures_of(scenario, Tolerance::instance);
  CHECK(failures[0].fault.target == FaultTarget::process);
  CHECK(failures[0].fault.service == 0);
  CHECK(failures[0].fault.number == 0);
  CHECK(failures[1].fault.service == 1);
  CHECK(failures[1].fault.shared_fault_domain == true);
  CHECK(failures[2].fault.target == FaultTarget::gpu);
  CHECK(failures[2].fault.number == 1);
}

TEST_CASE("what is lost stays so, and the others serve what comes") {
  const Scenario scenario = three_gpus();
  for (const Failure& failure : failures_of(scenario, Tolerance::instance)) {
    INFO(failure.lost);
    CHECK(served(scenario, failure) == doctest::Approx(failure.lacking.empty() ? 1 : 0));
  }
}

}  // namespace test_plan_failures
