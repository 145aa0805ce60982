#include <algorithm>
#include <cmath>
#include <numeric>

#include "gpushare/bounds.hpp"
#include "gpushare/fits.hpp"

namespace gpushare {
namespace {

double ratio(const std::vector<double>& rates, double mean) {
  return mean > 0 ? *std::max_element(rates.begin(), rates.end()) / mean : 1;
}

double mean_of(const std::vector<double>& rates, const std::vector<double>& lengths) {
  return std::inner_product(rates.begin(), rates.end(), lengths.begin(), 0.0) /
         std::accumulate(lengths.begin(), lengths.end(), 0.0);
}

// The last piece lasts to the end of the period, or as long as the others do on average.
double ratio_of_pieces(const ArrivalProcess& arrivals) {
  std::vector<double> lengths;
  for (std::size_t i = 1; i < arrivals.starts_s.size(); ++i)
    lengths.push_back(arrivals.starts_s[i] - arrivals.starts_s[i - 1]);
  const double last = arrivals.starts_s.back();
  if (arrivals.period_s > last)
    lengths.push_back(arrivals.period_s - last);
  else
    lengths.push_back(lengths.empty() ? 1
                                      : std::accumulate(lengths.begin(), lengths.end(), 0.0) /
                                            static_cast<double>(lengths.size()));
  return ratio(arrivals.rates, mean_of(arrivals.rates, lengths));
}

/// Of counted arrivals: the busiest window, of a minute at least and of a hundred requests in the mean, which chance alone
/// makes a third busier than the others.
double counted(const std::vector<double>& at_s) {
  constexpr double kMinute = 60, kEnough = 100;
  if (at_s.size() < 2) return 1;
  const double span_s = at_s.back() - at_s.front(), number = static_cast<double>(at_s.size());
  const double windows = std::floor(std::min(span_s / kMinute, number / kEnough));
  if (windows < 2) return 1;
  std::vector<double> counts(static_cast<std::size_t>(windows), 0);
  for (const double at : at_s) {
    const double window = std::min(windows - 1, std::floor((at - at_s.front()) / span_s * windows));
    ++counts[static_cast<std::size_t>(window)];
  }
  return ratio(counts, number / windows);
}

double peak_of(const Traffic& traffic, double duration_s) {
  std::vector<double> at_s;
  switch (traffic.kind) {
    case Traffic::Kind::open:
      return peak_to_mean(traffic.arrivals);
    case Traffic::Kind::closed:
      return 1;
    case Traffic::Kind::trace:
      for (const double arrival_s : traffic.trace->arrival_s)
        if (duration_s == 0 || arrival_s <= duration_s * traffic.speed)
          at_s.push_back(arrival_s / traffic.speed);
      return counted(at_s);
    case Traffic::Kind::calls:
      if (!traffic.calls) return peak_to_mean(traffic.recipe.arrivals);
      for (const VoiceCall& call : *traffic.calls)
        if (duration_s == 0 || call.begin_s <= duration_s) at_s.push_back(call.begin_s);
      std::sort(at_s.begin(), at_s.end());
      return counted(at_s);
  }
  return 1;
}

/// Of rates that are gamma-distributed: what one block in twenty exceeds (Wilson and Hilferty's approximation).
double busiest_blocks(double shape) {
  constexpr double kOneInTwenty = 1.645;
  const double ninth = 1 / (9 * shape);
  return std::max(1.0, std::pow(std::max(0.0, 1 - ninth + kOneInTwenty * std::sqrt(ninth)), 3));
}

}  // namespace

double peak_to_mean(const ArrivalProcess& arrivals) {
  using Kind = ArrivalProcess::Kind;
  switch (arrivals.kind) {
    case Kind::on_off:
    case Kind::mmpp:
      return ratio(arrivals.rates, arrivals.mean_rate());
    case Kind::piecewise:
      return ratio_of_pieces(arrivals);
    case Kind::mixture: {
      double most = 1;
      for (const ArrivalProcess& client : arrivals.clients) most = std::max(most, peak_to_mean(client));
      return most;
    }
    case Kind::gamma_poisson:
      return busiest_blocks(arrivals.shape);
    case Kind::constant:
    case Kind::poisson:
    case Kind::gamma:
    case Kind::weibull:
      break;
  }
  return 1;
}

std::vector<double> peaks_to_mean(const Workload& workload) {
  std::vector<double> peaks(workload.services.size(), 1);
  for (const Traffic& traffic : workload.traffic) {
    const double peak = peak_of(traffic, workload.duration_s);
    for (const Stage& stage : workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages)
      if (stage.service >= 0) {
        double& most = peaks[static_cast<std::size_t>(stage.service)];
        most = std::max(most, peak);
      }
  }
  return peaks;
}

}  // namespace gpushare
