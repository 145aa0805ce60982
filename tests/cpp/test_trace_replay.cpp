// Traces with sessions, followed in the event loop: who waits for whom, and what becomes of those whose parent fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "queueing.hpp"

namespace test_trace_replay {

namespace {

using namespace queueing;

/// A server that takes 3 s for each request, any number at once, and no traffic.
Scenario slow_server(std::int64_t queue_limit = -1) {
  Engine engine = fifo(1, queue_limit);
  Scenario scenario = queueing::system(constant(3), engine, {{}, 64, 1}, Routing::shared_queue);
  scenario.workload.duration_s = 100;
  return scenario;
}

void add_trace(Scenario& scenario, Trace trace, double speed = 1, bool follow_parents = true) {
  Traffic traffic;
  traffic.name = "trace";
  traffic.kind = Traffic::Kind::trace;
  if (trace.input_tokens.empty()) {
    trace.input_tokens.assign(trace.size(), 1);
    trace.output_tokens.assign(trace.size(), 1);
  }
  traffic.trace = std::make_shared<const Trace>(std::move(trace));
  traffic.speed = speed;
  traffic.follow_parents = follow_parents;
  scenario.workload.traffic.push_back(std::move(traffic));
}

Trace trace_of(std::vector<double> arrival_s, std::vector<std::int32_t> parent,
               std::vector<double> delay_s = {}) {
  Trace trace;
  trace.arrival_s = std::move(arrival_s);
  trace.parent = std::move(parent);
  trace.delay_s = std::move(delay_s);
  return trace;
}

/// A column of the requests, by row of the trace.
std::vector<double> by_row(const Run& run, const char* name) {
  const auto& rows = run.requests.find("request")->integers;
  const Column& column = *run.requests.find(name);
  std::vector<double> values(rows.size(), -1);
  for (std::size_t i = 0; i < rows.size(); ++i)
    values.at(static_cast<std::size_t>(rows[i])) =
        column.type == Column::Type::category ? column.codes[i] : column.numbers[i];
  return values;
}

constexpr double kCompleted = 0, kRejected = 1, kFailed = 2, kSkipped = 3;
using Values = std::vector<double>;

void check_same(const Values& found, const Values& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(expected[i]));
}

}  // namespace

TEST_CASE("a delay counts from the end of the parent, and a recorded arrival is kept where it is later") {
  Scenario scenario = slow_server();
  // 1 was recorded before its parent ends, 4 after; 2 follows 0 after 2 s and 3 follows 2 at once (their arrivals are
  // where the loader put them); 5 follows nothing.
  add_trace(scenario, trace_of({0, 1, 2, 2, 7, 8}, {-1, 0, 0, 2, 0, -1}, {-1, -1, 2, 0, -1, -1}));
  check_same(by_row(simulate(scenario), "arrival_s"), {0, 3, 5, 8, 7, 8});
  scenario.workload.traffic[0].speed = 2;
  check_same(by_row(simulate(scenario), "arrival_s"), {0, 3, 5, 8, 3.5, 4});
  scenario.workload.traffic[0].speed = 1;
  scenario.workload.traffic[0].follow_parents = false;
  check_same(by_row(simulate(scenario), "arrival_s"), {0, 1, 2, 2, 7, 8});
}

TEST_CASE(
    "what the schedule has before the end of arrivals is sent however late its parent ends, the rest is "
    "not") {
  Scenario scenario = slow_server();
  add_trace(scenario, trace_of({0, 1, 4, 6, 6}, {-1, 0, 1, -1, 2}, {-1, 1, 0.5, -1, -1}));
  scenario.workload.duration_s = 5;
  const Run run = simulate(scenario);
  check_same(by_row(run, "arrival_s"), {0, 4, 7.5});
  CHECK(run.summary.arrived == 3);
  CHECK(run.summary.completed == 3);
}

TEST_CASE("those that follow a request without an answer are skipped, and recorded") {
  Scenario scenario = slow_server();
  scenario.placement.gpus.resize(1);  // one server, and no queue: the second request is refused
  scenario.workload.services[0].replicas = 1;
  scenario.workload.services[0].routing = Routing::round_robin;
  scenario.workload.services[0].engine = fifo(1, 1);
  //                              served, waits, refused, and those that follow each; 6 is alone
  add_trace(scenario,
            trace_of({0, 1, 2, 2.5, 2.5, 3, 20}, {-1, -1, -1, 2, 3, 0, -1}, {-1, -1, -1, 0, 9, 7, -1}));
  const Run run = simulate(scenario);
  CHECK(by_row(run, "status") ==
        Values{kCompleted, kCompleted, kRejected, kSkipped, kSkipped, kCompleted, kCompleted});
  check_same(by_row(run, "arrival_s"), {0, 1, 2, 2, 2, 10, 20});
  CHECK(run.summary.arrived == 7);
  CHECK(run.summary.completed == 4);
  CHECK(run.summary.rejected == 1);
  CHECK(run.summary.skipped == 2);
  CHECK(run.summary.success_rate == doctest::Approx(4.0 / 7));
}

TEST_CASE("a session whose server dies is skipped from there") {
  Scenario scenario = slow_server();
  scenario.placement.gpus.resize(1);
  scenario.workload.services[0].replicas = 1;
  scenario.workload.services[0].routing = Routing::round_robin;
  add_trace(scenario, trace_of({0, 1, 2, 50}, {-1, 0, 1, -1}, {-1, 0, 0, -1}));
  Fault fault;
  fault.at_s = 4;  // in the middle of the second one
  fault.restart_s = constant(10);
  scenario.faults.push_back(fault);
  CHECK(by_row(simulate(scenario), "status") == Values{kCompleted, kFailed, kSkipped, kCompleted});
}

TEST_CASE("every request of a random forest is sent when its parent lets it, and none is lost") {
  Scenario scenario = queueing::system(exponential(0.05), fifo(), {{}, 1, 1}, Routing::round_robin);
  Stream luck(3, 0, "forest");
  Trace trace;
  constexpr std::size_t kRows = 5'000;
  for (std::size_t i = 0; i < kRows; ++i) {
    trace.arrival_s.push_back(0.04 * static_cast<double>(i));
    const bool root = i == 0 || luck.uniform() < 0.3;
    const double back = luck.uniform() * 50;
    trace.parent.push_back(
        root ? -1 : static_cast<std::int32_t>(std::max(0.0, static_cast<double>(i) - 1 - back)));
    trace.delay_s.push_back(!root && luck.uniform() < 0.5 ? luck.uniform() : -1);
  }
  add_trace(scenario, trace);
  scenario.workload.duration_s = 400;
  const Run run = simulate(scenario);
  CHECK(run.summary.completed == kRows);
  const Values arrival = by_row(run, "arrival_s"), finish = by_row(run, "finish_s");
  std::size_t wrong = 0, late = 0;
  for (std::size_t i = 0; i < kRows; ++i) {
    double expected = trace.arrival_s[i];
    if (trace.parent[i] >= 0) {
      const double end = finish[static_cast<std::size_t>(trace.parent[i])];
      expected = trace.delay_s[i] < 0 ? std::max(expected, end) : end + trace.delay_s[i];
    }
    wrong += std::abs(arrival[i] - expected) > 1e-8;
    late += arrival[i] > trace.arrival_s[i] + 1e-8;
  }
  CHECK(wrong == 0);
  CHECK(late > kRows / 3);
  const Run again = simulate(scenario);
  CHECK(again.requests.find("finish_s")->numbers == run.requests.find("finish_s")->numbers);
  CHECK(again.requests.find("request")->integers == run.requests.find("request")->integers);
}

TEST_CASE("with user affinity a trace's session stays on one replica") {
  Scenario scenario = queueing::system(constant(0.01), fifo(), {{}, 4, 1}, Routing::user_affinity);
  Trace trace = trace_of({}, {});
  for (int i = 0; i < 200; ++i) {
    trace.arrival_s.push_back(i);
    trace.session.push_back(i % 10);
  }
  add_trace(scenario, trace);
  scenario.workload.duration_s = 300;
  const Run run = simulate(scenario);
  const auto& rows = run.requests.find("request")->integers;
  const auto& replica = run.requests.find("server.replica")->integers;
  std::vector<std::int64_t> of_session(10, -1);
  std::int64_t used = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::int64_t& known = of_session[static_cast<std::size_t>(rows[i] % 10)];
    if (known < 0) known = replica[i];
    CHECK(known == replica[i]);
    used |= std::int64_t{1} << replica[i];
  }
  CHECK(used > 2);  // more than one replica
}

}  // namespace test_trace_replay
