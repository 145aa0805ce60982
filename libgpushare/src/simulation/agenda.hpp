#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <vector>

#include "gpushare/time.hpp"

namespace gpushare {

/// What control has to do, and when. At one time in the order of the enumeration, then as it was put down.
class Agenda {
 public:
  enum class What : std::uint8_t {
    node_ready,
    replica_ready,
    grace_over,
    notice,     ///< a node is going to be taken away
    node_lost,  ///< and is
    schedule,
    service,
    pool,
    shape,
    recut
  };
  struct Due {
    Time time;
    What what;
    std::uint64_t order;
    int index;  ///< of a node, a replica, a pool, ...

    bool operator>(const Due& other) const {
      return std::tie(time, what, order) > std::tie(other.time, other.what, other.order);
    }
  };

  /// Returns the order of the entry, which no other has.
  std::uint64_t at(Time time, What what, int index) {
    entries_.push({time, what, orders_, index});
    return orders_++;
  }
  [[nodiscard]] Time next() const { return entries_.empty() ? kNever : entries_.top().time; }
  [[nodiscard]] Due take() {
    const Due due = entries_.top();
    entries_.pop();
    return due;
  }

 private:
  std::uint64_t orders_ = 0;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> entries_;
};

}  // namespace gpushare
