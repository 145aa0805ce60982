#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "clusters/chooser.hpp"
#include "gpushare/clusters.hpp"
#include "gpushare/errors.hpp"
#include "thinned.hpp"

namespace test_clusters {

using namespace gpushare;
using namespace gpushare::clusters;
using clusters::Demand;
using clusters::Job;
using doctest::Approx;

namespace {

ClusterNode node(const std::string& name, std::int64_t cpu, int gpus, const std::string& model = "T4") {
  ClusterNode made;
  made.name = name;
  made.cpu_milli = cpu;
  made.memory_mib = 100000;
  made.gpus = gpus;
  made.model = model;
  return made;
}

ClusterPod pod(std::int64_t cpu, int gpus, int milli = 1000) {
  ClusterPod made;
  made.name = "p";
  made.cpu_milli = cpu;
  made.memory_mib = 1000;
  made.gpus = gpus;
  made.gpu_milli = gpus > 0 ? milli : 0;
  return made;
}

MigModels a100s() { return {{"A", std::make_shared<const GpuProfile>(load_profile("a100"))}}; }

/// A cluster, the scores of one policy on it, and what is done to it.
struct Bench {
  explicit Bench(std::vector<ClusterNode> of, std::vector<ClusterPod> pods, ShareMode mode = {})
      : nodes(std::move(of)),
        classes(pod_classes(pods)),
        cluster(nodes, node_kinds(nodes, mode, a100s())),
        fragments(classes, cluster.kinds()) {}

  double score(PackingPolicy policy, const Demand& demand, int n = 0) const {
    const Scoring scoring{cluster, fragments};
    return score_function(policy)(scoring, cluster.node(n),
                                  cluster.kinds().want(cluster.node(n).kind, demand))
        .score;
  }
  Hold take(int n, const Demand& demand, int device = -1) {
    return cluster.take({n, device}, demand, 0, false);
  }

  std::vector<ClusterNode> nodes;
  std::vector<PodClass> classes;
  ClusterState cluster;
  FragmentMeter fragments;
};

}  // namespace

TEST_CASE("classes are the most frequent demands until they hold 95 % of the pods") {
  std::vector<ClusterPod> pods;
  for (int i = 0; i < 60; ++i) pods.push_back(pod(4000, 1, 500));
  for (int i = 0; i < 20; ++i) pods.push_back(pod(8000, 0));
  for (int i = 0; i < 16; ++i) pods.push_back(pod(8000, 1));
  for (int i = 0; i < 4; ++i) pods.push_back(pod(1000, 8));
  const std::vector<PodClass> classes = pod_classes(pods);
  REQUIRE(classes.size() == 3);
  CHECK(classes[0].gpu_milli == 500);
  CHECK(classes[0].weight == Approx(60.0 / 96));
  CHECK(classes[1].gpus == 0);
  CHECK(classes[2].pods == 16);
  std::vector<ClusterPod> equal = {pod(1000, 1, 300), pod(2000, 1, 200), pod(1000, 1, 700)};
  CHECK(pod_classes(equal)[0].cpu_milli == 2000);
  CHECK(pod_classes(equal)[1].gpu_milli == 700);
}

TEST_CASE("the fragment of a node is what its expected pod cannot use") {
  // Half of the pods: 4 cores and half a GPU; a quarter: 4 cores and no GPU; a quarter: 16 cores and a GPU.
  Bench bench({node("n", 20000, 2)}, {pod(4000, 1, 500), pod(4000, 1, 500), pod(4000, 0), pod(16000, 1)});
  CHECK(bench.fragments.of(bench.cluster.node(0)) == Approx(0.25 * 2000));
  bench.take(0, {4000, 1, 700});
  // 16 cores, devices 300 and 1000: halves cannot use 300, nor can whole GPUs.
  CHECK(bench.fragments.of(bench.cluster.node(0)) == Approx(0.25 * 1300 + 0.5 * 300 + 0.25 * 300));
  bench.take(0, {4000, 0, 0});
  // 12 cores: the large pod cannot run at all.
  CHECK(bench.fragments.of(bench.cluster.node(0)) == Approx(0.25 * 1300 + 0.5 * 300 + 0.25 * 1300));
  const Stranded stranded = bench.fragments.stranded(bench.cluster.node(0));
  CHECK(stranded.all == 300);
  CHECK(stranded.for_cpu == 0);
  bench.take(0, {10000, 0, 0});
  CHECK(bench.fragments.stranded(bench.cluster.node(0)).all == 1300);
  CHECK(bench.fragments.stranded(bench.cluster.node(0)).for_cpu == 1000);
}

TEST_CASE("published scores are those worked out by hand") {
  using enum PackingPolicy;
  Bench bench({node("n", 64000, 4)}, {pod(4000, 1, 500)});
  const Demand half{8000, 1, 500}, two{8000, 2, 1000}, none{8000, 0, 0};
  // dot product: (64/128 * 8/128 + 4/8 * 0.5/8) / 2 = 0.03125
  CHECK(bench.score(dotprod, half) == 96);
  // left after it: 0.5 * 56/128 + 0.5 * 3.5/8 = 0.4375
  CHECK(bench.score(bestfit, half) == 56);
  CHECK(bench.score(worstfit, half) == 43);
  CHECK(bench.score(packing, half) == 29);  // all 4 free: max(33 - 4, 4)
  CHECK(bench.score(packing, none) == 0);
  CHECK(bench.score(clustering, half) == 25 + 12);  // nobody there; floor(25 * 4/8)
  bench.take(0, half);
  CHECK(bench.score(packing, half) == 95);          // 50 % left on the device used
  CHECK(bench.score(packing, two) == 50 - 2);       // two wholly free ones
  CHECK(bench.score(clustering, half) == 75 + 14);  // its own kind alone; floor(25 * 4.5/8)
  CHECK(bench.score(clustering, two) == 14);        // others alone
  bench.take(0, two);
  CHECK(bench.score(clustering, two) == 50 + 20);  // both; floor(25 * 6.5/8)
  CHECK(bench.score(clustering, none) == 0);
}

TEST_CASE("the gradient's score is the sigmoid of what the expected pod gains, of the best device") {
  // All pods: half a GPU. Left: 300 and 1000. Taking 300 makes no fragment and ends one: sigmoid(0.3) = 0.574.
  Bench bench({node("n", 64000, 2)}, {pod(1000, 1, 500)});
  bench.take(0, {1000, 1, 700});
  CHECK(bench.score(PackingPolicy::fgd, {1000, 1, 300}) == 57);
  // Of 200 the device with 300 keeps a fragment of 100: sigmoid(0.2); the other would make none either: sigmoid(0).
  CHECK(bench.score(PackingPolicy::fgd, {1000, 1, 200}) == 54);
  // A whole GPU: 300 stay a fragment.
  CHECK(bench.score(PackingPolicy::fgd, {1000, 1, 1000}) == 50);
}

TEST_CASE("the slots taken decide what may join, as the lattice does, in every state of every card") {
  for (const std::string& name : profile_names()) {
    const auto profile = std::make_shared<const GpuProfile>(load_profile(name));
    if (profile->mig.empty()) continue;
    const MigShares shares(profile);
    for (const Layout& layout : all_states(*profile)) {
      lattice::Slots taken = 0;
      bool plain = true;
      for (const Instance& i : layout.instances) {
        plain = plain && !lattice::row(*profile, i.profile).media_extension;
        taken |= shares.span(i.profile, i.start);
      }
      if (!plain) continue;
      for (int p = 0; p < static_cast<int>(profile->mig.size()); ++p) {
        const MigProfile& row = lattice::row(*profile, p);
        if (row.media_extension || row.double_memory) continue;
        bool legal = false;
        for (const int start : row.starts) {
          Layout with = layout;
          with.instances.push_back({p, start, {}});
          with.instances = lattice::sorted(with.instances);
          try {
            check_layout(*profile, with);
            legal = true;
          } catch (const LayoutError&) {
          }
        }
        CAPTURE(name);
        CAPTURE(format_layout(*profile, layout));
        CAPTURE(row.name);
        CHECK(shares.fits(taken, p) == legal);
      }
    }
  }
}

TEST_CASE("a share is held by the smallest instance with as much compute and memory") {
  const MigShares shares(std::make_shared<const GpuProfile>(load_profile("a100")));
  const auto held = [&](int milli) {
    const int holder = shares.holder(milli);
    return holder < 0 ? std::string("whole") : lattice::row(shares.profile(), holder).name;
  };
  CHECK(held(125) == "1g.10gb");  // an eighth of the memory, a seventh of the compute
  CHECK(held(126) == "2g.20gb");
  CHECK(held(250) == "2g.20gb");
  CHECK(held(428) == "3g.40gb");
  CHECK(held(429) == "4g.40gb");
  CHECK(held(500) == "4g.40gb");
  CHECK(held(501) == "whole");
}

TEST_CASE("instances are placed together whenever they can be") {
  const MigShares shares(std::make_shared<const GpuProfile>(load_profile("a100")));
  const std::vector<int> kinds = {shares.holder(125), shares.holder(250), shares.holder(428),
                                  shares.holder(500)};
  // By trying everything.
  const auto possible = [&](auto&& self, std::vector<lattice::Slots> taken, std::vector<int> wanted) -> bool {
    if (wanted.empty()) return true;
    const int instance = wanted.back();
    wanted.pop_back();
    for (lattice::Slots& slots : taken) {
      for (const int start : lattice::row(shares.profile(), instance).starts) {
        const lattice::Slots span = shares.span(instance, start);
        if ((span & slots) != 0) continue;
        slots |= span;
        if (self(self, taken, wanted)) return true;
        slots &= ~span;
      }
    }
    return false;
  };
  std::mt19937 luck(7);
  int found = 0, none = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<lattice::Slots> taken(2);
    for (lattice::Slots& slots : taken) {
      for (int i = 0; i < 3; ++i) {
        const int kind = kinds[luck() % kinds.size()];
        if (luck() % 2 == 0 && shares.fits(slots, kind))
          slots |= shares.span(kind, shares.lowest_start(slots, kind));
      }
    }
    std::vector<int> wanted(1 + luck() % 5);
    for (int& kind : wanted) kind = kinds[luck() % kinds.size()];
    const auto placed = place_together(shares, taken, wanted);
    ++(placed ? found : none);
    REQUIRE(placed.has_value() == possible(possible, taken, wanted));
    if (!placed) continue;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const PlacedInstance& one = (*placed)[i];
      REQUIRE(one.instance.profile == wanted[i]);
      lattice::Slots& slots = taken[static_cast<std::size_t>(one.device)];
      REQUIRE((slots & shares.span(one.instance.profile, one.instance.start)) == 0);
      slots |= shares.span(one.instance.profile, one.instance.start);
    }
  }
  CHECK(found > 500);
  CHECK(none > 500);
}

TEST_CASE("nothing is lost or made up whatever comes and goes, and kept scores are those made anew") {
  std::vector<ClusterPod> pods;
  for (const int milli : {100, 250, 300, 470, 810}) pods.push_back(pod(3000, 1, milli));
  for (const int gpus : {1, 2, 4}) pods.push_back(pod(9000, gpus));
  pods.push_back(pod(12000, 0));
  for (const ShareMode mode : {ShareMode::mps, ShareMode::mig}) {
    for (const PackingPolicyInfo& policy : packing_policies()) {
      CAPTURE(policy.name);
      Bench bench(
          {node("a", 96000, 8, "A"), node("b", 48000, 4, "A"), node("c", 64000, 2), node("d", 32000, 0)},
          pods, mode);
      const Demands demands = number_demands(bench.nodes, pods);
      PackingOptions options;
      options.policy = policy.policy;
      Chooser chooser(demands, bench.cluster, bench.fragments, bench.classes, options);
      const bool keep_most = policy.policy == PackingPolicy::mig_aware;
      std::mt19937 luck(11);
      std::vector<Hold> holds;
      for (int action = 0; action < test::thinned(1000); ++action) {
        if (luck() % 5 < 2 && !holds.empty()) {
          std::swap(holds[luck() % holds.size()], holds.back());
          bench.cluster.give_back(holds.back());
          holds.pop_back();
        } else {
          const Job& job = demands.jobs[luck() % demands.jobs.size()];
          const auto choice = chooser.choose(job);
          if (policy.policy != PackingPolicy::random) {
            ClusterState empty(bench.nodes, node_kinds(bench.nodes, mode, a100s()));
            Chooser anew(demands, empty, bench.fragments, bench.classes, options);
            empty = bench.cluster;
            const auto same = anew.choose(job);
            REQUIRE(choice.has_value() == same.has_value());
            if (choice) REQUIRE((choice->node == same->node && choice->device == same->device));
          }
          if (choice) {
            const Demand& demand = demands.demands[static_cast<std::size_t>(job.demand)];
            holds.push_back(bench.cluster.take(*choice, demand, job.memory, keep_most));
          }
        }
        bench.cluster.check();
      }
      CHECK(!holds.empty());
      for (const Hold& hold : holds) bench.cluster.give_back(hold);
      bench.cluster.check();
      CHECK(bench.cluster.held_milli() == 0);
      CHECK(bench.cluster.asked_milli() == 0);
      for (std::size_t n = 0; n < bench.nodes.size(); ++n) {
        const NodeState& left = bench.cluster.nodes()[n];
        CHECK(left.cpu == bench.nodes[n].cpu_milli);
        CHECK(left.memory == bench.nodes[n].memory_mib);
        CHECK(left.gpu_left() == 1000 * left.devices);
        CHECK(*std::max_element(left.taken.begin(), left.taken.end()) == 0);
      }
    }
  }
}

TEST_CASE("models, selectors and taints say which nodes a pod may have") {
  std::vector<ClusterNode> nodes = {node("a", 9000, 1, "T4"), node("b", 9000, 1, "G2"),
                                    node("c", 9000, 1, "G3")};
  nodes[0].labels = {{"zone", "east"}};
  nodes[1].labels = {{"zone", "west"}};
  nodes[2].taints = {"team=ml"};
  const auto allowed = [&](const ClusterPod& one) { return number_demands(nodes, {one}).allowed[0]; };
  using Allowed = std::vector<std::uint8_t>;
  ClusterPod one = pod(1000, 1);
  CHECK(allowed(one) == Allowed{1, 1, 0});
  one.tolerations = {"team"};
  CHECK(allowed(one) == Allowed{1, 1, 1});
  one.tolerations = {"team=web"};
  CHECK(allowed(one) == Allowed{1, 1, 0});
  one.models = {"G2", "G3"};
  CHECK(allowed(one) == Allowed{0, 1, 0});
  one.selector = {{"zone", "east"}};
  CHECK(allowed(one) == Allowed{0, 0, 0});
}

TEST_CASE("so much demand arrives as was asked for, drawn again or left out") {
  const std::vector<ClusterNode> nodes = {node("a", 96000, 8), node("b", 96000, 8)};
  std::vector<ClusterPod> pods;
  for (int i = 0; i < 8; ++i) pods.push_back(pod(4000, 1));
  ArrivalOptions options;
  options.arrive = 1.5;
  const ArrivalRun more = replay_arrivals(nodes, pods, options);
  CHECK(more.pods == 24);
  CHECK(more.placed == 16);
  CHECK(more.no_gpu == 8);
  CHECK(more.allocation.size() == 151);
  CHECK(more.allocation.back() == 1);
  CHECK(more.of_idle.back() == 0);
  CHECK(more.allocation[50] == Approx(0.5));
  options.arrive = 0.25;
  const ArrivalRun less = replay_arrivals(nodes, pods, options);
  CHECK(less.pods == 4);
  CHECK(less.allocation.back() == Approx(0.25));
  options.arrive = 1.5;
  options.packing.interrupted = [] { return true; };
  CHECK_THROWS_AS(static_cast<void>(replay_arrivals(nodes, pods, options)), SimulationError);
}

TEST_CASE("the same seed gives the same bytes, another one another run") {
  std::vector<ClusterPod> pods;
  for (int i = 0; i < 40; ++i) pods.push_back(pod(2000 + 500 * (i % 7), 1, 100 + 90 * (i % 9)));
  const std::vector<ClusterNode> nodes = {node("a", 48000, 4), node("b", 40000, 8), node("c", 30000, 2)};
  for (const PackingPolicyInfo& policy : packing_policies()) {
    ArrivalOptions options;
    options.packing.policy = policy.policy;
    const ArrivalRun first = replay_arrivals(nodes, pods, options);
    const ArrivalRun again = replay_arrivals(nodes, pods, options);
    options.packing.seed = 2;
    const ArrivalRun other = replay_arrivals(nodes, pods, options);
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    CHECK(std::equal(first.fragmentation.begin(), first.fragmentation.end(), again.fragmentation.begin(),
                     same));
    CHECK(!std::equal(first.fragmentation.begin(), first.fragmentation.end(), other.fragmentation.begin(),
                      same));
  }
}

TEST_CASE("what cannot be is refused, with where it is") {
  const std::vector<ClusterNode> nodes = {node("a", 48000, 4)};
  CHECK_THROWS_WITH(check_cluster({}, {pod(1, 1)}), "nodes: found none; expected at least one");
  CHECK_THROWS_WITH(check_cluster(nodes, {pod(1, 1, 1200)}),
                    "pod \"p\": found 1200 milli of a GPU; expected 1 to 1000");
  CHECK_THROWS_WITH(check_cluster({node("a", 1, 17)}, {pod(1, 1)}),
                    "node \"a\": found 17 GPUs; expected 0 to 16");
  CHECK_THROWS_WITH(check_cluster({nodes[0], nodes[0]}, {pod(1, 1)}), "node \"a\": two nodes have this name");
  CHECK_THROWS_WITH(
      static_cast<void>(packing_policy("ffgd")),
      "policy: found \"ffgd\"; expected one of random, dotprod, clustering, packing, bestfit, fgd, "
      "firstfit, worstfit, mig-aware, gpushare");
}

}  // namespace test_clusters
