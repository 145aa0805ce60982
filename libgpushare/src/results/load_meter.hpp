#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gpushare/statistics.hpp"
#include "gpushare/summary.hpp"
#include "gpushare/workload.hpp"
#include "results/request.hpp"

namespace gpushare {

/// What each entry of the traffic brings, what is served of it, and whether the rest grows.
class LoadMeter {
 public:
  explicit LoadMeter(const Workload& workload);
  void set_window(Time begin, Time end);
  /// Of every request, whatever became of it, in any order.
  void finish(const Request& request, Time now);
  /// An attempt that repeats one that got no answer.
  void sent_again(const Request& request, Time now);
  [[nodiscard]] std::vector<TrafficSummary> summaries() const;

 private:
  /// Parts of the window, at whose ends requests in the system are counted.
  static constexpr std::size_t kParts = 8;
  static constexpr std::size_t kQuarters = 4;
  struct Entry {
    std::uint64_t arrived = 0, arrived_late = 0;  // in the window, in its second half
    std::uint64_t served = 0, late = 0;           // in the window, after it
    std::array<std::int64_t, kParts + 2> change{};
    double wait_s = 0, stay_s = 0;  // of those that arrived in the second half and were completed
    Histogram left;                 // from the end of the window, of those still there
    std::uint64_t rejected = 0, failed = 0, timed_out = 0;  // of those that arrived in the window
    std::uint64_t retried = 0;                              // attempts in the window
    std::array<double, kQuarters> waits_s{}, answered{};    // likewise, by the quarter in which they arrived
  };

  [[nodiscard]] std::size_t first_mark_from(Time time) const;
  void count(Entry& entry, const Request& request) const;
  [[nodiscard]] bool keeps_up(const Entry& entry, const std::array<double, kParts + 1>& present) const;
  [[nodiscard]] TrafficSummary summary_of(std::size_t index) const;

  const Workload& workload_;
  Time begin_{}, end_ = kNever;
  std::array<Time, kParts + 1> marks_{};  // at whose times requests are counted, ascending
  std::vector<Entry> entries_;
};

}  // namespace gpushare
