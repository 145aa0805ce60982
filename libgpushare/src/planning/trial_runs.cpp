#include "planning/trial_runs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/simulation.hpp"

namespace gpushare::planning {
namespace {

constexpr double kSuccess = 0.99;

// A bound that cannot be looked at because nobody came so far is missed by more than any other.
double excess_of(const Judged& judged) {
  const double excess = judged.excess();
  return std::isnan(excess) ? std::numeric_limits<double>::infinity() : excess;
}

// By figure the value of each run that has one.
using Samples = std::map<std::string, std::vector<double>, std::less<>>;

void take(const Summary& summary, Samples& samples) {
  for_each_figure(summary, [&](const Figure& figure) {
    const auto asked = samples.find(figure.name);
    if (asked != samples.end() && !std::isnan(figure.value)) asked->second.push_back(figure.value);
  });
}

// Each run is held against its own bound.
void judge_served(const std::vector<std::vector<FigureBound>>& by_run, const Samples& samples,
                  std::vector<Judged>& judged) {
  for (std::size_t b = 0; b < by_run.front().size(); ++b) {
    FigureBound bound = by_run.front()[b];
    const std::vector<double>& values = samples.at(bound.name);
    std::vector<double> beyond;
    double sum = 0;
    for (std::size_t run = 0; run < by_run.size(); ++run) {
      sum += by_run[run][b].value;
      if (values.size() == by_run.size()) beyond.push_back(values[run] - by_run[run][b].value);
    }
    bound.value = sum / static_cast<double>(by_run.size());
    Estimate estimate = mean_estimate(beyond);
    estimate.mean += bound.value;
    judged.push_back(judge(bound, estimate));
  }
}

std::vector<Run> runs_of(const Scenario& scenario, std::uint32_t first, std::uint32_t count,
                         const TrialOptions& options) {
  RunOptions run;
  run.seed = options.seed;
  run.replication = first;
  run.record_requests = false;
  run.watched_replicas = options.watched_replicas;
  if (options.cancelled) run.progress = [&options](double) { return !options.cancelled(); };
  return simulate_replications(scenario, count, run, options.threads);
}

}  // namespace

double Trial::excess() const {
  if (!refused.empty()) return std::numeric_limits<double>::infinity();
  double worst = -1;
  for (const Judged& one : judged) worst = std::max(worst, excess_of(one));
  return worst;
}

Trial try_scenario(const Scenario& scenario, std::span<const FigureBound> bounds,
                   const TrialOptions& options) {
  Trial trial;
  Samples samples{{"success_rate", {}}, {"request_throughput", {}}};
  for (const FigureBound& bound : bounds) samples[bound.name];
  for (std::uint32_t count = options.first;; count = std::max(2 * count, options.replications)) {
    if (options.cancelled && options.cancelled()) throw SimulationError("", "cancelled");
    try {
      for (const Run& run : runs_of(scenario, trial.runs, count - trial.runs, options))
        take(run.summary, samples);
    } catch (const MemoryError& error) {
      trial.refused = error.what();
      return trial;
    } catch (const LayoutError& error) {
      trial.refused = error.what();
      return trial;
    }
    trial.runs = count;
    trial.judged.clear();
    for (const FigureBound& bound : bounds)
      trial.judged.push_back(judge(bound, mean_estimate(samples.at(bound.name))));
    if (options.served) judge_served(options.served(count), samples, trial.judged);
    if (count >= options.replications) {
      if (trial.met() != Met::unclear || 2 * count > options.most_replications) return trial;
    } else if (trial.excess() > options.hopeless) {
      // One run has no interval; its verdict stands without.
      for (Judged& one : trial.judged)
        if (excess_of(one) > options.hopeless) one.met = Met::no;
      return trial;
    } else if (count > 1 && trial.met() == Met::no) {
      return trial;
    }
  }
}

void check_bounds(const Objectives& objectives) {
  for (const FigureBound& bound : objectives.figures)
    if (!std::isfinite(bound.value))
      throw ScenarioError("objectives/" + bound.name,
                          text::format("found {}; a bound is a number", bound.value));
}

std::vector<FigureBound> checked_bounds(const Objectives& objectives, const Scenario& scenario) {
  check_bounds(objectives);
  const std::vector<std::string> names = figure_names(scenario);
  std::vector<FigureBound> bounds = objectives.figures;
  for (const FigureBound& bound : bounds) {
    try {
      if (resolve_figure(names, bound.name) == bound.name) continue;
    } catch (const FigureError& error) {
      throw FigureError("objectives/" + bound.name, error.what());
    }
    throw FigureError("objectives/" + bound.name, "it is not a canonical name");
  }
  return bounds;
}

std::vector<FigureBound> bounds_of(const Objectives& objectives, const Scenario& scenario) {
  std::vector<FigureBound> bounds = checked_bounds(objectives, scenario);
  const bool asked = std::any_of(bounds.begin(), bounds.end(), [](const FigureBound& bound) {
    return bound.name == "success_rate" && !bound.at_most;
  });
  if (!asked) bounds.push_back({"success_rate", kSuccess, false});
  return bounds;
}

bool misses_by_less(const Judged& one, const Judged& other) { return excess_of(one) < excess_of(other); }

std::string worst_of(std::span<const Judged> judged, const std::string& refused) {
  if (!refused.empty()) return refused;
  const auto worst = std::max_element(judged.begin(), judged.end(), misses_by_less);
  if (worst == judged.end()) return {};
  if (std::isnan(worst->value)) return worst->bound.name + " has no value: nothing got so far";
  return text::format("{} {:.4g}, at {} {:.4g} is asked for", worst->bound.name, worst->value,
                      worst->bound.at_most ? "most" : "least", worst->bound.value);
}

}  // namespace gpushare::planning
