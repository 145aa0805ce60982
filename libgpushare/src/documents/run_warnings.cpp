#include <algorithm>
#include <cmath>
#include <limits>

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

std::string place_of(const Summary& summary, std::size_t i) {
  return summary.traffic.size() > 1 ? text::format("/traffic/{} ({})", i, summary.traffic[i].name)
                                    : "/traffic/0";
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

// Latencies and rates are those of requests that arrive after the warm-up.
void add_nothing_measured(const Scenario& scenario, const Summary& summary, std::vector<Warning>& warnings) {
  const bool any = std::any_of(summary.traffic.begin(), summary.traffic.end(),
                               [](const TrafficSummary& traffic) { return traffic.offered_rate > 0; });
  if (any) return;
  if (summary.arrived == 0)
    warnings.push_back(
        {"/duration_s", text::format("no request came in {:.4g} s", scenario.workload.duration_s)});
  else
    warnings.push_back(
        {"/warmup_s", text::format("nothing is measured: all {} requests came in the warm-up of {:.4g} s",
                                   summary.arrived, scenario.workload.warmup_s)});
}

// ---- Queues that have not reached their balance

// How far from each other runs of a queue's length may be, as a share of its mean, before it is said; and what will do.
constexpr double kWideSpread = 0.45, kNarrowSpread = 0.1;

/// Traffic of one rate all along, whose requests wait for nobody's answer.
bool is_steady(const Traffic& traffic) {
  using Kind = ArrivalProcess::Kind;
  return traffic.kind == Traffic::Kind::open && traffic.max_concurrency == 0 && traffic.arrivals.count == 0 &&
         (traffic.arrivals.kind == Kind::constant || traffic.arrivals.kind == Kind::poisson ||
          traffic.arrivals.kind == Kind::gamma);
}

/// Whether all traffic that reaches the service is steady.
bool is_fed_steadily(const Workload& workload, int service) {
  return std::all_of(workload.traffic.begin(), workload.traffic.end(), [&](const Traffic& traffic) {
    const auto& stages = workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages;
    const bool reaches = std::any_of(stages.begin(), stages.end(),
                                     [&](const Stage& stage) { return stage.service == service; });
    return !reaches || is_steady(traffic);
  });
}

/// A service that works on one request after the other, so that being busy is its load.
bool is_queue(const Service& service) {
  const auto* fifo = std::get_if<FifoOptions>(&service.engine.options);
  return fifo != nullptr && fifo->concurrency == 1 && service.engine.queue_limit < 0;
}

/// Seconds in which a queue forgets where it came from, s / (c (1 - rho)^2) for c servers and steps of s seconds. Over a
/// window of T of them the mean number in an M/M/1 queue varies by 2 / sqrt(T) of itself from run to run, and is too low by 1 / T of
/// itself where the queue was empty at first (Whitt, 1989: Planning queueing simulations).
double forgets_in_s(const ServiceSummary& service, double window_s) {
  const double busy = std::min(service.busy, 1.0);
  const double step_s = busy * window_s / static_cast<double>(service.steps);  // of all servers together
  return busy < 1 ? step_s / ((1 - busy) * (1 - busy)) : std::numeric_limits<double>::infinity();
}

std::string not_in_balance(const ServiceSummary& service, double window_s, double forgets_s) {
  const double spread = std::min(1.0, 2 / std::sqrt(window_s / forgets_s));
  return text::format(
      "the run is too short: {} is busy for {:.3g} % of the time, and a queue so close to its limit forgets "
      "its beginning in "
      "about {:.2g} s. In a window of {:.4g} s its mean wait is within about {:.0f} % of that of a long run, "
      "and too low where "
      "the run begins without a queue; a window of {:.2g} s after a warm-up of {:.2g} s brings that to "
      "{:.0f} %",
      service.name, 100 * service.busy, forgets_s, window_s, 100 * spread,
      4 * forgets_s / (kNarrowSpread * kNarrowSpread), 5 * forgets_s, 100 * kNarrowSpread);
}

void add_queues(const Scenario& scenario, const Summary& summary, std::vector<Warning>& warnings) {
  const bool overloaded = std::any_of(summary.traffic.begin(), summary.traffic.end(),
                                      [](const TrafficSummary& traffic) { return !traffic.keeps_up; });
  if (overloaded || scenario.control) return;
  for (std::size_t i = 0; i < summary.services.size(); ++i) {
    const ServiceSummary& service = summary.services[i];
    if (service.steps == 0 || !is_queue(scenario.workload.services[i]) ||
        !is_fed_steadily(scenario.workload, static_cast<int>(i)))
      continue;
    const double forgets_s = forgets_in_s(service, summary.duration_s);
    if (!std::isfinite(forgets_s) || 4 * forgets_s <= kWideSpread * kWideSpread * summary.duration_s)
      continue;
    warnings.push_back({"/services/" + service.name, not_in_balance(service, summary.duration_s, forgets_s)});
  }
}

// ---- Success of the parts

// Of the requests, where nothing is asked of success_rate, as verdicts do.
constexpr double kUsualSuccess = 0.99;

double asked_success(const Objectives& objectives) {
  for (const FigureBound& bound : objectives.figures)
    if (bound.name == "success_rate" && !bound.at_most) return bound.value;
  return kUsualSuccess;
}

// success_rate is of all requests together: traffic of few requests may get no answers, and it stays high.
void add_hidden_failures(const Scenario& scenario, const Summary& summary, std::vector<Warning>& warnings) {
  const double asked = asked_success(scenario.workload.objectives);
  if (summary.traffic.size() < 2 || summary.success_rate < asked) return;
  for (std::size_t i = 0; i < summary.traffic.size(); ++i) {
    const TrafficSummary& traffic = summary.traffic[i];
    const double arrived = arrived_in(traffic, summary.duration_s);
    const auto lost = static_cast<double>(traffic.rejected + traffic.failed);
    const double success = arrived > 0 ? 1 - lost / arrived : 1;
    if (success >= asked || lost < kSome) continue;
    warnings.push_back(
        {place_of(summary, i),
         text::format(
             "{:.0f} of the {:.0f} requests of {} got no answer: {:.4g} % succeed, less than {:.4g} %, "
             "though success_rate is {:.4g} %: it is of all traffic together",
             lost, arrived, traffic.name, 100 * success, 100 * asked, 100 * summary.success_rate)});
  }
}

}  // namespace

std::vector<Warning> warnings_of(const Scenario& scenario, const Summary& summary) {
  std::vector<Warning> warnings;
  for (std::size_t i = 0; i < summary.traffic.size(); ++i) {
    const TrafficSummary& traffic = summary.traffic[i];
    const double arrived = arrived_in(traffic, summary.duration_s);
    const double gone = static_cast<double>(traffic.timed_out.value_or(0));
    const double backlog = static_cast<double>(traffic.backlog);
    const std::string where = place_of(summary, i);
    if (!traffic.keeps_up)
      warnings.push_back({where, overload(traffic, summary.duration_s)});
    else if (!traffic.settles)
      warnings.push_back({where, unsettled(traffic)});
    else if (traffic.kind != "closed" && backlog > std::max(kSome, kLargePart * arrived))
      warnings.push_back({where, too_short(traffic, summary.duration_s)});
    if (gone > std::max(kSome, kGoneShare * arrived))
      warnings.push_back({where, given_up(traffic, summary.duration_s)});
  }
  add_nothing_measured(scenario, summary, warnings);
  add_queues(scenario, summary, warnings);
  add_hidden_failures(scenario, summary, warnings);
  return warnings;
}

}  // namespace gpushare
