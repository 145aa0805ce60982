#include "planning/plan_advice.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "gpushare/bounds.hpp"

namespace gpushare::planning {
namespace {

// Above this share of a GPU at peak a service is better off alone; above this ratio traffic is bursty. The first is the rule
// of the article on bursty LLM inference (time-slicing against MIG on one A100), the second an assumption.
constexpr double kBusyAtPeak = 0.6, kBursty = 2;

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

// Of traffic that is not bursty: what its rate does.
std::string evenness(double peak_to_mean) {
  constexpr double kEven = 1.05;
  if (peak_to_mean <= kEven) return "the traffic is steady";
  return text::format(
      "the traffic peaks at {:.1f} times its mean, less than the {:.0f} times of bursty traffic",
      peak_to_mean, kBursty);
}

}  // namespace

std::vector<ServiceHabits> habits_of(const Workload& workload,
                                     const std::map<std::string, double>& dedicated) {
  std::vector<ServiceHabits> habits;
  const std::vector<double> peaks = peaks_to_mean(workload);
  for (std::size_t s = 0; s < workload.services.size(); ++s) {
    const std::string& name = workload.services[s].name;
    const auto found = dedicated.find(name + ".busy");
    const double busy = found == dedicated.end() ? 0 : found->second;
    habits.push_back({name, busy, std::min(1.0, busy * peaks[s]), peaks[s]});
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
  double most = 1;
  for (const ServiceHabits& one : services) {
    if (one.peak > kBusyAtPeak) full.push_back(one);
    if (one.peak_to_mean > kBursty) bursty.push_back(one);
    most = std::max(most, one.peak_to_mean);
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
                        plan.isolated ? "isolation is asked for" : evenness(most),
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
