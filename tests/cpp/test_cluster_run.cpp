#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "gpushare/cluster_run.hpp"
#include "gpushare/errors.hpp"

namespace test_cluster_run {

using namespace gpushare;
using doctest::Approx;

namespace {

ClusterNode node(const std::string& name, int gpus, const std::string& model = "T4") {
  ClusterNode made;
  made.name = name;
  made.cpu_milli = 100000;
  made.memory_mib = 100000;
  made.gpus = gpus;
  made.model = model;
  return made;
}

ClusterPod pod(double created, double duration, int gpus, int milli = 1000) {
  ClusterPod made;
  made.name = "p";
  made.cpu_milli = 1000;
  made.gpus = gpus;
  made.gpu_milli = milli;
  made.created_s = created;
  made.duration_s = duration;
  return made;
}

std::vector<double> starts(const TimedRun& run) {
  std::vector<double> all;
  for (const PodTimes& times : run.pods) all.push_back(times.started_s);
  return all;
}

}  // namespace

TEST_CASE("a timeline worked out by hand: who waits, who passes, who is left out") {
  // Two GPUs. A holds one for 10 s, B wants both, C wants one for 4 s, D wants three, which no node has.
  const std::vector<ClusterPod> pods = {pod(0, 10, 1), pod(1, 5, 2), pod(2, 4, 1), pod(3, 1, 3)};
  TimedOptions options;
  options.sample_s = 5;
  const TimedRun run = replay_timed({node("n", 2)}, pods, options);
  CHECK(run.pods[0].started_s == 0);
  CHECK(run.pods[2].started_s == 2);  // C passes B
  CHECK(run.pods[1].started_s == 10);
  CHECK(run.pods[1].ended_s == 15);
  CHECK(std::isnan(run.pods[3].started_s));
  CHECK(run.impossible == 1);
  CHECK(run.started == 3);
  REQUIRE(run.series.size() == 4);
  CHECK(run.series[1].at_s == 5);
  CHECK(run.series[1].allocation == 1);
  CHECK(run.series[1].waiting == 1);
  CHECK(run.series[1].waiting_gpus == 2);
  CHECK(run.mean.at_s == 15);
  CHECK(run.mean.allocation == Approx((10 + 4 + 10) / 30.0));
  CHECK(run.mean.waiting_gpus == Approx(2 * 9 / 15.0));

  options.backfill = false;
  const TimedRun strict = replay_timed({node("n", 2)}, pods, options);
  CHECK(strict.pods[1].started_s == 10);
  CHECK(strict.pods[2].started_s == 15);
}

TEST_CASE("higher priority starts first, and equals in order of creation") {
  std::vector<ClusterPod> pods = {pod(0, 10, 1), pod(1, 10, 1), pod(2, 10, 1), pod(3, 10, 1)};
  pods[3].priority = 5;
  const TimedRun run = replay_timed({node("n", 1)}, pods, {});
  CHECK(starts(run) == std::vector<double>{0, 20, 30, 10});
}

TEST_CASE("a gang starts together or not at all, once all of it is there") {
  std::vector<ClusterPod> pods = {pod(0, 10, 1), pod(1, 5, 1), pod(4, 5, 1), pod(5, 3, 1)};
  pods[1].gang = pods[2].gang = "g";
  const TimedRun run = replay_timed({node("n", 1), node("m", 1)}, pods, {});
  // One GPU is free from 0 on, but the gang of two needs both: the last pod passes it.
  CHECK(starts(run) == std::vector<double>{0, 10, 10, 5});
  CHECK(run.pods[1].node != run.pods[2].node);
}

TEST_CASE("a group holds no more than its quota, and others go on") {
  std::vector<ClusterPod> pods = {pod(0, 10, 1), pod(0, 10, 1), pod(1, 10, 1)};
  pods[0].group = pods[1].group = "ml";
  TimedOptions options;
  options.quotas = {{"ml", 1000}};
  options.backfill = false;
  const TimedRun run = replay_timed({node("n", 4)}, pods, options);
  CHECK(starts(run) == std::vector<double>{0, 10, 1});
  CHECK(run.peak_of_group.at("ml") == 1000);
}

TEST_CASE("a gang of shares is placed on one card by going back on what leaves no room") {
  const MigModels mig = {{"A", std::make_shared<const GpuProfile>(load_profile("a100"))}};
  std::vector<ClusterPod> pods = {pod(0, 10, 1, 120), pod(0, 10, 1, 250), pod(0, 10, 1, 250),
                                  pod(0, 10, 1, 250)};
  for (ClusterPod& one : pods) one.gang = "g";
  TimedOptions options;
  options.packing.policy = PackingPolicy::mig_aware;
  options.packing.sharing = ShareMode::mig;
  options.packing.mig = mig;
  // 2g starts at 0, 2 and 4 alone: 1g must keep to slot 6.
  CHECK(replay_timed({node("n", 1, "A")}, pods, options).started == 4);
}

TEST_CASE("a pod that has a place takes it and nothing else, and others pack beside it") {
  ClusterPod fixed = pod(0, 10, 1, 400);
  fixed.node = "b";
  fixed.devices = {1};
  ClusterPod late = fixed;  // wants the same place when it is full
  late.created_s = 1;
  late.gpu_milli = 700;
  ClusterPod both = pod(0, 5, 2);
  both.node = "a";  // its node, and the devices that the policy takes
  const TimedRun run = replay_timed({node("a", 2), node("b", 2)}, {fixed, late, both, pod(2, 1, 1, 600)}, {});
  CHECK(run.pods[0].node == 1);
  CHECK(run.pods[0].devices == std::vector<int>{1});
  CHECK(run.pods[0].instances.empty());
  CHECK(run.pods[1].started_s == 10);
  CHECK(run.pods[2].node == 0);
  CHECK(run.pods[2].devices == std::vector<int>{0, 1});
  CHECK(run.pods[3].started_s == 2);
  CHECK(run.pods[3].devices == std::vector<int>{1});  // beside the fixed one, which leaves least
}

TEST_CASE("a fixed instance starts where it is said to, or never") {
  const MigModels mig = {{"A", std::make_shared<const GpuProfile>(load_profile("a100"))}};
  TimedOptions options;
  options.packing.sharing = ShareMode::mig;
  options.packing.mig = mig;
  ClusterPod half = pod(0, 10, 1, 428);
  half.node = "n";
  half.devices = {0};
  half.starts = {4};
  ClusterPod nowhere = half;
  nowhere.starts = {2};
  const TimedRun run = replay_timed({node("n", 1, "A")}, {half, nowhere, pod(1, 1, 1, 250)}, options);
  CHECK(run.pods[0].instances == std::vector<std::string>{"3g.40gb@4"});
  CHECK(run.pods[2].instances == std::vector<std::string>{"2g.20gb@0"});
  CHECK(run.impossible == 1);
  half.starts.clear();
  CHECK(replay_timed({node("n", 1, "A")}, {half}, options).pods[0].instances ==
        std::vector<std::string>{"3g.40gb@0"});
}

TEST_CASE("a place that there is not is refused") {
  const auto refused = [](const ClusterPod& wrong, const char* what) {
    CHECK_THROWS_WITH_AS(check_cluster({node("n", 2)}, {wrong}), doctest::Contains(what), Error);
  };
  ClusterPod one = pod(0, 1, 1);
  one.devices = {0};
  refused(one, "found devices without a node");
  one.node = "m";
  refused(one, "there is no node \"m\"");
  one.node = "n";
  one.devices = {2};
  refused(one, "found device 2; node \"n\" has 2");
  one.devices = {0, 1};
  refused(one, "found 2 devices for 1 GPUs");
  one.devices = {0};
  one.starts = {0, 4};
  refused(one, "found 2 starts for 1 devices");
  one.starts.clear();
  ClusterPod two = pod(0, 1, 2);
  two.node = "n";
  two.devices = {1, 1};
  refused(two, "found a device twice");
  CHECK_THROWS_WITH_AS(static_cast<void>(replay_arrivals({node("n", 2)}, {one}, {})),
                       doctest::Contains("is fixed to node \"n\""), Error);
}

TEST_CASE("whatever comes and goes, nobody holds more than there is and gangs are whole") {
  std::mt19937 luck(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<ClusterNode> nodes = {node("a", 8), node("b", 4), node("c", 2)};
    std::vector<ClusterPod> pods;
    for (int i = 0; i < 500; ++i) {
      ClusterPod one = pod(static_cast<double>(luck() % 1000), static_cast<double>(luck() % 100),
                           static_cast<int>(luck() % 4), 1000);
      if (one.gpus == 1 && luck() % 2 == 0) one.gpu_milli = 100 + static_cast<int>(luck() % 900);
      if (luck() % 10 == 0) one.gang = "g" + std::to_string(luck() % 8);
      if (luck() % 4 == 0) one.group = "q";
      one.priority = static_cast<int>(luck() % 3);
      pods.push_back(one);
    }
    TimedOptions options;
    options.packing.policy =
        packing_policies()[static_cast<std::size_t>(round) % packing_policies().size()].policy;
    options.backfill = round % 2 == 0;
    options.quotas = {{"q", 3000}};
    const TimedRun run = replay_timed(nodes, pods, options);
    CHECK(run.peak_of_group.at("q") <= 3000);
    std::map<std::string, std::vector<double>> gangs;
    for (std::size_t p = 0; p < pods.size(); ++p) {
      const PodTimes& times = run.pods[p];
      if (!pods[p].gang.empty()) gangs[pods[p].gang].push_back(times.started_s);
      if (std::isnan(times.started_s)) continue;
      CHECK(times.started_s >= pods[p].created_s);
      CHECK(times.ended_s == Approx(times.started_s + pods[p].duration_s));
      // All that run when this one starts, on its node.
      int milli = 0;
      for (std::size_t q = 0; q < pods.size(); ++q) {
        const PodTimes& other = run.pods[q];
        if (other.node == times.node && other.started_s <= times.started_s && other.ended_s > times.started_s)
          milli += pods[q].gpus * (pods[q].gpus > 0 ? pods[q].gpu_milli : 0);
      }
      CHECK(milli <= 1000 * nodes[static_cast<std::size_t>(times.node)].gpus);
    }
    for (const auto& [name, times] : gangs) {
      const bool none = std::all_of(times.begin(), times.end(), [](double t) { return std::isnan(t); });
      CHECK((none ||
             *std::min_element(times.begin(), times.end()) == *std::max_element(times.begin(), times.end())));
    }
    CHECK(run.series.back().running == 0);
  }
}

}  // namespace test_cluster_run
