#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "control/node_policy.hpp"
#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"
#include "toy_fleet.hpp"

namespace test_cost {

// What fleets cost: at the prices of their pools, with what is reserved, and where nodes are taken away again.

namespace {

using namespace gpushare;
using doctest::Approx;

constexpr const char* kFleet = R"({
  "name": "cost", "duration_s": 1000, "price_per_gpu_hour": 2, "host": {"cores": 32},
  "services": {"s": {"model": {"kind": "synthetic", "gpu_s": 1, "memory_bytes": 1e9}, "routing": "least-outstanding"}},
  "control": {
    "pools": {"p": {"gpus_per_node": 2, "nodes": {"min": 1, "max": 4, "boot_s": 20, "remove_after_s": 95, "remove_after_add_s": 0}}},
    "services": {"s": {"pool": "p", "replicas": {"min": 1, "max": 6, "start": 2},
      "schedule": [{"at_s": 195, "replicas": 6}, {"at_s": 495, "replicas": 2}],
      "cold_start": {"image_bytes": 0, "weights_bytes_per_s": 1e9, "engine_s": 1}, "grace_s": 0}}
  },
  "pipelines": {"v": {"stages": [{"name": "s", "service": "s"}]}},
  "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 0.01}}]
})";

Scenario fleet(const std::string& patch = "{}") {
  return test::read(test::patched(test::parse(kFleet), patch));
}

Run run_of(const Scenario& scenario, double series_s = 100) {
  RunOptions options;
  options.series_s = series_s;
  return simulate(scenario, options);
}

const std::vector<double>& column(const Run& run, const std::string& name) {
  const Column* found = run.series.find(name);
  REQUIRE(found != nullptr);
  return found->numbers;
}

// Times of a change in Run::changes, by the number of the node.
std::vector<double> times_of(const Run& run, const std::string& change) {
  const Column& words = *run.changes.find("change");
  std::vector<double> times;
  for (std::size_t i = 0; i < words.codes.size(); ++i)
    if (words.categories[static_cast<std::size_t>(words.codes[i])] == change)
      times.push_back(run.changes.find("at_s")->numbers[i]);
  return times;
}

}  // namespace

// Two nodes of two GPUs are ordered at 200 s; their replicas leave at 495 s, which is seen at 500 s, and they go at 600 s.
TEST_CASE("a fleet costs its GPU-hours at the document's price or the pool's") {
  const Run run = run_of(fleet());
  const double gpu_s = 2 * 1000 + 4 * (600 - 200);
  REQUIRE(run.summary.gpu_hours == Approx(gpu_s / 3600));
  CHECK(run.summary.cost == Approx(2 * gpu_s / 3600).epsilon(1e-12));
  CHECK(run.summary.cost_per_month == Approx(2 * gpu_s / 1000 * 720).epsilon(1e-12));
  const auto& hourly = column(run, "cost_per_hour");
  REQUIRE(hourly.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK(hourly[i] == Approx(i >= 2 && i < 6 ? 12 : 4).epsilon(1e-12));
  const Run own = run_of(fleet(R"({"control": {"pools": {"p": {"price_per_gpu_hour": 3}}}})"));
  CHECK(own.summary.cost == Approx(3 * gpu_s / 3600).epsilon(1e-12));
}

TEST_CASE("what is reserved is paid for all along, and what is beyond it while it is on") {
  const auto with = [](int nodes) {
    return run_of(fleet(R"({"control": {"pools": {"p": {"reserved": {"price_per_gpu_hour": 0.5, "nodes": )" +
                        std::to_string(nodes) + "}}}}}"))
        .summary.cost;
  };
  CHECK(with(1) == Approx((2 * 0.5 * 1000 + 2.0 * 4 * 400) / 3600).epsilon(1e-12));
  CHECK(with(2) == Approx((4 * 0.5 * 1000 + 2.0 * 2 * 400) / 3600).epsilon(1e-12));
  CHECK(with(4) == Approx(8 * 0.5 * 1000 / 3600).epsilon(1e-12));
}

TEST_CASE("prices that contradict or say nothing are refused") {
  const auto complaint = [](const std::string& pool) {
    return test::complaint(
        test::patched(test::parse(kFleet), R"({"control": {"pools": {"p": )" + pool + "}}}"));
  };
  CHECK(complaint(R"({"price_per_gpu_hour": 1, "spot": {"price_per_gpu_hour": 1, "mean_s": 1000}})")
            .find("leave the pool's own \"price_per_gpu_hour\" out") != std::string::npos);
  CHECK(
      complaint(
          R"({"reserved": {"nodes": 1, "price_per_gpu_hour": 1}, "spot": {"price_per_gpu_hour": 1, "mean_s": 1000}})")
          .find("/control/pools/p/reserved") != std::string::npos);
  CHECK(complaint(R"({"spot": {"price_per_gpu_hour": 1, "mean_s": 0}})").find("mean_s") != std::string::npos);
  CHECK(complaint(R"({"reserved": {"nodes": 5, "price_per_gpu_hour": 1}})").find("nodes") !=
        std::string::npos);
  // A pool with a price of its own needs none of its kind.
  auto by_kind = test::patched(test::parse(kFleet), R"({"price_per_gpu_hour": {"h100": 4}})");
  CHECK(test::complaint(by_kind).find("GPU a100 has no price") != std::string::npos);
  by_kind.merge_patch(test::parse(R"({"control": {"pools": {"p": {"price_per_gpu_hour": 3}}}})"));
  CHECK(test::complaint(by_kind) == "accepted");
}

TEST_CASE("a node with a spot price gets its notice, goes when it is over, and another comes") {
  const auto document = [](const char* service) {
    auto json = test::patched(test::parse(kFleet), R"({
      "control": {"pools": {"p": {"gpus_per_node": 1, "nodes": 1, "spot": {"price_per_gpu_hour": 0.5, "mean_s": 300, "notice_s": 30}}},
                  "services": {"s": {"replicas": 1, "schedule": null, "grace_s": 300}}},
      "services": {"s": {"model": {"gpu_s": 50}}},
      "traffic": [{"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 0.04}}]
    })");
    json["control"]["services"]["s"].merge_patch(test::parse(service));
    return test::read(json);
  };
  const Run run = run_of(document("{}"));
  const auto notices = times_of(run, "node notified"), left = times_of(run, "node left"),
             ordered = times_of(run, "node ordered");
  Stream luck = Stream(1, 0, "control/spot").at(0);
  REQUIRE(!notices.empty());
  CHECK(notices[0] == Approx(exponential(300).sample(luck)));
  // Steps of 50 s follow each other: what it has in hand at the notice ends in it, or begins again elsewhere.
  CHECK(left[0] == Approx(notices[0] + 30));
  CHECK(ordered[0] >= left[0]);
  CHECK(ordered[0] <= left[0] + 10);
  CHECK(run.summary.failed == 0);
  CHECK(run.summary.cost == Approx(0.5 * run.summary.gpu_hours).epsilon(1e-12));
  const Run failing = run_of(document(R"({"moves_requests": false})"));
  CHECK(failing.summary.failed > 0);
}

TEST_CASE("nodes are taken away at their rate") {
  Scenario scenario = fleet(R"({
    "duration_s": 4e4, "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1e-3}}],
    "control": {"pools": {"p": {"nodes": 4, "spot": {"price_per_gpu_hour": 0.5, "mean_s": 500, "notice_s": 10}}},
                "services": {"s": {"schedule": null, "replicas": 8}}}
  })");
  double notices = 0, node_s = 0;
  for (scenario.seed = 1; scenario.seed <= 5; ++scenario.seed) {
    const Run run = run_of(scenario, 1e4);
    const auto notified = static_cast<double>(times_of(run, "node notified").size());
    CHECK(static_cast<double>(times_of(run, "node left").size()) == notified);
    // Nodes are there until their notice, and their notice: 1/500 a second of the time before it.
    node_s += run.summary.gpu_hours * 3600 / 2 - 10 * notified;
    notices += notified;
  }
  const double expected = node_s / 500;
  REQUIRE(expected > 1000);
  INFO(notices << " of " << expected);
  CHECK(std::abs(notices - expected) < 4 * std::sqrt(expected));
}

TEST_CASE("nodes that were taken away are replaced up to the least, and those that leave do not count") {
  NodePool pool;
  pool.shape.cut = cut_gpu(test::a100());
  pool.min = 2, pool.max = 4;
  pool.remove_after_s = pool.remove_after_add_s = 0;
  control::NodePolicy policy(pool);
  CHECK(policy.decide(0, 0, {{0, true, false, 1, 1}}).add == 1);
  CHECK(policy.decide(1, 0, {{0, true, false, 1, 1}, {1, true, true, 1, 0}}).add == 1);
  const auto decision = policy.decide(
      2, 0, {{0, true, true, 1, 1}, {1, true, false, 1, 0}, {2, true, false, 1, 0}, {3, true, false, 1, 0}});
  CHECK(decision.remove == std::vector<int>{1});
}

// Steps of 1 s, one at a time: three at once are answered after 1, 2 and 3 s.
TEST_CASE("the time out of objectives is that of windows with traffic that miss one, by hand") {
  const auto out_of = [](const std::string& objectives) {
    auto document = test::patched(test::parse(kFleet), R"({"duration_s": 60, "warmup_s": 10,
      "control": {"pools": {"p": {"nodes": 1}}, "services": {"s": {"replicas": 1, "schedule": null}}},
      "objectives": )" + objectives + "}");
    Scenario scenario = test::read(document);
    Traffic& traffic = scenario.workload.traffic[0];
    traffic.kind = Traffic::Kind::trace;
    auto trace = std::make_shared<Trace>();
    // The warm-up does not count; 10-20 answers in time, 20-30 late, nobody comes in 30-40, 40-50 is silent until the
    // request of 39.5 s, which takes 1 s, ends: it is in 40-50; 50-60 nobody.
    trace->arrival_s = {1, 1, 1, 11, 21, 21, 21, 39.5};
    trace->input_tokens.assign(8, 1);
    trace->output_tokens.assign(8, 1);
    traffic.trace = std::move(trace);
    return run_of(scenario, 10).summary.time_out_of_objectives;
  };
  CHECK(*out_of(R"({"s.latency_max_s": 1.5})") == Approx(1.0 / 3));
  CHECK(*out_of(R"({"s.latency_p50_s": 2.5})") == 0);
  CHECK(*out_of(R"({"request_throughput": {"at_least": 0.2}})") == Approx(2.0 / 3));
  CHECK(*out_of(R"({"success_rate": {"at_least": 0.9}})") == 0);
  CHECK(!out_of(R"({"gpus_used": 3})"));
}

TEST_CASE("a window in which nobody is answered, though they wait all along, is out of the objectives") {
  auto document = test::patched(test::parse(kFleet), R"({"duration_s": 60,
    "services": {"s": {"model": {"gpu_s": 25}}},
    "control": {"pools": {"p": {"nodes": 1}}, "services": {"s": {"replicas": 1, "schedule": null}}},
    "objectives": {"success_rate": {"at_least": 0.9}}})");
  Scenario scenario = test::read(document);
  Traffic& traffic = scenario.workload.traffic[0];
  traffic.kind = Traffic::Kind::trace;
  auto trace = std::make_shared<Trace>();
  trace->arrival_s = {5};
  trace->input_tokens = trace->output_tokens = {1};
  traffic.trace = std::move(trace);
  // Answered at 30 s, which ends in the window of 30 to 40: 10-20 and 20-30 are silent, 0-10 says nothing.
  const Summary summary = run_of(scenario, 10).summary;
  CHECK(*summary.time_out_of_objectives == Approx(2.0 / 3));
  const auto names = figure_names(scenario);
  CHECK(std::find(names.begin(), names.end(), "time_out_of_objectives") != names.end());
}

}  // namespace test_cost
