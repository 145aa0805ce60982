#pragma once

#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

#include "gpushare/time.hpp"
#include "gpushare/trace.hpp"

namespace gpushare {

/// Which request of a trace is sent next, and when.
///
/// Those without a parent follow the trace's schedule. Where parents are followed, the others become due when theirs
/// has ended: a delay counts from that end, whatever the speed, and a recorded arrival is kept where it is later. Requests that the
/// schedule has after the end of arrivals are left out; no other one is, however late its parent ends. Two numbers of
/// four bytes are kept for each request, and a pair for each that is due.
class TraceReplay {
 public:
  TraceReplay(const Trace& trace, double speed, bool follow_parents, Time end_of_arrivals);

  /// When the next request is to be sent; kNever when there is none before another one has ended.
  [[nodiscard]] Time next() const;
  /// The row of that request, which is sent now.
  [[nodiscard]] std::size_t take();
  /// The request was answered: those that follow it become due.
  void answered(std::size_t row, Time now);
  /// The request was not answered: the rows that follow it, directly or not, in order. They will not be sent.
  [[nodiscard]] std::vector<std::size_t> give_up(std::size_t row);
  /// Requests neither sent nor given up.
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  [[nodiscard]] Time scheduled(std::size_t row) const;
  [[nodiscard]] bool is_root(std::size_t row) const {
    return first_child_.empty() || trace_->parent[row] < 0;
  }
  void skip_to_root();

  const Trace* trace_;
  double speed_;
  std::size_t end_ = 0;   // rows that the schedule has before the end of arrivals
  std::size_t root_ = 0;  // the next one without a parent
  std::size_t left_ = 0;
  std::vector<std::int32_t> first_child_,
      next_sibling_;  // by row, ascending; -1: none; empty: parents not followed
  using Due = std::pair<Time, std::size_t>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace gpushare
