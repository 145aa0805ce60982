#include "gpushare/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/text.hpp"
#include "gpushare/errors.hpp"

namespace gpushare {
namespace {

constexpr std::size_t kMserBatch = 5;

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> means_of_batches(std::span<const double> series, std::size_t batch) {
  std::vector<double> means;
  means.reserve(series.size() / batch);
  for (std::size_t first = 0; first + batch <= series.size(); first += batch) {
    means.push_back(mean_of(series.subspan(first, batch)));
  }
  return means;
}

}  // namespace

void Moments::add(double x) {
  min = count == 0 ? x : std::min(min, x);
  max = count == 0 ? x : std::max(max, x);
  ++count;
  const double deviation = x - mean;
  mean += deviation / static_cast<double>(count);
  sum_squared_deviations += deviation * (x - mean);
}

void Moments::merge(const Moments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const double n = static_cast<double>(count);
  const double m = static_cast<double>(other.count);
  const double gap = other.mean - mean;
  mean += gap * m / (n + m);
  sum_squared_deviations += other.sum_squared_deviations + gap * gap * n * m / (n + m);
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  count += other.count;
}

double Moments::variance() const {
  return count < 2 ? 0 : sum_squared_deviations / static_cast<double>(count - 1);
}

double Moments::standard_deviation() const { return std::sqrt(variance()); }

Estimate mean_estimate(std::span<const double> values, double level) {
  Moments moments;
  for (const double v : values) moments.add(v);
  if (values.empty()) moments.mean = std::numeric_limits<double>::quiet_NaN();
  Estimate estimate{moments.mean, std::numeric_limits<double>::infinity(), moments.count};
  if (values.size() >= 2) {
    const double n = static_cast<double>(values.size());
    estimate.half_width = student_quantile(level, n - 1) * std::sqrt(moments.variance() / n);
  }
  return estimate;
}

Estimate batch_means(std::span<const double> series, std::size_t batches, double level) {
  if (batches < 2)
    throw Error("batch_means", text::format("at least 2 batches are needed, found {}", batches));
  const std::size_t batch = series.size() / batches;
  if (batch == 0) {
    Estimate estimate = mean_estimate(series, level);
    estimate.half_width = std::numeric_limits<double>::infinity();
    return estimate;
  }
  return mean_estimate(means_of_batches(series.subspan(series.size() - batch * batches), batch), level);
}

WarmUp mser5(std::span<const double> series) {
  const std::vector<double> means = means_of_batches(series, kMserBatch);
  const std::size_t batches = means.size();
  if (batches < 10) return {};
  // Backwards, so that one pass gives the squared error of the mean of every tail.
  Moments tail;
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t first = batches; first-- > 0;) {
    tail.add(means[first]);
    if (tail.count <= 5) continue;  // a few values can agree by chance
    const double n = static_cast<double>(tail.count);
    const double error = tail.sum_squared_deviations / (n * n);
    if (error <= least) {
      least = error;
      best = first;
    }
  }
  return {best * kMserBatch, best <= batches / 2};
}

double quantile(std::span<double> values, double q) {
  if (!(q >= 0 && q <= 1)) throw Error("quantile", text::format("q must be between 0 and 1, found {}", q));
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  if (below + 1 == values.size()) return values[below];
  return std::lerp(values[below], values[below + 1], at - static_cast<double>(below));
}

}  // namespace gpushare
