#include <algorithm>

#include "core/limited_mean.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/simulation.hpp"
#include "results/request.hpp"

namespace gpushare {
namespace {

constexpr double kBytesOfJob = 200;  // of a request that waits, in its server
constexpr double kColumns = 14, kColumnsOfStage = 5;

double arrivals_of(const ArrivalProcess& process, double duration_s) {
  if (process.kind == ArrivalProcess::Kind::mixture) {
    double sum = 0;
    for (const ArrivalProcess& client : process.clients) sum += arrivals_of(client, duration_s);
    return sum;
  }
  double number = process.mean_rate() * duration_s;
  if (process.kind == ArrivalProcess::Kind::piecewise && process.period_s <= 0) {
    number = 0;
    for (std::size_t i = 0; i < process.rates.size(); ++i) {
      const double end = i + 1 < process.starts_s.size() ? process.starts_s[i + 1] : duration_s;
      number += process.rates[i] * std::max(0.0, std::min(end, duration_s) - process.starts_s[i]);
    }
  }
  return process.count > 0 ? std::min(number, static_cast<double>(process.count)) : number;
}

// Those of a closed loop depend on what is served: each user at least asks once.
double requests_of(const Traffic& traffic, double duration_s) {
  switch (traffic.kind) {
    case Traffic::Kind::open:
      return arrivals_of(traffic.arrivals, duration_s);
    case Traffic::Kind::closed:
      return traffic.users;
    case Traffic::Kind::trace:
      return static_cast<double>(traffic.trace->size());
    case Traffic::Kind::calls:
      break;
  }
  if (!traffic.calls)
    return arrivals_of(traffic.recipe.arrivals, duration_s) * limited_mean(traffic.recipe.turns);
  double turns = 0;
  for (const VoiceCall& call : *traffic.calls) turns += static_cast<double>(call.turns.size());
  return turns;
}

double row_bytes(const Workload& workload) {
  std::size_t stages = 0;
  for (const Pipeline& pipeline : workload.pipelines) stages += pipeline.stages.size();
  return 8 * (kColumns + kColumnsOfStage * static_cast<double>(stages));
}

}  // namespace

RunSize expected_size(const Scenario& scenario, const RunOptions& options) {
  RunSize size;
  const double duration_s = until_served(scenario.workload) ? kLongestRun : scenario.workload.duration_s;
  for (const Traffic& traffic : scenario.workload.traffic) size.requests += requests_of(traffic, duration_s);
  size.bytes = size.requests * (static_cast<double>(sizeof(Request)) + kBytesOfJob);
  if (options.record_requests) size.bytes += size.requests * row_bytes(scenario.workload);
  return size;
}

void check_size(const Scenario& scenario, const RunOptions& options) {
  const RunSize size = expected_size(scenario, options);
  if (options.most_requests <= 0 || size.requests <= options.most_requests) return;
  throw SimulationError(
      scenario.name,
      text::format(
          "about {:.3g} requests would come in {:.4g} s, more than the {:.3g} that a run takes unless it is "
          "told to: they may need up to {:.4g} GB of memory, and hours. Lower the rates, the users or "
          "duration_s (is the unit right?), or raise most_requests (--most-requests; 0: no bound)",
          size.requests, scenario.workload.duration_s, options.most_requests, size.bytes / 1e9));
}

}  // namespace gpushare
