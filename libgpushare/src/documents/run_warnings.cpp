#include <algorithm>

#include "core/text.hpp"
#include "gpushare/warnings.hpp"

namespace gpushare {
namespace {

constexpr double kMinute = 60;
// Of what arrived in the window, answered after it, from which its throughput says little.
constexpr double kLargePart = 0.25;
constexpr double kSome = 5;          // requests
constexpr double kGoneShare = 0.05;  // of what arrived in the window, from which giving up is overload

// Requests that arrived in the window, however often they were sent.
double arrived_in(const TrafficSummary& traffic, double window_s) {
  return traffic.offered_rate * window_s - static_cast<double>(traffic.retried.value_or(0));
}

std::string given_up(const TrafficSummary& traffic, double window_s) {
  return text::format(
      "its clients gave up on {} of {:.0f} requests that arrived in the window of {:.4g} s, and asked again "
      "{} times "
      "in it: no backlog tells of overload where who waits goes away, and every retry is load of its own. It "
      "takes "
      "less load, more capacity or a longer timeout_s",
      *traffic.timed_out, arrived_in(traffic, window_s), window_s, *traffic.retried);
}

std::string overload(const TrafficSummary& traffic, double window_s) {
  std::string text = text::format(
      "cannot keep up: {:.4g} requests a second arrive and {:.4g} are served; {} are in the system when the "
      "window of {:.4g} s ends, {} were in its middle, and the last leaves {:.4g} s after it. Latencies grow "
      "with the length of the run, and what is answered late is no success. It takes less load or ",
      traffic.offered_rate, traffic.served_rate, traffic.backlog, window_s, traffic.backlog_in_middle,
      traffic.cleared_after_s);
  const double factor = traffic.served_rate > 0 ? traffic.offered_rate / traffic.served_rate : 0;
  text += factor > 0 ? text::format("{:.3g} times the capacity", factor) : "more capacity";
  if (traffic.kind == "open" && traffic.offered_rate / kMinute <= traffic.served_rate)
    text +=
        text::format("; if the rate is of a minute, write rate_per_s {:.4g}", traffic.offered_rate / kMinute);
  return text;
}

std::string too_short(const TrafficSummary& traffic, double window_s) {
  return text::format(
      "{} of {:.0f} requests that arrived in the window of {:.4g} s were in the system when it ended, the "
      "last until {:.4g} s after it: requests take long beside it, so throughput and utilisation of the "
      "window are not those of a longer run; raise duration_s, and warmup_s beyond a request's latency",
      traffic.backlog, arrived_in(traffic, window_s), window_s, traffic.cleared_after_s);
}

std::string unsettled(const TrafficSummary& traffic) {
  const auto [least, most] = std::minmax_element(traffic.waits_s.begin(), traffic.waits_s.end());
  return text::format(
      "does not settle: requests wait {:.3g} s for their first steps in one quarter of the window and "
      "{:.3g} s in another ({:.3g} s in the last). Each waits for the answer before it, so no backlog tells, "
      "but the servers are at their limit or beyond it, or warmup_s is shorter than a call: a longer run may "
      "show much longer waits. It takes less load, more capacity, or a longer warm-up",
      *least, *most, traffic.waits_s.back());
}

}  // namespace

std::vector<Warning> warnings_of(const Scenario& scenario, const Summary& summary) {
  std::vector<Warning> warnings;
  for (std::size_t i = 0; i < summary.traffic.size(); ++i) {
    const TrafficSummary& traffic = summary.traffic[i];
    const double arrived = arrived_in(traffic, summary.duration_s);
    const double gone = static_cast<double>(traffic.timed_out.value_or(0));
    const double backlog = static_cast<double>(traffic.backlog);
    const std::string where = scenario.workload.traffic.size() > 1
                                  ? text::format("/traffic/{} ({})", i, traffic.name)
                                  : "/traffic/0";
    if (!traffic.keeps_up)
      warnings.push_back({where, overload(traffic, summary.duration_s)});
    else if (!traffic.settles)
      warnings.push_back({where, unsettled(traffic)});
    else if (traffic.kind != "closed" && backlog > std::max(kSome, kLargePart * arrived))
      warnings.push_back({where, too_short(traffic, summary.duration_s)});
    if (gone > std::max(kSome, kGoneShare * arrived))
      warnings.push_back({where, given_up(traffic, summary.duration_s)});
  }
  return warnings;
}

}  // namespace gpushare
