// Limits of requests in flight, numbers of requests, and runs that last until all is served.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "queueing.hpp"
#include "scenario_documents.hpp"

namespace test_in_flight {

namespace {

using namespace queueing;
using Values = std::vector<double>;

/// Servers, as many as are asked for, that take 3 s for each request; these arrivals, so many in flight.
Scenario burst(const Values& arrival_s, int most, int servers = 64, std::int64_t queue_limit = -1) {
  Scenario scenario = queueing::system(constant(3), fifo(1, queue_limit), {{}, servers, 1});
  scenario.workload.duration_s = 100;
  Traffic traffic;
  traffic.name = "burst";
  traffic.kind = Traffic::Kind::trace;
  traffic.max_concurrency = most;
  Trace trace;
  trace.arrival_s = arrival_s;
  trace.input_tokens.assign(arrival_s.size(), 1);
  trace.output_tokens.assign(arrival_s.size(), 1);
  traffic.trace = std::make_shared<const Trace>(std::move(trace));
  scenario.workload.traffic.push_back(std::move(traffic));
  return scenario;
}

/// When each request was sent, in the order of the trace.
Values sent(const Run& run) {
  const auto& rows = run.requests.find("request")->integers;
  Values values(rows.size(), -1);
  for (std::size_t i = 0; i < rows.size(); ++i)
    values.at(static_cast<std::size_t>(rows[i])) = run.requests.find("arrival_s")->numbers[i];
  return values;
}

}  // namespace

TEST_CASE("what is due beyond the limit is sent when a request ends, in its order, and arrives then") {
  const Values due{0, 0, 0, 1, 8};
  CHECK(sent(simulate(burst(due, 0))) == due);
  CHECK(sent(simulate(burst(due, 5))) == due);
  const Run run = simulate(burst(due, 2));
  CHECK(sent(run) == Values{0, 0, 3, 3, 8});
  for (const double latency : run.requests.find("e2e_latency_s")->numbers)
    CHECK(latency == doctest::Approx(3));
  const TrafficSummary& traffic = run.summary.traffic[0];
  CHECK(*traffic.held_back == 2);
  CHECK(traffic.longest_hold_s == doctest::Approx(3));
  CHECK_FALSE(simulate(burst(due, 0)).summary.traffic[0].held_back);
  CHECK(sent(simulate(burst(due, 1))) == Values{0, 3, 6, 9, 12});
}

TEST_CASE("open traffic sends the same requests behind a limit, later") {
  Scenario scenario = queueing::system(constant(3), fifo(), {{}, 64, 1});
  scenario.workload.duration_s = 100;
  Traffic open;
  open.name = "open";
  open.arrivals.kind = ArrivalProcess::Kind::constant;
  open.arrivals.rate_per_s = 1;  // at 1, 2, 3, ...
  open.arrivals.count = 5;
  open.sizes.input_tokens = exponential(100);
  scenario.workload.traffic.push_back(open);
  const Run free = simulate(scenario);
  CHECK(sent(free) == Values{1, 2, 3, 4, 5});
  scenario.workload.traffic[0].max_concurrency = 2;
  const Run limited = simulate(scenario);
  CHECK(sent(limited) == Values{1, 2, 4, 5, 7});
  CHECK(*limited.summary.traffic[0].held_back == 3);
  CHECK(free.requests.find("input_tokens")->integers == limited.requests.find("input_tokens")->integers);
}

TEST_CASE("a request that is turned away leaves its place at once") {
  // One server and room for one to wait: the third is turned away, and so is the fourth, which did not wait for it.
  const Values due{0, 1, 1.5, 2};
  const Run three = simulate(burst(due, 3, 1, 1));
  CHECK(sent(three) == due);
  CHECK(three.summary.completed == 2);
  CHECK(three.summary.rejected == 2);
  const Run two = simulate(burst(due, 2, 1, 1));
  CHECK(sent(two) == Values{0, 1, 3, 6});
  CHECK(two.summary.completed == 4);
}

TEST_CASE("a burst without a time lasts until its last answer, and its rates are of that time") {
  Scenario scenario = burst({0, 0, 0, 0, 0}, 2);
  scenario.workload.duration_s = 0;
  CHECK(until_served(scenario.workload));
  const Run run = simulate(scenario);
  CHECK(run.until_served);
  CHECK(run.summary.duration_s == doctest::Approx(9));
  CHECK(run.summary.request_throughput == doctest::Approx(5.0 / 9));
  CHECK(run.summary.offered_rate == doctest::Approx(5.0 / 9));
  CHECK(run.summary.traffic[0].backlog == 0);
  CHECK(warnings_of(scenario, run.summary).empty());
  CHECK(run.partitions.rows() == simulate(burst({0}, 0)).partitions.rows());
  scenario.workload.traffic[0].max_concurrency = 0;
  CHECK(simulate(scenario).summary.request_throughput == doctest::Approx(5.0 / 3));
}

TEST_CASE("documents without a time are of traffic that ends by itself") {
  using namespace gpushare::test;
  const auto complaint_about = [](const std::string& traffic, const std::string& more = "{}") {
    Json document = patched(queue_document(), R"({"duration_s": null})");
    document["traffic"][0].merge_patch(parse(traffic));
    return complaint(patched(document, more));
  };
  CHECK(complaint_about("{}").find("neither open traffic without a \"count\"") != std::string::npos);
  const std::string counted = R"({"arrivals": {"count": 20}})";
  CHECK(complaint_about(counted) == "accepted");
  CHECK(complaint_about(counted, R"({"warmup_s": 0})") == "accepted");
  CHECK(complaint_about(counted, R"({"warmup_s": 2})").starts_with("s.json#/warmup_s: this traffic ends"));
  CHECK(complaint_about(counted, R"({"faults": [{"service": "server", "mtbf_s": 9}]})")
            .starts_with("s.json#/faults/0/mtbf_s: faults by a rate"));
  CHECK(complaint_about(counted, R"({"faults": [{"service": "server", "at_s": 9}]})") == "accepted");
  CHECK(complaint_about(R"({"max_concurrency": 0})", R"({"duration_s": 9})")
            .starts_with("s.json#/traffic/0/max_concurrency"));
  Json users = patched(queue_document(), "{}");
  users["traffic"][0] = parse(R"({"kind": "closed", "users": 3, "max_concurrency": 2})");
  CHECK(complaint(users).find("max_concurrency") != std::string::npos);

  Json document = patched(queue_document(), R"({"duration_s": null})");
  document["traffic"][0]["arrivals"]["count"] = 20;
  const Run run = simulate(read(document));
  CHECK(run.summary.completed == 20);
  const auto& ends = run.requests.find("finish_s")->numbers;
  CHECK(run.summary.duration_s == doctest::Approx(*std::max_element(ends.begin(), ends.end())));
}

}  // namespace test_in_flight
