#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gpushare/time.hpp"

namespace gpushare {

/// Indexed 4-ary heap of movable timers. Every source of events owns slots; a slot holds at most one pending time.
///
/// Simultaneous events fire in the order (time, class, the order in which they were set), or, in classes whose slots
/// are ranked, (time, class, rank): an order that does not depend on how many events came before.
class EventQueue {
 public:
  using Slot = std::uint32_t;
  static constexpr std::uint32_t kMaxClass = 15;
  static constexpr std::uint32_t kMaxSlots = 1u << 24;
  /// Sequence numbers are below this; on reaching it the pending events are renumbered, keeping their order.
  static constexpr std::uint64_t kMaxSequence = std::uint64_t{1} << 36;

  struct Event {
    Time time;
    Slot slot;
  };

  EventQueue() = default;
  /// Starts counting at `first_sequence` <= kMaxSequence, so that a test can reach the renumbering.
  explicit EventQueue(std::uint64_t first_sequence) : sequence_(first_sequence) {
    assert(first_sequence <= kMaxSequence);
  }

  /// A new slot whose events fall into `event_class` (0..15; lower fires first at equal times).
  /// Throws SimulationError for a class above kMaxClass, or when kMaxSlots are in use.
  [[nodiscard]] Slot add_slot(std::uint32_t event_class);
  /// The slot's events fire by `rank` < kMaxSequence among those of its class, all of whose slots must be ranked.
  void set_rank(Slot slot, std::uint64_t rank);
  /// Returns a slot to the pool; it must not be pending.
  void release_slot(Slot slot);

  /// Sets or moves the slot's time. Setting it to kNever cancels it.
  void set(Slot slot, Time time);
  void cancel(Slot slot);
  [[nodiscard]] bool pending(Slot slot) const;
  [[nodiscard]] Time time_of(Slot slot) const;  ///< kNever when not pending

  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Event top() const;  ///< the queue must not be empty
  Event pop();                      ///< removes and returns the earliest event

 private:
  // Entries are 16 bytes: time, and class (4 bits) | sequence (36 bits) | slot (24 bits).
  struct Entry {
    std::int64_t time;
    std::uint64_t key;
  };
  static constexpr unsigned kSlotBits = 24;
  static constexpr unsigned kClassShift = 60;
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};
  static constexpr std::uint8_t kReleased = 0xff;
  static constexpr std::uint64_t kUnranked = ~std::uint64_t{0};

  static bool before(const Entry& a, const Entry& b);
  static Slot slot_of(const Entry& entry);
  std::uint64_t next_key(Slot slot);
  void place(std::size_t at, const Entry& entry);
  void sift_up(std::size_t at, const Entry& entry);
  void sift_down(std::size_t at, const Entry& entry);
  [[nodiscard]] std::size_t least_child(std::size_t first) const;
  void fill_vacancy();
  void renumber();

  std::vector<Entry> heap_;
  bool vacant_ =
      false;  // The root was popped: the next timer set takes its place in one pass instead of two.
  std::vector<std::uint32_t> position_;  // of each slot in heap_, or kNowhere
  std::vector<std::uint8_t> class_;      // of each slot, or kReleased
  std::vector<std::uint64_t> rank_;      // of each slot, or kUnranked
  std::vector<Slot> free_;
  std::uint64_t sequence_ = 0;
};

// ---- The hot path, here so that it inlines into the event loop. ----

inline bool EventQueue::before(const Entry& a, const Entry& b) {
  if (a.time == b.time) [[unlikely]]
    return a.key < b.key;
  return a.time < b.time;
}

inline EventQueue::Slot EventQueue::slot_of(const Entry& entry) {
  return static_cast<Slot>(entry.key & (kMaxSlots - 1));
}

inline std::uint64_t EventQueue::next_key(Slot slot) {
  const std::uint64_t class_and_slot = std::uint64_t{class_[slot]} << kClassShift | slot;
  if (rank_[slot] != kUnranked) return class_and_slot | rank_[slot] << kSlotBits;
  if (sequence_ == kMaxSequence) [[unlikely]]
    renumber();
  return class_and_slot | sequence_++ << kSlotBits;
}

inline void EventQueue::place(std::size_t at, const Entry& entry) {
  heap_[at] = entry;
  position_[slot_of(entry)] = static_cast<std::uint32_t>(at);
}

inline void EventQueue::sift_up(std::size_t at, const Entry& entry) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / 4;
    if (!before(entry, heap_[parent])) break;
    place(at, heap_[parent]);
    at = parent;
  }
  place(at, entry);
}

// Of the up to four children from `first` on. Without branches, for which of several timers is earliest
// cannot be predicted.
inline std::size_t EventQueue::least_child(std::size_t first) const {
  const std::size_t size = heap_.size();
  if (first + 4 <= size) {
    const std::size_t left = first + before(heap_[first + 1], heap_[first]);
    const std::size_t right = first + 2 + before(heap_[first + 3], heap_[first + 2]);
    const std::size_t mask = std::size_t{0} - before(heap_[right], heap_[left]);
    return left ^ ((left ^ right) & mask);
  }
  std::size_t least = first;
  for (std::size_t child = first + 1; child < size; ++child) {
    if (before(heap_[child], heap_[least])) least = child;
  }
  return least;
}

inline void EventQueue::sift_down(std::size_t at, const Entry& entry) {
  const std::size_t size = heap_.size();
  for (std::size_t first = 4 * at + 1; first < size; first = 4 * at + 1) {
    const std::size_t least = least_child(first);
    if (!before(heap_[least], entry)) break;
    place(at, heap_[least]);
    at = least;
  }
  place(at, entry);
}

inline void EventQueue::fill_vacancy() {
  if (!vacant_) return;
  vacant_ = false;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down(0, last);
}

inline void EventQueue::set(Slot slot, Time time) {
  assert(slot < position_.size() && class_[slot] != kReleased);
  if (time == kNever) return cancel(slot);
  const Entry entry{time.ns, next_key(slot)};
  if (position_[slot] == kNowhere) {
    if (vacant_) {
      vacant_ = false;
      sift_down(0, entry);
    } else {
      heap_.push_back(entry);
      sift_up(heap_.size() - 1, entry);
    }
    return;
  }
  fill_vacancy();
  const std::uint32_t at = position_[slot];
  if (before(entry, heap_[at])) {
    sift_up(at, entry);
  } else {
    sift_down(at, entry);
  }
}

inline void EventQueue::cancel(Slot slot) {
  assert(slot < position_.size());
  if (position_[slot] == kNowhere) return;
  fill_vacancy();
  const std::uint32_t at = position_[slot];
  position_[slot] = kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  if (before(last, heap_[at])) {
    sift_up(at, last);
  } else {
    sift_down(at, last);
  }
}

inline bool EventQueue::pending(Slot slot) const {
  assert(slot < position_.size());
  return position_[slot] != kNowhere;
}

inline Time EventQueue::time_of(Slot slot) const {
  return pending(slot) ? Time{heap_[position_[slot]].time} : kNever;
}

inline bool EventQueue::empty() const { return size() == 0; }

inline std::size_t EventQueue::size() const { return heap_.size() - vacant_; }

inline EventQueue::Event EventQueue::top() const {
  assert(!empty());
  const Entry& first = heap_[vacant_ ? least_child(1) : 0];
  return {Time{first.time}, slot_of(first)};
}

inline EventQueue::Event EventQueue::pop() {
  assert(!empty());
  fill_vacancy();
  const Event event = top();
  position_[event.slot] = kNowhere;
  vacant_ = true;
  return event;
}

}  // namespace gpushare
