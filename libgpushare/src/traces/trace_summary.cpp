#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "gpushare/statistics.hpp"
#include "gpushare/trace.hpp"
#include "traces/trace_formats.hpp"

namespace gpushare {
namespace {

double duration_s(std::span<const double> arrivals) { return arrivals.back() - arrivals.front(); }

/// Index of dispersion of the counts in whole windows; a running sum, so that long gaps cost nothing.
double dispersion(std::span<const double> arrivals, double window_s) {
  const double windows = std::floor(duration_s(arrivals) / window_s);
  if (windows < 2) return 0;
  double counted = 0;
  double squares = 0;
  double window = 0;
  double in_window = 0;
  for (const double arrival : arrivals) {
    const double index = std::floor((arrival - arrivals.front()) / window_s);
    if (index >= windows) break;
    if (index != window) {
      squares += in_window * in_window;
      window = index;
      in_window = 0;
    }
    ++in_window;
    ++counted;
  }
  squares += in_window * in_window;
  const double mean = counted / windows;
  return std::max(squares / windows - mean * mean, 0.0) / mean;
}

void summarise_gaps(std::span<const double> arrivals, TraceSummary& summary) {
  Moments gaps;
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    gaps.add(arrivals[i] - arrivals[i - 1]);
    if (arrivals[i] == arrivals[i - 1]) ++summary.ties;
  }
  if (!(gaps.mean > 0)) return;
  summary.rate_per_s = 1 / gaps.mean;
  summary.gap_cv = gaps.standard_deviation() / gaps.mean;
}

struct Lengths {
  double mean, p50, p90, p99, max;
};

Lengths summarise_lengths(std::span<const std::int32_t> tokens) {
  std::vector<double> values(tokens.begin(), tokens.end());
  Moments moments;
  for (const double value : values) moments.add(value);
  return {moments.mean, quantile(values, 0.5), quantile(values, 0.9), quantile(values, 0.99), moments.max};
}

void summarise_sessions(const Trace& trace, TraceSummary& summary) {
  std::unordered_set<std::int32_t> sessions(trace.session.begin(), trace.session.end());
  summary.sessions = sessions.size() - sessions.count(-1);
}

// With a cache that forgets nothing a block is found once it was seen in any prompt; ids stand for whole prefixes.
void summarise_prefixes(const Trace& trace, TraceSummary& summary) {
  const std::unordered_set<std::int64_t> blocks(trace.hash_ids.begin(), trace.hash_ids.end());
  summary.prefix_blocks = static_cast<double>(trace.hash_ids.size());
  if (trace.hash_ids.empty()) return;
  summary.prefix_hit_rate = 1 - static_cast<double>(blocks.size()) / summary.prefix_blocks;
}

}  // namespace

TraceSummary inspect(const Trace& trace) {
  check_trace(trace);
  TraceSummary summary;
  if (trace.size() == 0) return summary;
  summary.requests = trace.size();
  summary.duration_s = duration_s(trace.arrival_s);
  summarise_gaps(trace.arrival_s, summary);
  summary.dispersion_1s = dispersion(trace.arrival_s, 1);
  summary.dispersion_10s = dispersion(trace.arrival_s, 10);
  summary.dispersion_60s = dispersion(trace.arrival_s, 60);
  summarise_sessions(trace, summary);
  summarise_prefixes(trace, summary);
  const auto& outputs = trace.output_tokens;
  summary.empty_outputs = static_cast<std::size_t>(std::count(outputs.begin(), outputs.end(), 0));
  const Lengths in = summarise_lengths(trace.input_tokens);
  const Lengths out = summarise_lengths(outputs);
  summary.input_mean = in.mean, summary.input_p50 = in.p50, summary.input_p90 = in.p90;
  summary.input_p99 = in.p99, summary.input_max = in.max;
  summary.output_mean = out.mean, summary.output_p50 = out.p50, summary.output_p90 = out.p90;
  summary.output_p99 = out.p99, summary.output_max = out.max;
  return summary;
}

}  // namespace gpushare
