#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "simulation/kernel.hpp"

namespace test_kernel {

// The kernel with toy parts: no scenario, no fleet.

namespace {

using namespace gpushare;

Time at(std::int64_t ns) { return Time{ns}; }

/// Writes down what it is asked, and does what a test tells it to.
struct Toy {
  Kernel& kernel;
  std::vector<std::string> log{};
  int tells = 0;   // outcomes that an event of part 1 tells
  int marks = -1;  // the member that an event of part 2 marks, twice

  void on_event(Time now, std::uint8_t part, std::uint32_t index) {
    log.push_back("event " + std::to_string(part) + "." + std::to_string(index) + " at " +
                  std::to_string(now.ns));
    if (part == 1)
      for (int i = 0; i < tells; ++i) kernel.outbox().push_back({static_cast<std::uint32_t>(i)});
    if (part == 2) {
      kernel.mark(static_cast<std::size_t>(marks));
      kernel.mark(static_cast<std::size_t>(marks));
    }
  }
  void on_outcome(Time, const Outcome& outcome) {
    log.push_back("outcome " + std::to_string(outcome.request));
    if (outcome.request == 0) kernel.outbox().push_back({9});  // tells more while it is handled
    if (outcome.request == 9) kernel.mark(7);
  }
  void serve(Time, std::uint32_t member) { log.push_back("serve " + std::to_string(member)); }
  void settle(Time) { log.push_back("settle"); }
  void report(Time) { log.push_back("report"); }
};

}  // namespace

TEST_CASE(
    "An event is handled, then what it told and marked until nothing is left, then everything settles once") {
  Kernel kernel;
  Toy toy{kernel};
  toy.tells = 2;
  kernel.set(kernel.add_slot(0, 1, 5), at(10));
  CHECK(kernel.run(toy) == at(10));
  CHECK(toy.log == std::vector<std::string>{"event 1.5 at 10", "outcome 0", "outcome 1", "outcome 9",
                                            "serve 7", "settle"});
  CHECK(kernel.events() == 1);
}

TEST_CASE("A member that is marked twice in an event is served once, and again when a later event marks it") {
  Kernel kernel;
  Toy toy{kernel};
  toy.marks = 3;
  const auto slot = kernel.add_slot(0, 2, 0);
  const auto other = kernel.add_slot(0, 2, 1);
  kernel.set(slot, at(1));
  kernel.set(other, at(2));
  kernel.run(toy);
  CHECK(toy.log == std::vector<std::string>{"event 2.0 at 1", "serve 3", "settle", "event 2.1 at 2",
                                            "serve 3", "settle"});
}

TEST_CASE("Simultaneous events fire by class, ranked ones by rank, others in the order they were set") {
  Kernel kernel;
  Toy toy{kernel};
  const auto late_class = kernel.add_slot(3, 0, 0);
  const auto second = kernel.add_slot(1, 0, 1);
  const auto first = kernel.add_slot(1, 0, 2);
  const auto high_rank = kernel.add_slot(2, 0, 3, 8);
  const auto low_rank = kernel.add_slot(2, 0, 4, 2);
  for (const auto slot : {late_class, first, second, high_rank, low_rank}) kernel.set(slot, at(4));
  CHECK(kernel.next_time() == at(4));
  CHECK(kernel.owner(low_rank).before(kernel.owner(high_rank)));
  CHECK_FALSE(kernel.owner(high_rank).before(kernel.owner(low_rank)));
  kernel.run(toy);
  std::vector<std::string> events;
  for (const auto& line : toy.log)
    if (line != "settle") events.push_back(line);
  CHECK(events == std::vector<std::string>{"event 0.2 at 4", "event 0.1 at 4", "event 0.4 at 4",
                                           "event 0.3 at 4", "event 0.0 at 4"});
  CHECK(kernel.next_time() == kNever);
}

TEST_CASE(
    "A timer that is cancelled does not fire, one that is moved fires once, and a released one serves "
    "again") {
  Kernel kernel;
  Toy toy{kernel};
  const auto cancelled = kernel.add_slot(0, 0, 0);
  const auto moved = kernel.add_slot(0, 0, 1);
  kernel.set(cancelled, at(1));
  kernel.set(moved, at(2));
  kernel.cancel(cancelled);
  kernel.set(moved, at(5));
  CHECK(kernel.time_of(cancelled) == kNever);
  CHECK(kernel.time_of(moved) == at(5));
  kernel.release_slot(cancelled);
  const auto again = kernel.add_slot(0, 4, 6);
  CHECK(again == cancelled);
  kernel.set(again, at(3));
  kernel.run(toy);
  CHECK(toy.log == std::vector<std::string>{"event 4.6 at 3", "settle", "event 0.1 at 5", "settle"});
}

TEST_CASE("A long run reports every 4,096 events") {
  struct Counting {
    Kernel& kernel;
    Kernel::Slot slot;
    int left = 200'000, reports = 0;
    void on_event(Time now, std::uint8_t, std::uint32_t) {
      if (--left > 0) kernel.set(slot, now + Duration{1});
    }
    void on_outcome(Time, const Outcome&) {}
    void serve(Time, std::uint32_t) {}
    void settle(Time) {}
    void report(Time) { ++reports; }
  };
  Kernel kernel;
  Counting parts{kernel, kernel.add_slot(0, 0, 0)};
  kernel.set(parts.slot, at(0));
  kernel.run(parts);
  CHECK(kernel.events() == 200'000);
  CHECK(parts.reports == 48);
}

}  // namespace test_kernel
