#include "results/recorder.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

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

Recorder::Recorder(const Workload& workload, bool record_requests, bool record_steps,
                   std::vector<int> watched_replicas)
    : workload_(&workload),
      record_requests_(record_requests),
      record_steps_(record_steps),
      watched_(std::move(watched_replicas)),
      first_latency_(workload.pipelines.size() + 1),
      latencies_(request_latencies(workload)),
      histograms_(latencies_.size()),
      good_(workload, workload.objectives.figures),
      load_(workload) {
  watched_.resize(workload.services.size());
  watches_ = std::any_of(watched_.begin(), watched_.end(), [](int first) { return first != 0; });
  for (const RequestLatency& latency : latencies_) ++first_latency_.at(latency.pipeline + 1);
  std::partial_sum(first_latency_.begin(), first_latency_.end(), first_latency_.begin());
  clients_ = has_clients(workload);
  make_columns();
}

bool Recorder::is_watched(const Request& request, std::size_t pipeline, std::size_t stage) const {
  const int service = workload_->pipelines[pipeline].stages[stage].service;
  const int first = service < 0 ? 0 : watched_[static_cast<std::size_t>(service)];
  return first == 0 || request.stages[stage].replica < first;
}

bool Recorder::is_watched(const Request& request, std::size_t pipeline) const {
  for (std::size_t s = 0; s < workload_->pipelines[pipeline].stages.size(); ++s)
    if (!is_watched(request, pipeline, s)) return false;
  return true;
}

void Recorder::sent_again(const Request& request, Time now) {
  ++counts_.retried;
  load_.sent_again(request, now);
}

void Recorder::finish(const Request& request, Time now) {
  last_end_ = std::max(last_end_, now);
  if (record_requests_) append_row(request, now);
  if (listener_) (*listener_)(now, request);
  if (request.status != RequestStatus::skipped) load_.finish(request, now);
  if (request.arrival >= begin_) ++counts_.arrived;
  switch (request.status) {
    case RequestStatus::completed:
      ++counts_.completed;
      return complete(request, now);
    case RequestStatus::rejected:
      ++counts_.rejected;
      return;
    case RequestStatus::failed:
      ++counts_.failed;
      counts_.timed_out += request.timed_out ? 1 : 0;
      counts_.failed_by_faults += request.by_fault ? 1 : 0;
      return;
    case RequestStatus::skipped:
      ++counts_.skipped;
      return;
  }
}

void Recorder::complete(const Request& request, Time now) {
  const bool good = good_.counted() && good_.is_good(request, now);
  if (now >= begin_ && now <= end_) {
    ++counts_.completed_in_window;
    counts_.good_in_window += good ? 1 : 0;
    counts_.output_tokens_in_window += request.output_tokens;
  }
  if (!request.measured) return;
  counts_.good += good ? 1 : 0;
  const auto pipeline =
      static_cast<std::size_t>(workload_->traffic[static_cast<std::size_t>(request.traffic)].pipeline);
  const bool watched = !watches_ || is_watched(request, pipeline);
  if (watched) e2e_.add(now - request.arrival);
  counts_.audio_gap_s += request.playout.gap_s;
  counts_.chunks += request.playout.chunks;
  counts_.late_chunks += request.playout.late_chunks;
  for (std::size_t i = first_latency_[pipeline]; i < first_latency_[pipeline + 1]; ++i) {
    const RequestLatency& latency = latencies_[i];
    if (!watched && (latency.whole || !is_watched(request, pipeline, latency.stage))) continue;
    if (const auto value = measure(latency, *workload_, request, now)) histograms_[i].add(*value);
  }
}

std::vector<LatencySummary> Recorder::latencies() const {
  std::vector<LatencySummary> all;
  if (workload_->pipelines.size() == 1) all.push_back(summarise(kEndToEnd, e2e_));  // else they are unrelated
  for (std::size_t i = 0; i < latencies_.size(); ++i)
    if (histograms_[i].count() > 0) all.push_back(summarise(latencies_[i].name, histograms_[i]));
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
  for (const Traffic& traffic : workload_->traffic) {
    if (requests_.columns.size() == 3) column("traffic", Type::category);
    requests_.columns.back().categories.push_back(traffic.name);
  }
  column("status", Type::category).categories = {"completed", "rejected", "failed", "skipped"};
  column("measured", Type::int64);
  for (const char* name : {"arrival_s", "finish_s", "e2e_latency_s"}) column(name, Type::float64);
  for (const char* name : {"input_tokens", "output_tokens"}) column(name, Type::int64);
  for (const char* name : {"speech_s", "units", "audio_gap_s"}) column(name, Type::float64);
  if (clients_)
    for (const char* name : {"attempts", "timed_out"}) column(name, Type::int64);

  for (const Pipeline& pipeline : workload_->pipelines)
    for (const Stage& stage : pipeline.stages)
      if (std::find(stage_names_.begin(), stage_names_.end(), stage.name) == stage_names_.end())
        stage_names_.push_back(stage.name);
  for (const std::string& stage : stage_names_) {
    for (const char* what : {"queued_s", "started_s", "first_output_s", "finished_s"})
      column(stage + "." + what, Type::float64);
    column(stage + ".replica", Type::int64);
  }
  for (const Pipeline& pipeline : workload_->pipelines) {
    auto& stages = stage_of_column_.emplace_back(stage_names_.size(), -1);
    for (std::size_t s = 0; s < pipeline.stages.size(); ++s) {
      const auto found = std::find(stage_names_.begin(), stage_names_.end(), pipeline.stages[s].name);
      stages[static_cast<std::size_t>(found - stage_names_.begin())] = static_cast<std::ptrdiff_t>(s);
    }
  }
  std::vector<std::string> services;
  for (const Service& service : workload_->services) services.push_back(service.name);
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
  number(request.playout.gap_s);
  if (clients_) {
    integer(request.attempts);
    integer(request.timed_out ? 1 : 0);
  }
  const auto pipeline =
      static_cast<std::size_t>(workload_->traffic[static_cast<std::size_t>(request.traffic)].pipeline);
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
