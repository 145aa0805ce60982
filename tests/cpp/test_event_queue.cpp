#include "gpushare/event_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/random.hpp"

namespace test_event_queue {

using namespace gpushare;

namespace {

// The same contract by brute force: a list of what is pending.
class NaiveQueue {
 public:
  void set(EventQueue::Slot slot, std::uint32_t event_class, Time time) {
    cancel(slot);
    if (time != kNever) pending_.push_back({time, event_class, sequence_++, slot});
  }
  void cancel(EventQueue::Slot slot) {
    std::erase_if(pending_, [&](const Item& item) { return std::get<3>(item) == slot; });
  }
  EventQueue::Event pop() {
    const auto first = std::min_element(pending_.begin(), pending_.end());
    const EventQueue::Event event{std::get<0>(*first), std::get<3>(*first)};
    pending_.erase(first);
    return event;
  }
  [[nodiscard]] std::size_t size() const { return pending_.size(); }

 private:
  using Item = std::tuple<Time, std::uint32_t, std::uint64_t, EventQueue::Slot>;
  std::vector<Item> pending_;
  std::uint64_t sequence_ = 0;
};

std::vector<EventQueue::Slot> drain(EventQueue& queue) {
  std::vector<EventQueue::Slot> order;
  while (!queue.empty()) order.push_back(queue.pop().slot);
  return order;
}

// Sets, moves, cancels and pops at random, with few distinct times and classes so that ties are common.
void compare_with_naive(EventQueue queue, std::uint64_t seed, int slots, int operations) {
  NaiveQueue naive;
  Stream random(seed, 0, "operations");
  std::vector<std::uint32_t> classes;
  for (int i = 0; i < slots; ++i) {
    classes.push_back(random.bits32() % 3);
    REQUIRE(queue.add_slot(classes.back()) == static_cast<EventQueue::Slot>(i));
  }
  for (int i = 0; i < operations; ++i) {
    const EventQueue::Slot slot = random.bits32() % static_cast<std::uint32_t>(slots);
    const std::uint32_t action = random.bits32() % 8;
    if (action == 0) {
      queue.cancel(slot);
      naive.cancel(slot);
    } else if (action < 3 && !queue.empty()) {
      const EventQueue::Event top = queue.top();
      const EventQueue::Event popped = queue.pop();
      const EventQueue::Event expected = naive.pop();
      REQUIRE(popped.slot == expected.slot);
      REQUIRE(popped.time == expected.time);
      REQUIRE(top.slot == popped.slot);
      REQUIRE_FALSE(queue.pending(popped.slot));
    } else {
      const Time time = random.bits32() % 32 == 0 ? kNever : Time{random.bits32() % 8};
      queue.set(slot, time);
      naive.set(slot, classes[slot], time);
      REQUIRE(queue.time_of(slot) == time);
    }
    REQUIRE(queue.size() == naive.size());
  }
}

}  // namespace

TEST_CASE("events come out in the order of their times") {
  EventQueue queue;
  const auto late = queue.add_slot(0);
  const auto early = queue.add_slot(0);
  const auto middle = queue.add_slot(0);
  queue.set(late, Time{30});
  queue.set(early, Time{-5});
  queue.set(middle, Time{20});
  CHECK(queue.top().time == Time{-5});
  CHECK(drain(queue) == std::vector{early, middle, late});
  CHECK(queue.empty());
}

TEST_CASE("simultaneous events fire by class, then in the order in which they were set") {
  EventQueue queue;
  const auto second_class = queue.add_slot(2);
  const auto a = queue.add_slot(1);
  const auto b = queue.add_slot(1);
  const auto last_class = queue.add_slot(EventQueue::kMaxClass);
  queue.set(last_class, Time{7});
  queue.set(second_class, Time{7});
  queue.set(b, Time{7});
  queue.set(a, Time{7});
  CHECK(drain(queue) == std::vector{b, a, second_class, last_class});

  SUBCASE("setting a timer again, even to the same time, puts it last of its class") {
    queue.set(b, Time{7});
    queue.set(a, Time{7});
    queue.set(b, Time{7});
    CHECK(drain(queue) == std::vector{a, b});
  }
}

TEST_CASE("ranked slots fire by rank among those of their class, whenever they were set") {
  EventQueue queue(EventQueue::kMaxSequence - 2);  // the renumbering of the others leaves them where they are
  const auto first_class = queue.add_slot(0);
  const auto last = queue.add_slot(1);
  const auto first = queue.add_slot(1);
  const auto later_class = queue.add_slot(2);
  queue.set_rank(last, 5);
  queue.set_rank(first, 3);
  for (const auto slot : {later_class, last, first, first_class}) queue.set(slot, Time{7});
  queue.set(first, Time{8});
  queue.set(last, Time{8});
  queue.set(later_class, Time{8});
  CHECK(drain(queue) == std::vector{first_class, first, last, later_class});
  queue.release_slot(last);
  CHECK(queue.add_slot(1) == last);  // and is ranked no longer
  const auto other = queue.add_slot(1);
  queue.set(other, Time{9});
  queue.set(last, Time{9});
  CHECK(drain(queue) == std::vector{other, last});
}

TEST_CASE("a timer can be moved both ways and cancelled") {
  EventQueue queue;
  const auto a = queue.add_slot(0);
  const auto b = queue.add_slot(0);
  queue.set(a, Time{10});
  queue.set(b, Time{20});
  queue.set(b, Time{5});
  CHECK(queue.top().slot == b);
  queue.set(b, Time{30});
  CHECK(queue.top().slot == a);
  CHECK(queue.time_of(b) == Time{30});
  queue.set(a, kNever);
  CHECK_FALSE(queue.pending(a));
  CHECK(queue.time_of(a) == kNever);
  queue.cancel(a);
  CHECK(queue.size() == 1);
  CHECK(queue.pop().slot == b);
}

TEST_CASE("a released slot is used again, with its new class") {
  EventQueue queue;
  const auto a = queue.add_slot(9);
  const auto b = queue.add_slot(5);
  queue.release_slot(a);
  CHECK(queue.add_slot(1) == a);
  queue.set(b, Time{1});
  queue.set(a, Time{1});
  CHECK(drain(queue) == std::vector{a, b});
}

TEST_CASE("a class beyond the last is refused") {
  EventQueue queue;
  CHECK_THROWS_WITH_AS((void)queue.add_slot(16), "event queue: an event class is at most 15, found 16",
                       SimulationError);
}

TEST_CASE("the queue agrees with a brute-force list on random operations") {
  for (const int slots : {1, 2, 5, 6, 40, 300}) {
    CAPTURE(slots);
    compare_with_naive(EventQueue{}, static_cast<std::uint64_t>(slots), slots, 20'000);
  }
}

TEST_CASE("running out of sequence numbers keeps the order of what is pending") {
  // Starting k below the end, the renumbering happens at the (k+1)th set, at every stage of the filling.
  for (std::uint64_t left = 0; left < 40; ++left) {
    CAPTURE(left);
    compare_with_naive(EventQueue(EventQueue::kMaxSequence - left), 1000 + left, 20, 500);
  }
  EventQueue queue(EventQueue::kMaxSequence - 3);
  std::vector<EventQueue::Slot> slots;
  slots.reserve(8);
  for (int i = 0; i < 8; ++i) slots.push_back(queue.add_slot(3));
  for (const auto slot : slots) queue.set(slot, Time{1});
  CHECK(drain(queue) == slots);
}

}  // namespace test_event_queue
