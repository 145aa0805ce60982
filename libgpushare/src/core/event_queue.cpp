#include "gpushare/event_queue.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {

EventQueue::Slot EventQueue::add_slot(std::uint32_t event_class) {
  if (event_class > kMaxClass) {
    throw SimulationError("event queue",
                          text::format("an event class is at most {}, found {}", kMaxClass, event_class));
  }
  if (!free_.empty()) {
    const Slot slot = free_.back();
    free_.pop_back();
    class_[slot] = static_cast<std::uint8_t>(event_class);
    rank_[slot] = kUnranked;
    return slot;
  }
  if (class_.size() == kMaxSlots) {
    throw SimulationError("event queue", text::format("at most {} timers can exist at once", kMaxSlots));
  }
  class_.push_back(static_cast<std::uint8_t>(event_class));
  rank_.push_back(kUnranked);
  position_.push_back(kNowhere);
  return static_cast<Slot>(class_.size() - 1);
}

void EventQueue::set_rank(Slot slot, std::uint64_t rank) {
  assert(!pending(slot) && rank < kMaxSequence);
  rank_[slot] = rank;
}

void EventQueue::release_slot(Slot slot) {
  assert(!pending(slot) && class_[slot] != kReleased);
  class_[slot] = kReleased;
  free_.push_back(slot);
}

void EventQueue::renumber() {
  fill_vacancy();
  // A sorted array is a heap, and keeps the order of every pair of pending events.
  std::sort(heap_.begin(), heap_.end(), before);
  sequence_ = 0;
  for (std::size_t at = 0; at < heap_.size(); ++at) {
    const Slot slot = slot_of(heap_[at]);
    place(at, {heap_[at].time, next_key(slot)});
  }
}

}  // namespace gpushare
