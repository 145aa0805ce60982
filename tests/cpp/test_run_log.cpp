#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "gpushare/run_log.hpp"
#include "simulation/simulator.hpp"
#include "toy_fleet.hpp"

namespace test_run_log {

// The log tells who had a GPU when; it changes nothing, and agrees with what the meters say.

namespace {

using namespace gpushare;

Run logged(const Scenario& scenario, std::vector<control::TimedAction> actions = {}) {
  RunOptions options;
  options.record_log = true;
  return Simulator(scenario, options, std::move(actions)).run();
}

double seconds(Time begin, Time end) { return to_seconds(end - begin); }

}  // namespace

TEST_CASE("A log is there when it is asked for, and asking changes nothing else") {
  const Scenario scenario = load_scenario("voice-light", "time-slicing");
  const Run plain = simulate(scenario, {});
  const Run with_log = logged(scenario);
  CHECK(plain.log == nullptr);
  REQUIRE(with_log.log != nullptr);
  CHECK(with_log.summary.completed == plain.summary.completed);
  CHECK(with_log.requests.find("finish_s")->numbers == plain.requests.find("finish_s")->numbers);
}

TEST_CASE(
    "Under time-slicing holds do not overlap, and sum up to what was busy and what went into switching") {
  Scenario scenario = load_scenario("voice-light", "time-slicing");
  scenario.workload.warmup_s = 0;
  const Run run = logged(scenario);
  const RunLog& log = *run.log;
  REQUIRE(log.holds.size() > 1000);
  const Time end = Time{} + duration_from_seconds(scenario.workload.duration_s);
  std::map<std::uint32_t, Time> free_from;
  double busy = 0, switching = 0;
  for (const RunLog::Hold& hold : log.holds) {
    CHECK(hold.begin < hold.end);
    CHECK(hold.begin >= free_from[hold.partition]);
    free_from[hold.partition] = hold.end;
    const double inside = std::max(0.0, seconds(hold.begin, std::min(hold.end, end)));
    (hold.switching ? switching : busy) += inside;
    CHECK(log.processes[hold.process].partition == hold.partition);
  }
  const PartitionSummary& shared = run.summary.partitions.back();
  CHECK(busy / scenario.workload.duration_s == doctest::Approx(shared.busy).epsilon(1e-6));
  CHECK(switching / scenario.workload.duration_s == doctest::Approx(shared.switching).epsilon(1e-6));
}

TEST_CASE("Under MPS the rates of a step over its time are its work alone") {
  // Two services of synthetic steps, whose work alone is what their traffic draws: 1 s each, side by side from 0.5 s.
  Workload workload =
      test::toy_workload({test::toy_service("a", constant(1)), test::toy_service("b", constant(1))}, 10);
  for (int i = 0; i < 2; ++i) {
    Traffic traffic = test::toy_traffic(i == 0 ? "ta" : "tb", i, Traffic::Kind::trace);
    auto trace = std::make_shared<Trace>();
    trace->arrival_s = {i * 0.5};
    trace->input_tokens = trace->output_tokens = {1};
    traffic.trace = trace;
    workload.traffic.push_back(traffic);
  }
  Scenario scenario;
  scenario.workload = workload;
  GpuPlacement gpu = test::toy_gpu("", SharingMode::time_slicing, {{0, 1}});
  gpu.partitions[0].sharing.slice_s = 0;  // ideal processor sharing: rates as under MPS, and known
  scenario.placement.gpus = {gpu};
  const Run run = logged(scenario);
  std::map<std::uint32_t, double> work;
  for (const RunLog::Share& share : run.log->shares)
    work[share.process] += share.rate * seconds(share.begin, share.end);
  REQUIRE(work.size() == 2);
  CHECK(work[0] == doctest::Approx(1).epsilon(1e-6));
  CHECK(work[1] == doctest::Approx(1).epsilon(1e-6));
  REQUIRE(run.log->shares.size() == 4);  // a alone, both, both, b alone
  CHECK(run.log->shares[0].rate == 1);
  CHECK(run.log->shares[1].rate == 0.5);
}

TEST_CASE("Steps name their process and phase, one row for each rank") {
  Scenario scenario = load_scenario("voice-light", "dedicated");
  const Run run = logged(scenario);
  std::map<std::string, std::set<StepPhase>> phases;
  for (const RunLog::Step& step : run.log->steps) {
    const RunLog::Process& process = run.log->processes[step.process];
    phases[scenario.workload.services[static_cast<std::size_t>(process.service)].name].insert(step.phase);
    if (step.gpu_start == kNever) continue;
    CHECK(step.planned <= step.gpu_start);
    CHECK(step.gpu_start < step.gpu_end);
    CHECK(step.gpu_end <= step.done);
  }
  CHECK(phases.at("asr") == std::set{StepPhase::chunk});
  CHECK(phases.at("tts") == std::set{StepPhase::text, StepPhase::frame, StepPhase::vocode});
  CHECK(phases.at("llm").contains(StepPhase::decode));
  CHECK(phases.at("llm").contains(StepPhase::prefill));
}

TEST_CASE("Processes come and go in the log as they do on the GPU") {
  Workload workload = test::toy_workload({test::toy_service("s", constant(0.1))}, 10);
  Traffic traffic = test::toy_traffic("t", 0, Traffic::Kind::open);
  traffic.arrivals.rate_per_s = 5;
  workload.traffic = {traffic};
  Scenario scenario;
  scenario.workload = workload;
  scenario.placement.gpus = {test::toy_gpu("", SharingMode::mps, {{0}})};
  Fault fault;
  fault.at_s = 6;
  fault.restart_s = constant(1);
  scenario.faults = {fault};
  const Run run = logged(scenario, {{2, control::StartServer{{{0, "whole", ProcessPlacement{0}}}}},
                                    {4, control::StopServer{0, 1}}});
  REQUIRE(run.log->processes.size() == 3);
  const auto at = [](double s) { return Time{} + duration_from_seconds(s); };
  CHECK(run.log->processes[0].started == at(0));
  CHECK(run.log->processes[0].stopped == at(6));  // the fault
  CHECK(run.log->processes[1].started == at(2));
  CHECK(run.log->processes[1].stopped == at(4));
  CHECK(run.log->processes[2].started == at(7));  // restarted
  CHECK(run.log->processes[2].stopped == kNever);
  const auto tables = to_tables(*run.log);
  REQUIRE(tables.size() == 4);
  for (const Table& table : tables)
    for (const Column& column : table.columns) CHECK(column.size() == table.rows());
  CHECK(tables[0].rows() == 3);
}

}  // namespace test_run_log
