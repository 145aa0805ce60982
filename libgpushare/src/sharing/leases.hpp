#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gpushare/sharing.hpp"
#include "gpushare/time.hpp"

namespace gpushare {

/// Who of the processes of a time-sliced partition has the GPU next, and until when, where each has a share of its time.
///
/// A turn is a lease: it ends after so long while another waits, not with a step. Whoever has run least for its share
/// goes first, and at once when it is behind the one that runs by a lease; a process without work saves up two leases.
/// Under strict plans nobody runs for more than its share of a plan, also when the GPU is free. Times are those of
/// running: hand-overs are nobody's.
class Leases {
 public:
  struct Terms {
    Duration lease;
    std::optional<Duration> plan;  ///< strict: of which shares are limits
  };
  explicit Leases(Terms terms) : terms_(terms) {}

  /// A process begins in the place of this number.
  void join(std::size_t process, double share);
  /// It has work again.
  void wake(std::size_t process);
  void rest(std::size_t process) { parties_[process].has_work = false; }

  /// What the process has run up to now; `elapsed` lies within one plan.
  void charge(std::size_t process, Duration elapsed);
  /// A new plan begins when it is time.
  void reach(Time now);

  /// The process to run after this one, which may be itself; nullopt: nobody may run before next_plan().
  [[nodiscard]] std::optional<std::size_t> next(std::size_t current) const;
  /// When to look again at who runs, for one that runs since `start`; kNever: not before it ends.
  [[nodiscard]] Time end(Time now, Time start, std::size_t current) const;
  /// kNever without plans.
  [[nodiscard]] Time next_plan() const;

 private:
  struct Party {
    double share = 1;
    double ran_s = 0;  ///< over its share, s
    Duration left{};   ///< of this plan
    bool has_work = false;
  };
  [[nodiscard]] Duration budget(const Party& party) const;
  [[nodiscard]] bool may_run(const Party& party) const;
  [[nodiscard]] double lease_of(const Party& party) const { return to_seconds(terms_.lease) / party.share; }

  Terms terms_;
  std::vector<Party> parties_;
  std::int64_t plans_ = 0;  // that have begun before this one
  double floor_s_ = 0;      // the least that one with work has run
};

}  // namespace gpushare
