#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "faulty_fleet.hpp"
#include "gpushare/actions.hpp"
#include "scenario_documents.hpp"
#include "simulation/simulator.hpp"

namespace test_faults {

using namespace gpushare;
using doctest::Approx;
using test::availability;
using test::hardware_fault;
using test::process_fault;
using test::toy_fleet;
using test::toy_gpu;

namespace {

// Which services were down for some time, as "bcd".
std::string down(const Summary& summary) {
  std::string names;
  for (const ServiceSummary& service : summary.services)
    if (*service.availability < 1) names += service.name;
  return names;
}

std::string down(Scenario scenario, const Fault& fault) {
  scenario.faults = {fault};
  return down(simulate(scenario).summary);
}

std::vector<double> availabilities(const Scenario& scenario) {
  const Summary summary = simulate(scenario).summary;
  std::vector<double> all;
  for (std::size_t s = 0; s < summary.services.size(); ++s) all.push_back(availability(summary, s));
  return all;
}

void check(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i] == Approx(expected[i]).epsilon(1e-9));
  }
}

// Four processes that share one GPU, and one on another.
Scenario shared(SharingMode mode) {
  return toy_fleet({toy_gpu("", mode, {{0, 1, 2, 3}}), toy_gpu("", SharingMode::exclusive, {{4}})}, 20, 20);
}

// Two in each of two instances, and one on another GPU.
Scenario instances(SharingMode mode) {
  return toy_fleet(
      {toy_gpu("3g.40gb@0+3g.40gb@4", mode, {{0, 1}, {2, 3}}), toy_gpu("", SharingMode::exclusive, {{4}})},
      20, 20);
}

}  // namespace

TEST_CASE("the blast radius of a process's fault is what its kind and the sharing say") {
  struct Row {
    const char* name;
    Scenario scenario;
    const char *allocation, *context, *device;
  };
  const Scenario alone = toy_fleet(
      {toy_gpu("", SharingMode::exclusive, {{0}}), toy_gpu("", SharingMode::exclusive, {{1}})}, 20, 20);
  for (const Row& row : {
           Row{"dedicated", alone, "a", "a", "a"},
           Row{"time-slicing", shared(SharingMode::time_slicing), "a", "a", "abcd"},
           Row{"mps", shared(SharingMode::mps), "a", "abcd", "abcd"},
           Row{"instances by turns", instances(SharingMode::time_slicing), "a", "a", "abcd"},
           Row{"instances with MPS", instances(SharingMode::mps), "a", "ab", "abcd"},
           Row{"an instance each",
               toy_fleet({toy_gpu("3g.40gb@0+3g.40gb@4", SharingMode::exclusive, {{0}, {1}})}, 20, 20), "a",
               "a", "ab"},
       }) {
    CAPTURE(row.name);
    CHECK(down(row.scenario, process_fault(0, 10, 5, FaultKind::allocation)) == row.allocation);
    CHECK(down(row.scenario, process_fault(0, 10, 5, FaultKind::context)) == row.context);
    CHECK(down(row.scenario, process_fault(0, 10, 5, FaultKind::device)) == row.device);
  }
}

TEST_CASE("a document may say whether a fault's domain is shared, whatever its kind and the sharing") {
  for (const SharingMode mode : {SharingMode::mps, SharingMode::time_slicing}) {
    CAPTURE(to_string(mode));
    for (const FaultKind kind : {FaultKind::allocation, FaultKind::context, FaultKind::device}) {
      CAPTURE(to_string(kind));
      Fault fault = process_fault(0, 10, 5, kind);
      fault.shared_fault_domain = false;
      CHECK(down(instances(mode), fault) == "a");
      fault.shared_fault_domain = true;
      CHECK(down(instances(mode), fault) == (kind == FaultKind::device ? "abcd" : "ab"));
    }
  }
}

TEST_CASE("a GPU takes all that runs on it, and a node its GPUs, until they are repaired") {
  const auto fleet = [] {
    std::vector<GpuPlacement> gpus{toy_gpu("3g.40gb@0+3g.40gb@4", SharingMode::exclusive, {{0}, {1}}),
                                   toy_gpu("", SharingMode::time_slicing, {{2, 3}}),
                                   toy_gpu("", SharingMode::mps, {{4, 5}})};
    gpus[2].node = 1;
    return toy_fleet(gpus, 20, 20);
  };
  CHECK(down(fleet(), hardware_fault(FaultTarget::gpu, 0, 10, 3, 2)) == "ab");
  CHECK(down(fleet(), hardware_fault(FaultTarget::gpu, 1, 10, 3, 2)) == "cd");
  CHECK(down(fleet(), hardware_fault(FaultTarget::gpu, Fault::kEach, 10, 3, 2)) == "abcdef");
  CHECK(down(fleet(), hardware_fault(FaultTarget::node, 0, 10, 3, 2)) == "abcd");
  CHECK(down(fleet(), hardware_fault(FaultTarget::node, 1, 10, 3, 2)) == "ef");
  Scenario lost = fleet();
  lost.faults = {hardware_fault(FaultTarget::node, 0, 10, 3, 2)};
  check(availabilities(lost), {0.75, 0.75, 0.75, 0.75, 1, 1});  // 3 s of repair, then 2 s of restart
  // Nobody was there to take their requests: as many as came in 5 s.
  const Summary summary = simulate(lost).summary;
  CHECK(summary.faults == 1);
  CHECK(summary.failed == summary.failed_by_faults);
  CHECK(static_cast<double>(summary.failed) == Approx(4 * 5 * 20).epsilon(0.15));
}

TEST_CASE("a GPU that is to be repaired holds its processes down") {
  // a fails at 9 and would be back at 10.5; its GPU stops at 10 until 15, then it takes 1 s.
  Scenario scenario = shared(SharingMode::time_slicing);
  scenario.faults = {process_fault(0, 9, 1.5), hardware_fault(FaultTarget::gpu, 0, 10, 5, 1)};
  check(availabilities(scenario), {1 - 7.0 / 20, 1 - 6.0 / 20, 1 - 6.0 / 20, 1 - 6.0 / 20, 1});
  // Nor does a process fail that is not there.
  scenario.faults.push_back(process_fault(0, 12, 8));
  check(availabilities(scenario), {1 - 7.0 / 20, 1 - 6.0 / 20, 1 - 6.0 / 20, 1 - 6.0 / 20, 1});
  CHECK(simulate(scenario).summary.faults == 2);
}

TEST_CASE("a process that is started on a broken GPU runs when that is repaired") {
  Scenario scenario = shared(SharingMode::mps);
  scenario.faults = {hardware_fault(FaultTarget::gpu, 0, 10, 5, 1)};
  const control::TimedAction start{12, control::StartServer{{{0, "whole", ProcessPlacement{4}}}}};
  const Run run = Simulator(scenario, {}, {start}).run();
  CHECK(run.summary.services[4].replicas == 2);
  CHECK(availability(run.summary, 4) ==
        Approx(1 - 3.0 / (20 + 8)));  // down from 12 to 15, of 28 s of replicas
  CHECK(run.summary.services[4].any_replica_up == 1);
}

TEST_CASE("processes come back together, or in turn on each GPU") {
  Scenario scenario = shared(SharingMode::mps);
  scenario.faults = {process_fault(2, 10, 2)};
  check(availabilities(scenario), {0.9, 0.9, 0.9, 0.9, 1});
  scenario.faults[0].restart_order = RestartOrder::in_turn;
  check(availabilities(scenario), {0.9, 0.8, 0.7, 0.6, 1});  // back at 12, 14, 16, 18
  scenario.faults[0] = hardware_fault(FaultTarget::gpu, 0, 10, 1, 2);
  scenario.faults[0].restart_order = RestartOrder::in_turn;
  check(availabilities(scenario), {0.85, 0.75, 0.65, 0.55, 1});
  // Faults of two: the second waits for the first, which was there before.
  scenario = shared(SharingMode::time_slicing);
  for (int s = 0; s < 2; ++s) {
    scenario.faults.push_back(process_fault(s, 10 + s, 4));
    scenario.faults.back().restart_order = RestartOrder::in_turn;
  }
  check(availabilities(scenario), {0.8, 1 - 7.0 / 20, 1, 1, 1});  // back at 14 and at 18
}

TEST_CASE("the neighbours of a process that leaks live when only allocations fail") {
  for (const SharingMode mode : {SharingMode::mps, SharingMode::time_slicing}) {
    Scenario scenario = shared(mode);
    Fault leak = process_fault(1, 5, 5, FaultKind::allocation);
    leak.leak_bytes_per_s = 20e9;  // an A100 of 80 GB is full within 4 s
    scenario.faults = {leak};
    const Summary summary = simulate(scenario).summary;
    CHECK(down(summary) == "b");
    CHECK(availability(summary, 1) == 0.75);
    for (const std::size_t neighbour : {0u, 2u, 3u}) CHECK(summary.traffic[neighbour].failed == 0);
    scenario.faults[0].shared_fault_domain = true;
    CHECK(down(simulate(scenario).summary) == "abcd");
  }
}

TEST_CASE("what fails at 0 is down before the first request") {
  Scenario scenario = shared(SharingMode::mps);
  Fault lost = hardware_fault(FaultTarget::gpu, 0, 0, 5, 0);
  scenario.faults = {lost};
  for (Traffic& traffic : scenario.workload.traffic) {
    traffic.kind = Traffic::Kind::closed;
    traffic.users = 1;
  }
  const Summary summary = simulate(scenario).summary;
  check(availabilities(scenario), {0.75, 0.75, 0.75, 0.75, 1});
  CHECK(summary.traffic[0].failed == 11);  // a user asks at 0 and twice a second, at 5 just before it is back
}

TEST_CASE("a target fails after the same times in service under every placement") {
  // One clock each: the gaps between an isolated process's faults, and those less what others take it down for.
  const auto started = [](Scenario scenario, std::uint64_t seed) {
    Fault fault = process_fault(1, 0, 3);
    fault.mtbf_s = 10;
    scenario.faults = {fault};
    scenario.workload.duration_s = 500;
    RunOptions options;
    options.seed = seed;
    options.record_log = true;
    const Run run = simulate(scenario, options);
    std::vector<std::int64_t> stops;
    for (const RunLog::Process& process : run.log->processes)
      if (process.service == 1 && process.stopped != kNever) stops.push_back(process.stopped.ns);
    return stops;
  };
  const auto alone = started(shared(SharingMode::time_slicing), 1);
  CHECK(alone.size() > 30);
  CHECK(started(shared(SharingMode::mps), 1) == alone);
  CHECK(started(instances(SharingMode::mps), 1) == alone);
  CHECK(started(shared(SharingMode::time_slicing), 2) != alone);
}

TEST_CASE("clients who ask again after a fault are served") {
  Scenario scenario = shared(SharingMode::mps);
  scenario.faults = {process_fault(0, 10, 2)};
  const Summary before = simulate(scenario).summary;
  CHECK(before.failed_by_faults == before.failed);
  CHECK(before.failed > 4 * 20);
  for (Traffic& traffic : scenario.workload.traffic) traffic.client = Client{{}, 4, 0.2};  // 0.2 to 3 s later
  const Summary after = simulate(scenario).summary;
  CHECK(after.failed == 0);
  CHECK(after.failed_by_faults == 0);
  CHECK(after.completed == after.arrived);
  CHECK(*after.retried > before.failed);
}

TEST_CASE("the round goes on evenly among the replicas that are left") {
  for (const Routing routing : {Routing::round_robin, Routing::random, Routing::user_affinity}) {
    CAPTURE(static_cast<int>(routing));
    Scenario scenario = toy_fleet({toy_gpu("", SharingMode::exclusive, {{0}})}, 200, 40);
    scenario.workload.services[0].routing = routing;
    scenario.workload.services[0].replicas = 4;
    for (int g = 1; g < 4; ++g) scenario.placement.gpus.push_back(scenario.placement.gpus[0]);
    scenario.faults = {hardware_fault(FaultTarget::gpu, 1, 0, 1000, 0)};
    const Run run = simulate(scenario);
    std::vector<int> served(4);
    for (const std::int64_t replica : run.requests.find("visit.replica")->integers)
      ++served[static_cast<std::size_t>(replica)];
    CHECK(served[1] == 0);
    for (const std::size_t replica : {0u, 2u, 3u}) CHECK(served[replica] == Approx(8000 / 3.0).epsilon(0.08));
  }
}

TEST_CASE("the error budget is the share of the failures that the objective allows") {
  Scenario scenario = shared(SharingMode::mps);
  CHECK_FALSE(simulate(scenario).summary.error_budget_used);
  scenario.workload.objectives.figures = {{"success_rate", 0.9, false}};
  CHECK(simulate(scenario).summary.error_budget_used == 0);
  scenario.faults = {process_fault(0, 10, 1)};
  const Summary summary = simulate(scenario).summary;
  CHECK(*summary.error_budget_used == Approx((1 - summary.success_rate) / 0.1));
  CHECK(*summary.error_budget_used == Approx(0.4).epsilon(0.15));  // 4 of 5 services for 1 of 20 s, of 10 %
  scenario.workload.objectives.figures = {{"success_rate", 1, false}};
  CHECK_FALSE(simulate(scenario).summary.error_budget_used);
}

TEST_CASE("faults are read from a document, and what contradicts itself is refused") {
  using test::patched;
  const auto with = [](const std::string& fault) {
    return patched(test::queue_document(),
                   R"({"services": {"server": {"replicas": 2}}, "faults": [)" + fault + "]}");
  };
  const auto fault = [&](const std::string& text) { return test::read(with(text)).faults.at(0); };
  const auto complaint = [&](const std::string& text) { return test::complaint(with(text)); };
  const Fault leak = fault(
      R"({"service": "server", "replica": 1, "at_s": 50, "leak_bytes_per_s": 1e9, "restart_s": 5,
          "shared_fault_domain": true})");
  CHECK(leak.number == 1);
  CHECK(leak.at_s == 50);
  CHECK(leak.leak_bytes_per_s == 1e9);
  CHECK(leak.restart_s.mean() == 5);
  CHECK(leak.shared_fault_domain == true);
  CHECK(leak.kind == FaultKind::allocation);
  CHECK(fault(R"({"service": "server", "at_s": 50})").kind == FaultKind::context);
  CHECK(fault(R"({"service": "server", "at_s": 50})").number == 0);
  CHECK(fault(R"({"service": "server", "mtbf_s": 50})").number == Fault::kEach);
  CHECK(fault(R"({"service": "server", "replica": "each", "at_s": 50})").number == Fault::kEach);
  const Fault gpu = fault(
      R"({"gpu": "each", "mtbf_s": 1e6, "repair_s": {"kind": "exponential", "mean": 600}, "restart_order": "in-turn"})");
  CHECK(gpu.target == FaultTarget::gpu);
  CHECK(gpu.mtbf_s == 1e6);
  CHECK(gpu.repair_s.mean() == 600);
  CHECK(gpu.restart_s.mean() == 60);
  CHECK(gpu.restart_order == RestartOrder::in_turn);
  CHECK(fault(R"({"node": 0, "at_s": 5})").target == FaultTarget::node);

  CHECK(complaint(R"({"service": "server", "replica": 2, "at_s": 5})") ==
        "s.json#/faults/0/replica: server has 2 replicas, numbered from 0; found 2");
  CHECK(complaint(R"({"gpu": 2, "at_s": 5})") ==
        "s.json#/faults/0/gpu: the placement has 2 GPUs, numbered from 0; found 2");
  CHECK(complaint(R"({"node": 1, "at_s": 5})") ==
        "s.json#/faults/0/node: the placement has 1 node, numbered from 0; found 1");
  CHECK(complaint(R"({"service": "server", "at_s": 100})") ==
        "s.json#/faults/0/at_s: the run ends at 100 s; the fault at 100 s would never happen");
  const std::pair<const char*, const char*> refused[] = {
      {R"({"at_s": 5})", "/faults/0: a fault is of one thing"},
      {R"({"service": "server", "gpu": 0, "at_s": 5})", "found 2 of them"},
      {R"({"gpu": 0})", "found neither of them"},
      {R"({"gpu": 0, "mttf": 9})", "found neither of them; is \"mttf\" meant to be it?"},
      {R"({"gpu": 0, "often": 9})", "found neither of them; beside it the object has \"often\""},
      {R"({"service": "server", "at_s": 5, "kind": "process"})", "did you mean \"context\"?"},
      {R"({"service": "server", "at_s": 5, "kind": "oom"})", "did you mean \"allocation\"?"},
      {R"({"gpu": 0, "at_s": 5, "mtbf_s": 9})", "found both of them"},
      {R"({"gpu": 0, "at_s": 5, "kind": "device"})", "/faults/0/kind: is of a process's fault"},
      {R"({"node": 0, "at_s": 5, "shared_fault_domain": false})", "/shared_fault_domain: is of a process's"},
      {R"({"gpu": "all", "at_s": 5})", "/faults/0/gpu"},
      {R"({"service": "server", "mtbf_s": 9, "leak_bytes_per_s": 1e9})", "a leak starts \"at_s\""},
      {R"({"service": "server", "at_s": 5, "leak_bytes_per_s": 1e9, "kind": "device"})", "a leak ends in"},
      {R"({"service": "server", "at_s": 5, "repair_s": 9})", "nothing is to be repaired"},
      {R"({"service": "server", "at_s": 5, "restart_order": "random"})", "/faults/0/restart_order"},
  };
  for (const auto& text_and_part : refused) {  // no structured binding: clang 14 captures none
    CAPTURE(text_and_part.first);
    CHECK(complaint(text_and_part.first).find(text_and_part.second) != std::string::npos);
  }
}

TEST_CASE("a run says whom a fault takes along by default") {
  const auto told = [](const std::string& fault, const std::string& mode) {
    test::Json document = test::queue_document();
    document["services"]["server"]["replicas"] = 4;
    document["faults"] = test::parse("[" + fault + "]");
    std::string all;
    for (const Warning& one : assumptions_of(test::read(document, mode)))
      if (one.where.starts_with("/faults")) all += to_string(one) + "\n";
    return all;
  };
  const std::string fault = R"({"service": "server", "at_s": 5, "restart_s": 1)";
  CHECK(told(fault + "}", "mps") ==
        "/faults/0/shared_fault_domain: by default true: a context fault of server takes all 4 MPS clients "
        "of its "
        "partition along\n");
  CHECK(
      told(fault + "}", "time-slicing") ==
      "/faults/0/shared_fault_domain: by default false: a context fault of server leaves the others of the 4 "
      "processes on its partition alone (time-slicing)\n");
  CHECK(told(fault + R"(, "kind": "device"})", "time-slicing") ==
        "/faults/0/shared_fault_domain: by default true: a device fault of server takes all 4 processes of "
        "its GPU "
        "along, in whatever instance\n");
  CHECK(told(fault + R"(, "shared_fault_domain": false})", "mps").empty());
  CHECK(told(fault + "}", "dedicated").empty());
  CHECK(told(R"({"gpu": 0, "at_s": 5})", "mps") == "/faults/0/restart_s: by default 60\n");
}

}  // namespace test_faults
