#include "gpushare/capacity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/simulation.hpp"
#include "planning/trial_runs.hpp"

namespace gpushare {
namespace {

bool is_closed(const Traffic& traffic) { return traffic.kind == Traffic::Kind::closed; }

void check(const CapacityOptions& options) {
  if (!(options.tolerance > 0) || !(options.tolerance < 1))
    throw ScenarioError("tolerance",
                        text::format("found {}; a share above 0 and below 1 is needed", options.tolerance));
  if (options.replications < 2)
    throw ScenarioError("replications",
                        text::format("found {}; at least 2 are needed", options.replications));
  if (!(options.most_factor >= 2) || !std::isfinite(options.most_factor))
    throw ScenarioError("most_factor",
                        text::format("found {}; a number of at least 2 is needed", options.most_factor));
}

VariedLoad varied(const Workload& workload, std::optional<VariedLoad> asked) {
  const auto& traffic = workload.traffic;
  const bool users = std::any_of(traffic.begin(), traffic.end(), is_closed);
  const bool rates = !std::all_of(traffic.begin(), traffic.end(), is_closed);
  const VariedLoad what = asked.value_or(rates ? VariedLoad::rate : VariedLoad::users);
  if (what == VariedLoad::users && !users)
    throw ScenarioError("vary", "no traffic has users; vary the rates");
  if (what == VariedLoad::rate && !rates) throw ScenarioError("vary", "all traffic is of users; vary them");
  return what;
}

bool rate_is_known(const Traffic& traffic) {
  return traffic.kind == Traffic::Kind::open && traffic.arrivals.kind != ArrivalProcess::Kind::piecewise;
}

// Requests a second that come whatever the servers do, counted in a run where the processes do not say.
double offered_per_s(const Scenario& scenario, const CapacityOptions& options) {
  Scenario open = scenario;
  auto& traffic = open.workload.traffic;
  std::erase_if(traffic, is_closed);
  double rate = 0;
  if (std::all_of(traffic.begin(), traffic.end(), rate_is_known)) {
    for (const Traffic& one : traffic) rate += one.arrivals.mean_rate();
  } else {
    RunOptions run;
    run.seed = options.seed;
    run.record_requests = false;
    const Summary summary = simulate(open, run).summary;
    rate = static_cast<double>(summary.arrived) / summary.duration_s;
  }
  if (!(rate > 0)) throw ScenarioError("vary", "no request comes within the horizon");
  return rate;
}

// Whether more load meets a bound rather than missing it: what load raises is to be at least so much.
bool grows(const FigureBound& bound) {
  const auto info = figure_info(bound.name);
  const bool falls = info && info->kind == FigureKind::share && info->better == Better::higher;
  return falls ? bound.at_most : !bound.at_most;
}

class CapacitySearch {
 public:
  CapacitySearch(const Scenario& scenario, const Objectives& objectives, const CapacityOptions& options)
      : scenario_(scenario),
        options_(options),
        what_(varied(scenario.workload, options.vary)),
        bounds_(planning::bounds_of(objectives, scenario)) {
    if (what_ == VariedLoad::rate) {
      now_ = offered_per_s(scenario, options);
    } else {
      for (const Traffic& traffic : scenario.workload.traffic)
        if (is_closed(traffic)) now_ += traffic.users;
    }
  }

  Capacity find() {
    bracket();
    Capacity found;
    found.unit = what_ == VariedLoad::users ? "users" : "requests/s";
    found.now = now_;
    const auto meets = [](const TriedLoad& tried) { return fits(tried) == Met::yes; };
    const auto may_meet = [](const TriedLoad& tried) { return fits(tried) != Met::no; };
    found.load = narrow([](const TriedLoad& tried) { return part_of(tried, false).within(); }).first;
    if (found.load > 0) {
      found.low = narrow(meets).first;
      found.high = narrow(may_meet).second;
      hold_against_wanted(found);
    } else {
      const auto& [load, tried] = *tried_.begin();
      found.high = load;
      found.why = "at the least load " + planning::worst_of(part_of(tried, false).judged, tried.refused);
    }
    for (const auto& [load, tried] : tried_) found.curve.push_back(tried);
    return found;
  }

 private:
  using Within = std::function<bool(const TriedLoad&)>;

  // Of the bounds those that more load meets, or those that it misses.
  static TriedLoad part_of(const TriedLoad& tried, bool growing) {
    TriedLoad part{tried.load, {}, tried.refused};
    for (const Judged& one : tried.judged)
      if (grows(one.bound) == growing) part.judged.push_back(one);
    return part;
  }
  static Met fits(const TriedLoad& tried) { return part_of(tried, false).met(); }

  // What more load brings nearer is nowhere nearer than at the largest load that the other bounds allow.
  void hold_against_wanted(Capacity& found) const {
    const TriedLoad wanted = part_of(tried_.at(found.load), true);
    if (wanted.met() == Met::no) {
      found.why = "at the most that the others allow " + planning::worst_of(wanted.judged, "");
      found.load = found.low = 0;
      found.high = tried_.begin()->first;
    } else if (found.low > 0 && part_of(tried_.at(found.low), true).met() != Met::yes) {
      found.low = 0;
    }
  }

  // Users come in whole numbers.
  [[nodiscard]] double rounded(double load) const {
    return what_ == VariedLoad::users ? std::max(1.0, std::floor(load + 0.5)) : load;
  }

  void try_load(double load) {
    if (tried_.contains(load)) return;
    Scenario loaded = scenario_;
    loaded.workload = scaled(scenario_.workload, what_, load / now_);
    planning::TrialOptions trial;
    trial.seed = options_.seed;
    trial.first = trial.replications = trial.most_replications = options_.replications;
    trial.threads = options_.threads;
    trial.cancelled = options_.cancelled;
    planning::Trial found = planning::try_scenario(loaded, bounds_, trial);
    tried_[load] = {load, std::move(found.judged), std::move(found.refused)};
  }

  // Until one load surely meets the bounds, and a larger one surely does not.
  void bracket() {
    try_load(now_);
    while (fits(tried_.rbegin()->second) != Met::no &&
           tried_.rbegin()->first * 2 <= now_ * options_.most_factor)
      try_load(tried_.rbegin()->first * 2);
    while (fits(tried_.begin()->second) != Met::yes) {
      const double least = tried_.begin()->first;
      const double less = rounded(least / 2);
      if (less >= least || less < now_ / options_.most_factor) return;
      try_load(less);
    }
  }

  // The largest load below all that are not within, and the smallest of these.
  std::pair<double, double> narrow(const Within& within) {
    for (;;) {
      double below = 0, above = std::numeric_limits<double>::infinity();
      for (const auto& [load, tried] : tried_) {
        if (!within(tried)) {
          above = load;
          break;
        }
        below = load;
      }
      if (below == 0 || std::isinf(above)) return {below, above};
      const double middle = rounded(std::sqrt(below * above));
      const bool near =
          what_ == VariedLoad::users ? above - below <= 1 : above / below - 1 <= options_.tolerance;
      if (near) return {below, above};
      // The geometric middle of two neighbours of a whole number may be one of them.
      try_load(middle > below && middle < above ? middle : below + 1);
    }
  }

  const Scenario& scenario_;
  const CapacityOptions& options_;
  VariedLoad what_;
  std::vector<FigureBound> bounds_;
  double now_ = 0;
  std::map<double, TriedLoad> tried_;
};

}  // namespace

Met TriedLoad::met() const { return refused.empty() ? gpushare::met(judged) : Met::no; }

bool TriedLoad::within() const {
  return refused.empty() &&
         std::all_of(judged.begin(), judged.end(), [](const Judged& one) { return one.excess() <= 0; });
}

Capacity find_capacity(const Scenario& scenario, const Objectives& objectives,
                       const CapacityOptions& options) {
  check(options);
  if (objectives.figures.empty())
    throw ScenarioError("objectives", "no figure is bounded; a capacity is the largest load within bounds");
  return CapacitySearch(scenario, objectives, options).find();
}

}  // namespace gpushare
