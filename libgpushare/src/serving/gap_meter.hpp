#pragma once

#include <cstdint>

#include "gpushare/statistics.hpp"

namespace gpushare {

/// Times between successive tokens of a sequence. Most sequences of a batch had their last token at the same time:
/// equal gaps that follow each other are added as one, at flush() at the latest.
class GapMeter {
 public:
  void count(Duration gap) {
    if (gap == gap_) {
      ++gaps_;
    } else {
      begin(gap);
    }
  }
  void flush();
  /// Past those that are waiting for flush().
  void add(Duration gap, std::uint64_t times) { histogram_.add(gap, times); }
  [[nodiscard]] const Histogram& histogram() const { return histogram_; }  ///< as of the last flush()
  void reset_statistics() { histogram_ = {}; }

 private:
  void begin(Duration gap);

  Histogram histogram_;
  Duration gap_{};  // `gaps_` of which are not in the histogram yet
  std::uint64_t gaps_ = 0;
};

}  // namespace gpushare
