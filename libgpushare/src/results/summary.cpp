#include "gpushare/summary.hpp"

namespace gpushare {

std::uint64_t ServiceSummary::count(std::string_view figure) const {
  const auto found = counts.find(figure);
  return found == counts.end() ? 0 : found->second;
}

const LatencySummary* Summary::latency(std::string_view name) const {
  for (const LatencySummary& candidate : latencies)
    if (candidate.name == name) return &candidate;
  return nullptr;
}

}  // namespace gpushare
