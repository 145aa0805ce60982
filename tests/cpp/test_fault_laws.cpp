#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "faulty_fleet.hpp"
#include "gpushare/actions.hpp"
#include "queueing.hpp"
#include "scenario_documents.hpp"
#include "simulation/simulator.hpp"

namespace test_fault_laws {

/// Laws that hold whatever fails, and whenever. A broken conservation law ends a run by itself (summarise.cpp).
namespace {

using namespace gpushare;

int below(Stream& luck, int count) { return std::min(count - 1, static_cast<int>(luck.uniform() * count)); }

constexpr double kDuration = 30;

Distribution some_time(Stream& luck, double mean) {
  switch (below(luck, 3)) {
    case 0:
      return constant(mean);
    case 1:
      return exponential(mean);
    default:
      return constant(0);
  }
}

// The fault may be of anything that the scenario has.
Fault some_fault(Stream& luck, const Scenario& scenario) {
  Fault fault;
  fault.target = static_cast<FaultTarget>(std::max(0, below(luck, 5) - 2));
  const int counts[] = {1, static_cast<int>(scenario.placement.gpus.size()),
                        static_cast<int>(scenario.placement.nodes.size())};
  fault.number = below(luck, 3) == 0 ? Fault::kEach : below(luck, counts[static_cast<int>(fault.target)]);
  fault.service = below(luck, static_cast<int>(scenario.workload.services.size()));
  fault.kind = static_cast<FaultKind>(below(luck, 3));
  if (below(luck, 2) == 0) {
    fault.mtbf_s = 1 + 20 * luck.uniform();
  } else {
    fault.at_s = below(luck, 4) == 0 ? 0 : kDuration * luck.uniform();
    if (fault.target == FaultTarget::process && below(luck, 3) == 0) {
      fault.kind = FaultKind::allocation;
      fault.leak_bytes_per_s = 40e9 * luck.uniform();
    }
  }
  fault.repair_s = some_time(luck, 3);
  fault.restart_s = some_time(luck, 2);
  fault.restart_order = static_cast<RestartOrder>(below(luck, 2));
  if (below(luck, 4) == 0) fault.shared_fault_domain = below(luck, 2) == 0;
  return fault;
}

GpuPlacement some_gpu(Stream& luck, int& services) {
  const auto mode = static_cast<SharingMode>(below(luck, 3));
  const bool cut = below(luck, 3) == 0;
  std::vector<std::vector<int>> processes(cut ? 2 : 1);
  for (auto& part : processes)
    for (int i = 0; i <= (mode == SharingMode::exclusive ? 0 : below(luck, 3)); ++i)
      part.push_back(services++);
  return test::toy_gpu(cut ? "3g.40gb@0+3g.40gb@4" : "", mode, processes);
}

Scenario some_scenario(Stream& luck) {
  std::vector<GpuPlacement> gpus;
  int services = 0;
  for (int node = 0; node <= below(luck, 3); ++node)
    for (int g = 0; g <= below(luck, 2); ++g) {
      gpus.push_back(some_gpu(luck, services));
      gpus.back().node = node;
    }
  Scenario scenario = test::toy_fleet(std::move(gpus), kDuration, 0);
  for (Node& node : scenario.placement.nodes) node.host_cores = below(luck, 3);
  for (Service& service : scenario.workload.services) {
    service.routing = static_cast<Routing>(below(luck, 6));
    Model model = *service.model;
    model.cost = SyntheticModel{exponential(0.05), 0.005, 1e9, 0.01};
    service.model = std::make_shared<const Model>(std::move(model));
  }
  for (Traffic& traffic : scenario.workload.traffic) {
    traffic.arrivals.rate_per_s = 2 + 10 * luck.uniform();
    if (below(luck, 2) == 0) {
      traffic.kind = Traffic::Kind::closed;
      traffic.users = 1 + below(luck, 5);
      traffic.think_s = exponential(0.2);
    }
    if (below(luck, 2) == 0) traffic.client = Client{0.05 + luck.uniform(), below(luck, 4), 0.1};
  }
  for (int f = 0; f <= below(luck, 5); ++f) scenario.faults.push_back(some_fault(luck, scenario));
  return scenario;
}

// Starts, drains and stops of replicas beside the faults; each once at most, so that all are possible.
std::vector<control::TimedAction> some_actions(Stream& luck, const Scenario& scenario) {
  std::vector<control::TimedAction> actions;
  const auto at = [&](double from) { return from + (kDuration - from) * luck.uniform(); };
  for (std::size_t g = 0; g < scenario.placement.gpus.size(); ++g) {
    const GpuPlacement& gpu = scenario.placement.gpus[g];
    const PartitionPlacement& part = gpu.partitions[0];
    if (part.sharing.mode == SharingMode::exclusive || below(luck, 2) == 0) continue;
    const ProcessPlacement process = part.processes[0];
    const double begin = at(0);
    actions.push_back(
        {begin, control::StartServer{{{static_cast<std::uint32_t>(g), gpu.parts()[0].name, process}}}});
    if (below(luck, 2) == 0) {
      actions.push_back({at(begin), control::DrainServer{process.service, 0}});
    } else {
      actions.push_back({at(begin), control::StopServer{process.service, 1}});
    }
  }
  return actions;
}

std::vector<std::pair<std::string, double>> figures(const Summary& summary) {
  std::vector<std::pair<std::string, double>> all;
  for_each_figure(summary, [&](const Figure& figure) {
    if (figure.name != "events") all.emplace_back(figure.name, figure.value);
  });
  return all;
}

void check_same(const Summary& a, const Summary& b) {
  const auto one = figures(a), other = figures(b);
  REQUIRE(one.size() == other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CAPTURE(one[i].first);
    CHECK(one[i].first == other[i].first);
    CHECK((one[i].second == other[i].second || (std::isnan(one[i].second) && std::isnan(other[i].second))));
  }
}

// `alone`: every service has one replica all along.
void check_laws(const Summary& summary, bool alone) {
  CHECK(summary.unfinished == 0);
  CHECK(summary.completed + summary.rejected + summary.failed + summary.skipped == summary.arrived);
  CHECK(summary.littles_law_error < 1e-9);
  CHECK(summary.work_conservation_error < 1e-9);
  CHECK(*summary.failed_by_faults <= summary.failed);
  for (const ServiceSummary& service : summary.services) {
    CHECK(*service.availability >= -1e-12);
    CHECK(*service.availability <= 1);
    CHECK(*service.any_replica_up <= 1);
    if (alone) CHECK(*service.any_replica_up == doctest::Approx(*service.availability).epsilon(1e-9));
  }
}

}  // namespace

TEST_CASE("conservation laws hold through whatever fails, and the same seed fails the same way") {
  const int count = static_cast<int>(1000 / std::min(queueing::kThinning, 10.0));
  std::uint64_t happened = 0, by_faults = 0, served = 0;
  for (int i = 0; i < count; ++i) {
    CAPTURE(i);
    Stream luck(7, 0, "faulty documents", static_cast<std::uint64_t>(i));
    const Scenario scenario = some_scenario(luck);
    const auto actions = i % 2 == 0 ? std::vector<control::TimedAction>{} : some_actions(luck, scenario);
    const Run run = Simulator(scenario, {}, actions).run();
    check_laws(run.summary, actions.empty());
    happened += *run.summary.faults;
    by_faults += *run.summary.failed_by_faults;
    served += run.summary.completed;
    if (i % 10 == 0) {
      const Run again = Simulator(scenario, {}, actions).run();
      check_same(run.summary, again.summary);
      CHECK(run.summary.events == again.summary.events);
    }
  }
  CHECK(happened > static_cast<std::uint64_t>(5 * count));
  CHECK(by_faults > static_cast<std::uint64_t>(50 * count));
  CHECK(served > static_cast<std::uint64_t>(200 * count));
}

TEST_CASE("iterations that are merged into one event end where something fails") {
  const int count = static_cast<int>(60 / std::min(queueing::kThinning, 10.0));
  test::Json document = test::parse(R"({
    "name": "faulty llm", "duration_s": 30, "warmup_s": 3, "gpu": "a100",
    "services": {"llm": {"model": "llama-3.1-8b", "replicas": 4, "routing": "least-outstanding"}},
    "placement": {"nodes": [
      {"gpus": [{"partitions": [{"processes": ["llm"]}]},
                {"layout": "3g.40gb@0+3g.40gb@4", "partitions": [{"processes": ["llm"]}, {"processes": ["llm"]}]}]},
      {"gpus": [{"partitions": [{"processes": ["llm"]}]}]}]},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 3},
                 "client": {"timeout_s": 20, "retries": 2},
                 "sizes": {"input_tokens": {"kind": "exponential", "mean": 300, "min": 1},
                           "output_tokens": {"kind": "exponential", "mean": 150, "min": 1}}}]})");
  const Scenario like = test::read(document);
  std::uint64_t happened = 0, merged = 0, single = 0;
  for (int i = 0; i < count; ++i) {
    CAPTURE(i);
    Stream luck(11, 0, "faulty llm", static_cast<std::uint64_t>(i));
    Scenario scenario = like;
    for (int f = 0; f < 3; ++f) {
      scenario.faults.push_back(some_fault(luck, scenario));
      if (scenario.faults.back().target == FaultTarget::process)
        scenario.faults.back().number = below(luck, 4);
    }
    RunOptions options;
    const Run together = simulate(scenario, options);
    options.merge_steps = false;
    const Run apart = simulate(scenario, options);
    check_same(together.summary, apart.summary);
    check_laws(together.summary, false);
    happened += *together.summary.faults;
    merged += together.summary.events;
    single += apart.summary.events;
  }
  CHECK(happened > static_cast<std::uint64_t>(3 * count));
  CHECK(merged * 10 < single * 9);
}

TEST_CASE(
    "a clock that starts again while a neighbour's iterations are merged still ends them where it rings") {
  // Of two instances one fails by itself, and its device for both: that clock starts whenever the process is back, while
  // the other writes long replies undisturbed.
  const Scenario like = test::read(test::parse(R"({
    "name": "two instances", "duration_s": 300, "gpu": "a100",
    "services": {"other": {"model": "llama-3.1-8b"}, "llm": {"model": "llama-3.1-8b"}},
    "placement": {"gpus": [{"layout": "3g.40gb@0+3g.40gb@4",
                            "partitions": [{"processes": ["llm"]}, {"processes": ["other"]}]}]},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]},
                  "talk": {"stages": [{"name": "other", "service": "other"}]}},
    "traffic": [{"pipeline": "chat", "kind": "closed", "users": 1,
                 "sizes": {"input_tokens": 100, "output_tokens": 2000}},
                {"pipeline": "talk", "kind": "closed", "users": 1, "think_s": 1000,
                 "sizes": {"input_tokens": 100, "output_tokens": 1}}],
    "faults": [{"service": "other", "kind": "context", "mtbf_s": 3, "restart_s": 1},
               {"service": "other", "kind": "device", "mtbf_s": 3, "restart_s": 0.5}]})"));
  const int count = static_cast<int>(20 / std::min(queueing::kThinning, 10.0));
  for (int i = 0; i < count; ++i) {
    CAPTURE(i);
    RunOptions options;
    options.seed = static_cast<std::uint64_t>(i);
    const Run together = simulate(like, options);
    options.merge_steps = false;
    const Run apart = simulate(like, options);
    check_same(together.summary, apart.summary);
    CHECK(*together.summary.faults > 60);
    CHECK(together.summary.events * 4 < apart.summary.events);
  }
}

}  // namespace test_fault_laws
