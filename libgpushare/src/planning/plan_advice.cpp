#include "planning/plan_advice.hpp"

#include <algorithm>
#include <numeric>

#include "core/text.hpp"

namespace gpushare::planning {
namespace {

// Above this share of a GPU at peak a service is better off alone; above this ratio traffic is bursty. The first is the rule
// of the article on bursty LLM inference (time-slicing against MIG on one A100), the second an assumption.
constexpr double kBusyAtPeak = 0.6, kBursty = 2;

double ratio(const std::vector<double>& rates, const std::vector<double>& lengths) {
  const double mean = std::inner_product(rates.begin(), rates.end(), lengths.begin(), 0.0) /
                      std::accumulate(lengths.begin(), lengths.end(), 0.0);
  return mean > 0 ? *std::max_element(rates.begin(), rates.end()) / mean : 1;
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
  return ratio(arrivals.rates, lengths);
}

// "asr 70 %, llm 90 %"
std::string named(const std::vector<ServiceHabits>& services) {
  std::string text;
  for (const ServiceHabits& one : services)
    text += text::format("{}{} {:.0f} %", text.empty() ? "" : ", ", one.service, 100 * one.peak);
  return text;
}

std::string agreement(const SharingHabits& plan, bool wanted) {
  if (!plan.shares) return "the simulation says otherwise: sharing frees nothing within the objectives";
  if (wanted) return "the simulation agrees, by " + plan.how;
  return "the simulation says otherwise: " + plan.how + " costs as little or less within the objectives";
}

}  // namespace

double peak_to_mean(const ArrivalProcess& arrivals) {
  using Kind = ArrivalProcess::Kind;
  switch (arrivals.kind) {
    case Kind::on_off:
      return ratio(arrivals.rates, arrivals.hold_s);
    case Kind::piecewise:
      return ratio_of_pieces(arrivals);
    case Kind::mmpp:
      return ratio(arrivals.rates, std::vector<double>(arrivals.rates.size(), 1));
    case Kind::mixture: {
      double most = 1;
      for (const ArrivalProcess& client : arrivals.clients) most = std::max(most, peak_to_mean(client));
      return most;
    }
    case Kind::constant:
    case Kind::poisson:
    case Kind::gamma:
    case Kind::gamma_poisson:
    case Kind::weibull:
      break;
  }
  return 1;
}

std::vector<ServiceHabits> habits_of(const Workload& workload,
                                     const std::map<std::string, double>& dedicated) {
  std::vector<ServiceHabits> habits;
  for (int s = 0; s < static_cast<int>(workload.services.size()); ++s) {
    const std::string& name = workload.services[index(s)].name;
    double most = 1;
    for (const Traffic& traffic : workload.traffic)
      if (traffic.kind == Traffic::Kind::open &&
          services_of(workload.pipelines[index(traffic.pipeline)]).contains(s))
        most = std::max(most, peak_to_mean(traffic.arrivals));
    const auto found = dedicated.find(name + ".busy");
    const double busy = found == dedicated.end() ? 0 : found->second;
    habits.push_back({name, busy, std::min(1.0, busy * most), most > kBursty});
  }
  return habits;
}

SharingHabits sharing_of(const Packed& packed, const Ways& ways, const Objectives& objectives) {
  SharingHabits plan;
  std::map<std::string, int> counts;
  for (const Config& config : packed.configs()) {
    if (config.part.whole() && config.tenants.size() < 2) continue;
    ++counts[config.part.whole() ? std::string(to_string(ways.at(config).sharing)) : "mig"];
  }
  plan.shares = !counts.empty();
  int most = 0;
  for (const auto& [how, count] : counts) {
    if (count <= most) continue;
    most = count;
    plan.how = how;
  }
  plan.isolated = std::any_of(objectives.isolation.begin(), objectives.isolation.end(),
                              [](const Isolation& rule) { return rule.level == IsolationLevel::hardware; });
  return plan;
}

std::string advise(const std::vector<ServiceHabits>& services, const SharingHabits& plan) {
  std::vector<ServiceHabits> full, bursty;
  for (const ServiceHabits& one : services) {
    if (one.peak > kBusyAtPeak) full.push_back(one);
    if (one.bursty) bursty.push_back(one);
  }
  if (!full.empty() && full.size() == services.size())
    return text::format(
        "rule of thumb: services above {:.0f} % of a GPU at peak ({}) get single pods, a GPU each, and "
        "autoscaling; {}",
        100 * kBusyAtPeak, named(full),
        plan.shares ? "the simulation shares all the same" : "the simulation agrees: nothing is freed");
  std::string text;
  if (plan.isolated || bursty.empty()) {
    text = text::format("rule of thumb: {}, so MIG; {}",
                        plan.isolated ? "isolation is asked for" : "the traffic is steady",
                        agreement(plan, plan.how == "mig"));
  } else {
    std::string names;
    for (const ServiceHabits& one : bursty) names += (names.empty() ? "" : ", ") + one.service;
    text = text::format(
        "rule of thumb: bursty traffic ({}) of services that trust each other, so time-slicing; {}", names,
        agreement(plan, plan.how == "time-slicing" || plan.how == "mps"));
  }
  return full.empty() ? text
                      : text + text::format(
                                   ". By the same rule a service above {:.0f} % of a GPU at peak ({}) "
                                   "would keep it to itself",
                                   100 * kBusyAtPeak, named(full));
}

}  // namespace gpushare::planning
