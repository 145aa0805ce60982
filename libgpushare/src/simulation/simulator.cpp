#include "simulation/simulator.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "results/partition_table.hpp"
#include "simulation/summarise.hpp"

namespace gpushare {
namespace {

using OfRequest = FunctionRef<void(Time, const Request&)>;

const Control* control_of(const Scenario& scenario) {
  return scenario.control ? &*scenario.control : nullptr;
}

double series_window_s(const Scenario& scenario, const RunOptions& options) {
  constexpr double kWindowsOfControl = 288;  // five minutes of a day
  return options.series_s.value_or(scenario.control ? scenario.workload.duration_s / kWindowsOfControl : 0);
}

Fleet make_fleet(const Scenario& scenario, const Luck& luck, const RunOptions& options) {
  Fleet fleet = build_fleet(scenario.workload, scenario.placement, luck, options.spread);
  fleet.one_by_one = !options.merge_steps;
  return fleet;
}

std::unique_ptr<RunLogger> make_logger(Fleet& fleet, const Workload& workload, const RunOptions& options) {
  if (!options.record_log) return nullptr;
  auto logger = std::make_unique<RunLogger>(fleet, workload);
  for (std::uint32_t i = 0; i < fleet.partitions.size(); ++i) logger->partition_joined(i);
  return logger;
}

// What comes within a span of its end may not come at all: sums of times stay at the clock's last instant.
void check_clock(Time end) {
  if (end < Time{} + kForever) return;
  throw SimulationError(
      "",
      text::format(
          "the run lasts more than {:.3g} s (146 years), which is as far as its clock goes: some step, pause "
          "or wait is as long (is a figure of a model or a distribution off by its unit?)",
          to_seconds(kForever)));
}

}  // namespace

Simulator::Simulator(const Scenario& scenario, const RunOptions& options,
                     std::vector<control::TimedAction> actions)
    : scenario_(scenario),
      options_(options),
      luck_{options.seed.value_or(scenario.seed), options.replication},
      end_of_arrivals_(Time{} + duration_from_seconds(scenario.workload.duration_s)),
      fleet_(make_fleet(scenario, luck_, options)),
      builder_(fleet_, scenario.workload, luck_, options.spread),
      recorder_(scenario.workload, options.record_requests, options.record_steps, options.watched_replicas),
      log_(make_logger(fleet_, scenario.workload, options)),
      gpus_(kernel_, fleet_, scenario.workload),
      steps_(kernel_, fleet_, gpus_, recorder_, log_.get()),
      shared_(kernel_, fleet_, gpus_, steps_),
      merged_(kernel_, fleet_, scenario.workload, shared_,
              options.merge_steps && !options.record_steps && !options.record_log &&
                  !acts_at_any_event(control_of(scenario))),
      servers_(kernel_, fleet_, steps_, merged_, shared_, log_.get()),
      router_(fleet_, scenario.workload.services, luck_.stream("routing"),
              Router::CatchUp::to<&MergedIterations::catch_up>(merged_)),
      parked_(kernel_, fleet_),
      streams_(kernel_, fleet_, scenario.workload, router_,
               HeldStreams::Told::to<&Sources::stream_told>(sources_)),
      pipelines_(kernel_, scenario.workload, {fleet_, router_, streams_, merged_, parked_}, recorder_, luck_,
                 {OfRequest::to<&Sources::after>(sources_), OfRequest::to<&Sources::heard>(sources_)}),
      sources_({kernel_,
                scenario.workload,
                luck_,
                end_of_arrivals_,
                {OfRequest::to<&Pipelines::begin>(pipelines_), OfRequest::to<&Pipelines::skip>(pipelines_)}},
               streams_),
      meters_(kernel_, fleet_, scenario),
      series_(kernel_, fleet_, meters_, scenario.workload, series_window_s(scenario, options),
              end_of_arrivals_),
      faults_(kernel_, fleet_, servers_, merged_, luck_, scenario),
      changes_({kernel_, fleet_, builder_, gpus_, servers_, merged_, meters_, log_.get()},
               FunctionRef<void(std::uint32_t)>::to<&Controller::server_left>(controller_)),
      controller_({kernel_, fleet_, changes_, merged_, parked_}, control_of(scenario), scenario.workload,
                  luck_, end_of_arrivals_) {
  if (series_.wanted()) {
    recorder_.tell(OfRequest::to<&Series::finish_at>(series_));
    merged_.add_boundary(series_.slot());
  }
  recorder_.set_window(Time{} + duration_from_seconds(scenario.workload.warmup_s), end_of_arrivals_);
  for (const Kernel::Slot slot : meters_.slots()) merged_.add_boundary(slot);
  for (std::uint32_t gpu = 0; gpu < fleet_.gpus.size(); ++gpu) gpus_.processes_changed({}, gpu);
  sources_.start();
  faults_.start();
  changes_.start(std::move(actions));
  controller_.start();
  merged_.refresh();
}

void Simulator::on_event(Time now, std::uint8_t part, std::uint32_t index) {
  switch (static_cast<Part>(part)) {
    case Part::window:
      return meters_.on_window(now, index);
    case Part::partition:
      if (shared_.runs(index)) return shared_.on_timer(now, index);
      return steps_.on_partition(now, index);
    case Part::link:
      return steps_.on_link(now, index);
    case Part::clock:
      return gpus_.on_clock(now, index);
    case Part::step:
      return steps_.end_host(now, index);
    case Part::delay:
      return pipelines_.on_delay(now, index);
    case Part::client:
      return pipelines_.on_client(now, index);
    case Part::open_source:
    case Part::user:
    case Part::trace_source:
    case Part::call_source:
    case Part::call:
      return sources_.on_event(now, static_cast<Part>(part), index);
    case Part::fault:
      return faults_.on_fault(now, index);
    case Part::restart:
      servers_.on_restart(now, index);
      return controller_.server_back(now, index);
    case Part::wake:
      return servers_.on_wake(index);
    case Part::iterations:
      return merged_.on_end(now, index);
    case Part::change:
      return changes_.on_change(now, index);
    case Part::series:
      return series_.on_window(now, pipelines_.arrived());
    case Part::control:
      return controller_.on_timer(now);
  }
}

void Simulator::settle(Time now) {
  changes_.release_drained(now);
  gpus_.settle(now);
  if (shared_.proposed()) shared_.begin_proposed(now, [this] { return merged_.next_boundary(); });
  controller_.settle(now);
}

void Simulator::report(Time now) {
  const double horizon = std::max(1e-9, scenario_.workload.duration_s);
  if (options_.progress && !options_.progress(std::min(1.0, to_seconds(now) / horizon)))
    throw SimulationError("", "interrupted at " + std::to_string(to_seconds(now)) + " s of simulated time");
}

Time Simulator::last_end() {
  check_clock(kernel_.run(*this));
  return recorder_.last_end();
}

Run Simulator::run() {
  const Time end = kernel_.run(*this);
  check_clock(end);
  const CalibrationSpread& spread = options_.spread;
  const std::uint64_t never_sent = sources_.left();  // such a request of a trace would be a defect
  Run run;
  run.scenario = scenario_.name;
  run.mode = scenario_.mode;
  run.seed = luck_.seed;
  run.replication = luck_.replication;
  run.perturbed = spread.step_time > 0 || spread.pressure > 0 || spread.switching > 0 || spread.host > 0;
  run.summary = summarise({scenario_, fleet_, meters_, recorder_, pipelines_.arrived() + never_sent,
                           pipelines_.in_flight() + never_sent, faults_.happened(), kernel_.events(), end});
  sources_.report(run.summary.traffic);
  run.summary.time_out_of_objectives = series_.time_out_of_objectives();
  run.partitions = partition_table(run.summary);
  run.requests = recorder_.take_requests();
  run.steps = recorder_.take_steps();
  run.changes = controller_.take_changes();
  run.series = series_.take();
  if (log_ != nullptr) run.log = log_->take();
  return run;
}

}  // namespace gpushare
