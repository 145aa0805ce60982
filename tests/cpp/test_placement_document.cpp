#include <doctest/doctest.h>

#include <random>

#include "gpushare/simulation.hpp"
#include "scenario_documents.hpp"

namespace test_placement_document {

using namespace gpushare;
using namespace gpushare::test;

namespace {

std::vector<std::string> names_of(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const Service& service : scenario.workload.services) names.push_back(service.name);
  return names;
}

// Everything that a document can say of a placement, by the luck of the draw.
class RandomPlacement {
 public:
  Placement draw() {
    Placement placement;
    placement.nodes.resize(1 + below(3));
    for (std::size_t i = 0; i < placement.nodes.size(); ++i) {
      Node& node = placement.nodes[i];
      if (below(2) == 0) node.name = "rack" + std::to_string(i);
      node.host_cores = below(2) == 0 ? 0 : 1 + static_cast<int>(below(64));
      if (below(3) == 0)
        node.link = InterconnectConstants{1e-6 * real(), 1e9 * real(), below(2) == 0 ? 0 : 1e-6 * real()};
      for (std::size_t g = 1 + below(3); g > 0; --g) placement.gpus.push_back(gpu(static_cast<int>(i)));
    }
    return placement;
  }

 private:
  std::size_t below(std::size_t most) { return luck_() % most; }
  double real() { return 0.001 + static_cast<double>(luck_()) / 7e8; }

  GpuPlacement gpu(int node) {
    const auto& profile = profiles_[below(profiles_.size())];
    const auto states = all_states(*profile);
    GpuPlacement gpu = empty_gpu(cut_gpu(profile, states[below(states.size())]), node);
    for (PartitionPlacement& part : gpu.partitions) fill(part);
    return gpu;
  }

  void fill(PartitionPlacement& part) {
    part.sharing.mode = static_cast<SharingMode>(below(3));
    const bool mps = part.sharing.mode == SharingMode::mps;
    if (part.sharing.mode == SharingMode::time_slicing) {
      for (double* seconds :
           {&part.sharing.slice_s, &part.sharing.switch_preempted_s, &part.sharing.switch_idle_s})
        if (below(2) == 0) *seconds = below(4) == 0 ? 0 : 1e-3 * real();
      part.sharing.policy = static_cast<SlicePolicy>(below(3));
      if (part.sharing.policy != SlicePolicy::round_robin) {
        part.sharing.slice_s = -1;
        part.sharing.lease_s = real();
      }
      if (part.sharing.policy == SlicePolicy::strict) part.sharing.plan_s = real();
    }
    const std::size_t most = part.sharing.mode == SharingMode::exclusive ? 2 : 4;
    for (std::size_t p = below(most); p > 0; --p) {
      ProcessPlacement process{static_cast<int>(below(3)), 100, 0};
      if (mps && below(2) == 0) process.active_thread_percentage = std::min(100.0, 10 * real());
      if (mps && below(2) == 0) process.memory_limit_bytes = 1e10 * real();
      if (part.sharing.policy == SlicePolicy::fair) process.share = real();
      if (part.sharing.policy == SlicePolicy::strict) process.share = 0.25 * std::min(1.0, real());
      part.processes.push_back(process);
    }
  }

  std::mt19937 luck_{11};
  std::vector<std::shared_ptr<const GpuProfile>> profiles_{
      std::make_shared<const GpuProfile>(load_profile("a100")),
      std::make_shared<const GpuProfile>(load_profile("a30")),
      std::make_shared<const GpuProfile>(load_profile("h100"))};
};

}  // namespace

TEST_CASE("a placement survives being written and read, whatever is in it") {
  RandomPlacement luck;
  const std::vector<std::string> services{"asr", "llm", "tts"};
  for (int round = 0; round < 300; ++round) {
    const Placement placement = luck.draw();
    const std::string text = placement_document(placement, services);
    CAPTURE(text);
    const Placement back = parse_placement(text, services);
    CHECK(back == placement);
    CHECK(placement_document(back, services) == text);
  }
}

TEST_CASE("a scenario on another placement is the one that its document gives, and goes back to any mode") {
  for (const std::string& name : scenario_names()) {
    const Scenario scenario = load_scenario(name);
    if (scenario.control) continue;  // its pools place it: seats that no list of GPUs can say
    for (const std::string& mode : scenario.modes) {
      CAPTURE(name);
      CAPTURE(mode);
      const Scenario there = with_mode(scenario, mode);
      const Scenario placed = with_placement(there, with_mode(there, mode).placement, "mine");
      CHECK(placed.mode == "mine");
      CHECK(placed.placement == there.placement);
      const Scenario again = parse_scenario(placed.document);
      CHECK(again.mode == "mine");
      CHECK(again.placement == there.placement);
      CHECK(again.baseline_gpus == there.baseline_gpus);
      CHECK(again.workload.services[0].replicas == there.workload.services[0].replicas);
      CHECK(again.document == placed.document);
      CHECK(with_mode(placed, mode).document == there.document);
      CHECK(nlohmann::json::parse(with_mode(again, mode).document) == nlohmann::json::parse(there.document));
    }
  }
}

TEST_CASE("the document of another placement keeps hosts, and the replicas that services ask for") {
  Json document = queue_document();
  document["host"] = parse(R"({"cores": 8})");
  document["services"]["server"]["replicas"] = 2;
  const Scenario scenario = read(document);
  Placement wider =
      place(parse_mode("time-slicing:5", *scenario.placing.gpu), scenario.workload, scenario.placing);
  const Scenario five = with_placement(scenario, wider);
  CHECK(five.mode == "custom");
  const Json written = Json::parse(five.document);
  CHECK(written["host"]["cores"] == 8);
  CHECK(written["placement"].contains("gpus"));
  CHECK(written["placement"]["other_replicas"] == true);
  CHECK(parse_scenario(five.document).workload.services[0].replicas == 2);
  CHECK(parse_scenario(five.document).baseline_gpus == 2);
  CHECK(replicas_in(parse_scenario(five.document))[0] == 5);

  wider.nodes[0].host_cores = 4;
  const Scenario other_host = with_placement(scenario, wider);
  CHECK(!Json::parse(other_host.document).contains("host"));
  CHECK(parse_scenario(other_host.document).placement == wider);
  CHECK(Json::parse(parse_scenario(other_host.document, "dedicated").document)["host"]["cores"] == 8);
}

TEST_CASE("replicas that a listing settled are spelled out beside another one") {
  Json document = queue_document();
  document["placement"]["gpus"] =
      parse(R"([{"partitions": [{"sharing": "mps", "processes": ["server", "server", "server"]}]}])");
  const Scenario listed = read(document);
  Placement fewer = listed.placement;
  fewer.gpus[0].partitions[0].processes.pop_back();
  const Scenario two = with_placement(listed, fewer);
  CHECK(two.baseline_gpus == 3);
  CHECK(parse_scenario(two.document).baseline_gpus == 3);
  CHECK(parse_scenario(two.document, "dedicated").baseline_gpus == 1);
}

TEST_CASE("a placement that the scenario cannot have is refused") {
  Json document = queue_document();
  document["services"]["server"]["replicas"] = 2;
  document["faults"] = parse(R"([{"service": "server", "replica": 1, "at_s": 5}])");
  const Scenario scenario = read(document, "time-slicing");
  Placement one = scenario.placement;
  one.gpus[0].partitions[0].processes.pop_back();
  CHECK_THROWS_WITH_AS(static_cast<void>(with_placement(scenario, one)),
                       "faults/0: server has 1 replica, numbered from 0; found 1", ScenarioError);
  one.gpus[0].partitions[0].processes.clear();
  CHECK_THROWS_AS(static_cast<void>(with_placement(scenario, one)), ScenarioError);
  Placement two = scenario.placement;
  two.nodes.resize(3);
  CHECK_THROWS_WITH_AS(static_cast<void>(with_placement(scenario, two)), "node1: the node has no GPU",
                       ScenarioError);
  two.nodes.resize(2);
  two.gpus.insert(two.gpus.begin(), two.gpus[0]);
  two.gpus[0].node = 1;
  CHECK_THROWS_WITH_AS(
      static_cast<void>(with_placement(scenario, two)),
      "gpu1: it is on node0 and comes after GPUs of node1; put GPUs in the order of their nodes",
      ScenarioError);
  CHECK_THROWS_AS(static_cast<void>(placement_document(two, names_of(scenario))), ScenarioError);
}

TEST_CASE("a placement read alone names its profiles and services") {
  const auto complaint_about = [](const std::string& text) -> std::string {
    try {
      static_cast<void>(parse_placement(text, {"a", "b"}, "p.json"));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(complaint_about(R"({"gpus": [{"profile": "a100", "partitions": [{"processes": ["b"]}]}]})") ==
        "accepted");
  CHECK(complaint_about(R"({"gpus": [{"partitions": [{"processes": ["b"]}]}]})")
            .find("p.json#/gpus/0: the required key \"profile\" is missing") == 0);
  CHECK(complaint_about(R"({"gpus": [{"profile": "a100", "partitions": [{"processes": ["c"]}]}]})")
            .find("p.json#/gpus/0/partitions/0/processes/0: unknown service \"c\"") == 0);
  CHECK(complaint_about(R"({"nodes": [], "gpus": []})") ==
        "p.json: \"gpus\" and \"nodes\" exclude each other");
  CHECK(complaint_about(R"({"node": []})").find("p.json: the required key \"nodes\" is missing") == 0);
  GpuProfile made = load_profile("a100");
  made.origin.clear();
  Placement placement;
  placement.gpus = {empty_gpu(cut_gpu(std::make_shared<const GpuProfile>(made)))};
  CHECK_THROWS_AS(static_cast<void>(placement_document(placement, {})), ProfileError);
}

}  // namespace test_placement_document
