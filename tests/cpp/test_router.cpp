#include <doctest/doctest.h>

#include <set>

#include "simulation/router.hpp"
#include "toy_fleet.hpp"

namespace test_router {

// The router on a fleet made by hand.

namespace {

using namespace gpushare;

struct Routed {
  explicit Routed(Routing routing, int replicas) {
    workload = test::toy_workload({test::toy_service("s", constant(0.01), replicas)}, 10);
    workload.services[0].routing = routing;
    Placement placement;
    for (int i = 0; i < replicas; ++i)
      placement.gpus.push_back(test::toy_gpu("", SharingMode::exclusive, {{0}}));
    fleet = build_fleet(workload, placement);
  }
  int choose(const Request& request = {}) {
    const auto look = [this](Time, int server) { looked.push_back(server); };
    Router router(fleet, workload.services, luck, look);
    const int chosen = router.choose({}, {}, request, 0);
    return chosen;
  }
  Workload workload;
  Fleet fleet;
  Stream luck{1, 0, "routing"};
  std::vector<int> looked;
};

}  // namespace

TEST_CASE(
    "Round robin goes through the replicas, passes over those that are down, and forgets those that are "
    "gone") {
  Routed routed(Routing::round_robin, 3);
  CHECK(routed.choose() == 0);
  CHECK(routed.choose() == 1);
  CHECK(routed.choose() == 2);
  routed.fleet.move(0, Server::State::down);
  CHECK(routed.choose() == 1);
  CHECK(routed.choose() == 1);
  CHECK(routed.choose() == 2);
  FleetBuilder(routed.fleet, routed.workload, {}, {}).remove_server(1);
  routed.fleet.move(0, Server::State::up);
  std::set<int> chosen;
  for (int i = 0; i < 4; ++i) chosen.insert(routed.choose());
  CHECK(chosen == std::set<int>{0, 2});
}

TEST_CASE("A draining replica takes no more jobs, and a service without one that accepts has none") {
  for (const Routing routing : {Routing::round_robin, Routing::least_outstanding, Routing::random,
                                Routing::user_affinity, Routing::power_of_two, Routing::shared_queue}) {
    Routed routed(routing, 2);
    routed.fleet.move(0, Server::State::draining);
    for (int i = 0; i < 8; ++i) {
      Request request;
      request.user = i;
      CHECK(routed.choose(request) == 1);
    }
    routed.fleet.move(1, Server::State::down);
    CHECK(routed.choose() == -1);
  }
}

TEST_CASE("The one with the fewest outstanding is chosen, the first of equals") {
  Routed routed(Routing::least_outstanding, 3);
  routed.fleet.add_jobs(0, 2);
  CHECK(routed.choose() == 1);
  routed.fleet.add_jobs(1, 3);
  routed.fleet.add_jobs(2, 2);
  CHECK(routed.choose() == 0);
}

TEST_CASE("Of two drawn replicas the one with fewer outstanding is chosen") {
  Routed routed(Routing::power_of_two, 2);
  routed.fleet.add_jobs(0, 1);
  for (int i = 0; i < 20; ++i) CHECK(routed.choose() == 1);  // two replicas: both are always drawn
}

TEST_CASE("A user's requests go to one replica while it is there") {
  Routed routed(Routing::user_affinity, 4);
  std::set<int> all;
  for (int user = 0; user < 40; ++user) {
    Request request;
    request.user = user;
    const int first = routed.choose(request);
    CHECK(routed.choose(request) == first);
    all.insert(first);
  }
  CHECK(all.size() == 4);
}

TEST_CASE("A shared queue's job goes to a replica without a step in hand") {
  Routed routed(Routing::shared_queue, 3);
  routed.fleet.servers[0].steps_in_hand = 1;
  CHECK(routed.choose() == 1);
  routed.fleet.servers[1].steps_in_hand = 1;
  routed.fleet.servers[2].steps_in_hand = 1;
  CHECK(routed.choose() == 0);
}

}  // namespace test_router
