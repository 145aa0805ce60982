#include "results/recorder.hpp"

#include <algorithm>
#include <limits>

#include "models/model_kind.hpp"

namespace gpushare {
namespace {

constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

double seconds_or_nan(Time time) { return time == kNever ? kNoValue : to_seconds(time); }

Column make_column(std::string name, Column::Type type, std::vector<std::string> categories = {}) {
  Column column;
  column.name = std::move(name);
  column.type = type;
  column.categories = std::move(categories);
  return column;
}

}  // namespace

LatencySummary summarise(std::string name, const Histogram& histogram) {
  LatencySummary summary;
  summary.name = std::move(name);
  summary.count = histogram.count();
  if (summary.count == 0) return summary;
  summary.mean = histogram.mean_s();
  summary.p50 = histogram.quantile_s(0.50);
  summary.p90 = histogram.quantile_s(0.90);
  summary.p95 = histogram.quantile_s(0.95);
  summary.p99 = histogram.quantile_s(0.99);
  summary.max = histogram.max_s();
  summary.standard_deviation = histogram.standard_deviation_s();
  return summary;
}

Recorder::Recorder(const Scenario& scenario, bool record_requests, bool record_steps,
                   std::vector<int> watched_replicas)
    : scenario_(&scenario),
      record_requests_(record_requests),
      record_steps_(record_steps),
      watched_(std::move(watched_replicas)) {
  watched_.resize(scenario.workload.services.size());
  for (std::size_t p = 0; p < scenario.workload.pipelines.size(); ++p)
    for (std::size_t s = 0; s < scenario.workload.pipelines[p].stages.size(); ++s)
      add_stage_metrics(scenario, p, s);
  make_columns();
}

void Recorder::add_stage_metrics(const Scenario& scenario, std::size_t pipeline, std::size_t index) {
  const Stage& stage = scenario.workload.pipelines[pipeline].stages[index];
  if (stage.service < 0) return;
  std::string name = stage.name;
  if (scenario.workload.pipelines.size() > 1) name = scenario.workload.pipelines[pipeline].name + "." + name;
  const auto add = [&](std::string_view metric, StageClock clock) {
    latencies_.push_back({name + "." + std::string(metric), pipeline, index, clock, {}});
  };
  add("queue", StageClock::queue);
  const Model& model = *scenario.workload.services[static_cast<std::size_t>(stage.service)].model;
  for (const StageMetric& metric : metrics_of(model)) add(metric.name, metric.clock);
  add("latency", StageClock::latency);
}

bool Recorder::is_watched(const Stage& stage, const StageState& state) const {
  if (stage.service < 0) return true;
  const int first = watched_[static_cast<std::size_t>(stage.service)];
  return first == 0 || state.replica < first;
}

bool Recorder::is_watched(const Request& request, std::size_t pipeline) const {
  const std::vector<Stage>& stages = scenario_->workload.pipelines[pipeline].stages;
  for (std::size_t s = 0; s < stages.size(); ++s)
    if (!is_watched(stages[s], request.stages[s])) return false;
  return true;
}

std::optional<Duration> Recorder::measure(const Latency& latency, const Request& request) const {
  const StageState& state = request.stages[latency.stage];
  if (state.queued == kNever) return std::nullopt;
  const auto since = [](Time end, Time begin) -> std::optional<Duration> {
    if (end == kNever) return std::nullopt;
    return end - begin;
  };
  switch (latency.clock) {
    case StageClock::queue:
      return since(state.started, state.queued);
    case StageClock::first_output:
      return since(state.first_output, state.queued);
    case StageClock::latency:
      return since(state.finished, state.queued);
    case StageClock::after_speech: {
      const Stage& stage = scenario_->workload.pipelines[latency.pipeline].stages[latency.stage];
      const Service& service = scenario_->workload.services[static_cast<std::size_t>(stage.service)];
      const double speed = std::get<StreamOptions>(service.engine.options).speech_speed;
      return since(state.finished, state.queued + duration_from_seconds(request.speech_s / speed));
    }
    case StageClock::per_token: {
      if (state.finished == kNever || request.output_tokens < 2) return std::nullopt;
      return Duration{(state.finished - state.first_output).ns / (request.output_tokens - 1)};
    }
  }
  return std::nullopt;
}

void Recorder::finish(const Request& request, Time now) {
  if (record_requests_) append_row(request, now);
  switch (request.status) {
    case RequestStatus::completed:
      ++counts_.completed;
      break;
    case RequestStatus::rejected:
      ++counts_.rejected;
      break;
    case RequestStatus::failed:
      ++counts_.failed;
      break;
    case RequestStatus::skipped:
      ++counts_.skipped;
      break;
  }
  if (request.status != RequestStatus::completed) return;
  if (now >= begin_ && now <= end_) {
    ++counts_.completed_in_window;
    counts_.output_tokens_in_window += request.output_tokens;
  }
  if (!request.measured) return;
  const auto pipeline = static_cast<std::size_t>(
      scenario_->workload.traffic[static_cast<std::size_t>(request.traffic)].pipeline);
  if (is_watched(request, pipeline)) e2e_.add(now - request.arrival);
  counts_.audio_gap_s += request.audio_gap_s;
  counts_.chunks += request.chunks;
  counts_.late_chunks += request.late_chunks;
  for (Latency& latency : latencies_) {
    if (latency.pipeline != pipeline) continue;
    const Stage& stage = scenario_->workload.pipelines[pipeline].stages[latency.stage];
    if (!is_watched(stage, request.stages[latency.stage])) continue;
    if (const auto value = measure(latency, request)) latency.histogram.add(*value);
  }
}

std::vector<LatencySummary> Recorder::latencies() const {
  std::vector<LatencySummary> all{summarise("e2e_latency", e2e_)};
  for (const Latency& latency : latencies_)
    if (latency.histogram.count() > 0) all.push_back(summarise(latency.name, latency.histogram));
  return all;
}

Column& Recorder::column(const std::string& name, Column::Type type) {
  requests_.columns.push_back(make_column(name, type));
  return requests_.columns.back();
}

void Recorder::make_columns() {
  using Type = Column::Type;
  requests_.name = "requests";
  steps_.name = "steps";
  for (const char* name : {"request", "user", "turn"}) column(name, Type::int64);
  for (const Traffic& traffic : scenario_->workload.traffic) {
    if (requests_.columns.size() == 3) column("traffic", Type::category);
    requests_.columns.back().categories.push_back(traffic.name);
  }
  column("status", Type::category).categories = {"completed", "rejected", "failed", "skipped"};
  column("measured", Type::int64);
  for (const char* name : {"arrival_s", "finish_s", "e2e_latency_s"}) column(name, Type::float64);
  for (const char* name : {"input_tokens", "output_tokens"}) column(name, Type::int64);
  for (const char* name : {"speech_s", "units", "audio_gap_s"}) column(name, Type::float64);

  for (const Pipeline& pipeline : scenario_->workload.pipelines)
    for (const Stage& stage : pipeline.stages)
      if (std::find(stage_names_.begin(), stage_names_.end(), stage.name) == stage_names_.end())
        stage_names_.push_back(stage.name);
  for (const std::string& stage : stage_names_) {
    for (const char* what : {"queued_s", "started_s", "first_output_s", "finished_s"})
      column(stage + "." + what, Type::float64);
    column(stage + ".replica", Type::int64);
  }
  for (const Pipeline& pipeline : scenario_->workload.pipelines) {
    auto& stages = stage_of_column_.emplace_back(stage_names_.size(), -1);
    for (std::size_t s = 0; s < pipeline.stages.size(); ++s) {
      const auto found = std::find(stage_names_.begin(), stage_names_.end(), pipeline.stages[s].name);
      stages[static_cast<std::size_t>(found - stage_names_.begin())] = static_cast<std::ptrdiff_t>(s);
    }
  }
  std::vector<std::string> services;
  for (const Service& service : scenario_->workload.services) services.push_back(service.name);
  steps_.columns.push_back(make_column("service", Type::category, std::move(services)));
  steps_.columns.push_back(make_column("replica", Type::int64));
  for (const char* name : {"planned_s", "gpu_start_s", "gpu_end_s", "done_s", "items"})
    steps_.columns.push_back(make_column(name, Type::float64));
}

void Recorder::append_row(const Request& request, Time now) {
  const bool completed = request.status == RequestStatus::completed;
  std::size_t next = 0;
  const auto integer = [&](std::int64_t value) { requests_.columns[next++].integers.push_back(value); };
  const auto number = [&](double value) { requests_.columns[next++].numbers.push_back(value); };
  const auto code = [&](std::int32_t value) { requests_.columns[next++].codes.push_back(value); };
  integer(static_cast<std::int64_t>(request.uid));
  integer(request.user);
  integer(request.turn);
  code(request.traffic);
  code(static_cast<std::int32_t>(request.status));
  integer(request.measured ? 1 : 0);
  number(to_seconds(request.arrival));
  number(to_seconds(now));
  number(completed ? to_seconds(now - request.arrival) : kNoValue);
  integer(request.input_tokens);
  integer(request.output_tokens);
  number(request.speech_s);
  number(request.units);
  number(request.audio_gap_s);
  const auto pipeline = static_cast<std::size_t>(
      scenario_->workload.traffic[static_cast<std::size_t>(request.traffic)].pipeline);
  static const StageState kAbsent;
  for (const std::ptrdiff_t stage : stage_of_column_[pipeline]) {
    const StageState& state = stage < 0 ? kAbsent : request.stages[static_cast<std::size_t>(stage)];
    number(seconds_or_nan(state.queued));
    number(seconds_or_nan(state.started));
    number(seconds_or_nan(state.first_output));
    number(seconds_or_nan(state.finished));
    integer(state.replica);
  }
}

void Recorder::step(int service, int replica, Time planned, Time gpu_start, Time gpu_end, Time done,
                    double items) {
  if (!record_steps_) return;
  steps_.columns[0].codes.push_back(service);
  steps_.columns[1].integers.push_back(replica);
  const double values[] = {to_seconds(planned), seconds_or_nan(gpu_start), seconds_or_nan(gpu_end),
                           to_seconds(done), items};
  for (std::size_t i = 0; i < std::size(values); ++i) steps_.columns[2 + i].numbers.push_back(values[i]);
}

Table Recorder::take_requests() { return record_requests_ ? std::move(requests_) : Table{}; }
Table Recorder::take_steps() { return record_steps_ ? std::move(steps_) : Table{}; }

}  // namespace gpushare
