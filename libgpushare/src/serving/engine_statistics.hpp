#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "gpushare/statistics.hpp"

namespace gpushare {

/// What engines count and measure themselves, summed over servers, by the names of the figures (results/figures.cpp).
struct EngineStatistics {
  std::map<std::string, std::uint64_t> counts;
  std::map<std::string, Histogram> latencies;

  void count(const char* figure, std::uint64_t number) { counts[figure] += number; }
  /// Of all servers, what the smallest has.
  void least(const char* figure, std::uint64_t number) {
    const auto [found, is_new] = counts.try_emplace(figure, number);
    if (!is_new) found->second = std::min(found->second, number);
  }
  void latency(const char* metric, const Histogram& histogram) { latencies[metric].merge(histogram); }
};

}  // namespace gpushare
