#pragma once

#include <algorithm>
#include <cstdint>

#include "gpushare/summary.hpp"
#include "gpushare/time.hpp"
#include "gpushare/workload.hpp"

namespace gpushare {

/// Requests of a traffic that were sent and have not ended, and how long others waited to be sent.
class InFlight {
 public:
  explicit InFlight(const Traffic& traffic) : most_(traffic.max_concurrency) {}

  [[nodiscard]] bool is_full() const { return most_ > 0 && number_ >= most_; }
  /// A request that was due then is sent now.
  void sent(Time due, Time now) {
    ++number_;
    if (now <= due) return;
    ++held_back_;
    longest_hold_s_ = std::max(longest_hold_s_, to_seconds(now - due));
  }
  void ended() { --number_; }
  void report(TrafficSummary& summary) const {
    if (most_ == 0) return;
    summary.held_back = held_back_;
    summary.longest_hold_s = longest_hold_s_;
  }

 private:
  int most_;  // 0: any number
  int number_ = 0;
  std::uint64_t held_back_ = 0;
  double longest_hold_s_ = 0;
};

}  // namespace gpushare
