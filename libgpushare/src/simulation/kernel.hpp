#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "gpushare/event_queue.hpp"
#include "serving/job.hpp"

namespace gpushare {

/// The event loop: timers with owners, what engines tell (outbox), and members that wait to be served (marked).
///
/// Every event is handled in three moves: its owner's handler; then the outbox and the marked members in turn until
/// both are empty; then everything that was touched settles once. Parts own their state and their timers, and know the
/// kernel and what they are handed; whoever assembles them answers `on_event`, `on_outcome`, `serve` and `settle`.
class Kernel {
 public:
  using Slot = EventQueue::Slot;
  /// Whose timer it is. `part` and `event_class` are numbered by who assembles the parts.
  struct Owner {
    std::uint8_t part = 0;
    std::uint32_t index = 0;
    std::uint32_t event_class = 0;
    std::uint64_t rank = 0;  ///< of classes whose timers are ranked

    /// Whether its events come before those of the other at the same instant, both classes being ranked.
    [[nodiscard]] bool before(const Owner& other) const {
      return std::pair(event_class, rank) < std::pair(other.event_class, other.rank);
    }
  };

  /// Simultaneous events fire by class, then in the order they were set, or by rank in classes that are ranked.
  [[nodiscard]] Slot add_slot(std::uint32_t event_class, std::uint8_t part, std::size_t index) {
    const Slot slot = queue_.add_slot(event_class);
    if (slot >= owners_.size()) owners_.resize(slot + 1);
    owners_[slot] = {part, static_cast<std::uint32_t>(index), event_class};
    return slot;
  }
  [[nodiscard]] Slot add_slot(std::uint32_t event_class, std::uint8_t part, std::size_t index,
                              std::uint64_t rank) {
    const Slot slot = add_slot(event_class, part, index);
    queue_.set_rank(slot, rank);
    owners_[slot].rank = rank;
    return slot;
  }
  /// The timer must not be set.
  void release_slot(Slot slot) { queue_.release_slot(slot); }

  void set(Slot slot, Time time) { queue_.set(slot, time); }
  void cancel(Slot slot) { queue_.cancel(slot); }
  [[nodiscard]] Time time_of(Slot slot) const { return queue_.time_of(slot); }
  /// Of the earliest event; kNever when there is none.
  [[nodiscard]] Time next_time() const { return queue_.empty() ? kNever : queue_.top().time; }
  [[nodiscard]] const Owner& owner(Slot slot) const { return owners_[slot]; }
  /// Of the event that is being handled.
  [[nodiscard]] const Owner& current() const { return owners_[current_]; }
  /// Who goes through what would be events of a timer says so, and whose event it is afterwards.
  [[nodiscard]] Slot current_slot() const { return current_; }
  void stand_for(Slot slot) { current_ = slot; }

  /// What engines tell lands here, and reaches `on_outcome` before the event is over.
  [[nodiscard]] Outbox& outbox() { return outbox_; }
  /// The member is served once before the event is over, however often it is marked.
  void mark(std::size_t member) {
    if (member >= is_marked_.size()) [[unlikely]]
      is_marked_.resize(member + 1, 0);
    if (is_marked_[member] != 0) return;
    is_marked_[member] = 1;
    marked_.push_back(static_cast<std::uint32_t>(member));
  }
  [[nodiscard]] std::uint64_t events() const { return events_; }

  /// Handles events until there are none. `parts` answers
  ///   on_event(Time, std::uint8_t part, std::uint32_t index), on_outcome(Time, const Outcome&),
  ///   serve(Time, std::uint32_t member), settle(Time), and report(Time) every 4,096 events:
  /// one event may be many iterations of a large batch, and who asks a run to stop should not wait for a second.
  /// The time of the last one.
  template <class Parts>
  Time run(Parts& parts) {
    constexpr std::uint64_t kEventsBetweenReports = 1 << 12;
    Time now{};
    while (!queue_.empty()) {
      const EventQueue::Event event = queue_.pop();
      now = event.time;
      current_ = event.slot;
      const Owner& owner = owners_[event.slot];
      parts.on_event(now, owner.part, owner.index);
      drain(now, parts);
      parts.settle(now);
      if (++events_ % kEventsBetweenReports == 0) parts.report(now);
    }
    return now;
  }

 private:
  template <class Parts>
  void drain(Time now, Parts& parts) {
    while (!outbox_.empty() || next_marked_ < marked_.size()) {
      for (std::size_t i = 0; i < outbox_.size(); ++i) {
        const Outcome outcome = outbox_[i];  // a copy: more may be told meanwhile
        parts.on_outcome(now, outcome);
      }
      outbox_.clear();
      if (next_marked_ == marked_.size()) continue;
      const std::uint32_t member = marked_[next_marked_++];
      is_marked_[member] = 0;
      parts.serve(now, member);
    }
    marked_.clear();
    next_marked_ = 0;
  }

  EventQueue queue_;
  std::vector<Owner> owners_;  // by slot
  Slot current_ = 0;
  Outbox outbox_;
  std::vector<std::uint32_t> marked_;
  std::size_t next_marked_ = 0;
  std::vector<std::uint8_t> is_marked_;
  std::uint64_t events_ = 0;
};

}  // namespace gpushare
