#include "results/request_latencies.hpp"

#include <algorithm>

#include "models/model_kind.hpp"

namespace gpushare {
namespace {

using Stages = std::vector<Stage>;

bool follows(const Stages& stages, std::size_t stage, std::size_t earlier) {
  int before = stages[stage].after;
  while (before > static_cast<int>(earlier)) before = stages[static_cast<std::size_t>(before)].after;
  return before == static_cast<int>(earlier);
}

/// From the first recogniser to what speaks because of it.
std::optional<RequestLatency> voice_to_voice(const Stages& stages) {
  const auto recogniser = std::find_if(stages.begin(), stages.end(),
                                       [](const Stage& stage) { return stage.role == Role::recognises; });
  if (recogniser == stages.end()) return std::nullopt;
  RequestLatency latency;
  latency.stage = static_cast<std::size_t>(recogniser - stages.begin());
  for (std::size_t s = latency.stage + 1; s < stages.size(); ++s)
    if (stages[s].role == Role::speaks && follows(stages, s, latency.stage)) latency.speakers.push_back(s);
  if (latency.speakers.empty()) return std::nullopt;
  return latency;
}

/// Of a stage whose sentences others take one by one.
std::vector<std::size_t> takers_of(const Stages& stages, std::size_t stage) {
  std::vector<std::size_t> takers;
  for (std::size_t s = stage + 1; s < stages.size(); ++s)
    if (stages[s].after == static_cast<int>(stage) && stages[s].on == Trigger::sentence) takers.push_back(s);
  return takers;
}

std::optional<Duration> since(Time end, Time begin) {
  if (end == kNever) return std::nullopt;
  return end - begin;
}

/// When a recogniser's stage had got the last of what the user said.
Time end_of_speech(const Service& recogniser, const StageState& state, const Request& request) {
  const double speed = std::get<StreamOptions>(recogniser.engine.options).speech_speed;
  return state.queued + duration_from_seconds(request.speech_s / speed);
}

Time first_audio(const std::vector<std::size_t>& speakers, const Request& request) {
  Time first = kNever;
  for (const std::size_t stage : speakers) first = std::min(first, request.stages[stage].first_output);
  return first;
}

/// When the last of what a stage wrote was taken: a reader that hands each sentence on before it reads further.
Time taken(const std::vector<std::size_t>& takers, const StageState& state, const Request& request) {
  Time last = state.finished;
  for (const std::size_t stage : takers)
    if (request.stages[stage].last_queued != kNever) last = std::max(last, request.stages[stage].last_queued);
  return last;
}

/// A pipeline of one stage that is called like it, as no other's is: the name that both have is said once.
bool is_named_once(const std::vector<Pipeline>& pipelines, const Pipeline& pipeline) {
  if (pipeline.stages.size() != 1 || pipeline.stages.front().name != pipeline.name) return false;
  return std::none_of(pipelines.begin(), pipelines.end(), [&](const Pipeline& other) {
    return &other != &pipeline &&
           std::any_of(other.stages.begin(), other.stages.end(),
                       [&](const Stage& stage) { return stage.name == pipeline.name; });
  });
}

}  // namespace

std::vector<RequestLatency> request_latencies(const Workload& workload) {
  std::vector<RequestLatency> all;
  for (std::size_t p = 0; p < workload.pipelines.size(); ++p) {
    const Pipeline& pipeline = workload.pipelines[p];
    const std::string prefix = workload.pipelines.size() > 1 ? pipeline.name + "." : "";
    if (workload.pipelines.size() > 1) {
      RequestLatency& latency = all.emplace_back();
      latency.name = prefix + kEndToEnd;
      latency.pipeline = p;
      latency.whole = true;
    }
    if (auto latency = voice_to_voice(pipeline.stages)) {
      latency->name = prefix + "voice_to_voice";
      latency->pipeline = p;
      all.push_back(std::move(*latency));
    }
    const std::string before_stage = is_named_once(workload.pipelines, pipeline) ? "" : prefix;
    for (std::size_t s = 0; s < pipeline.stages.size(); ++s) {
      const Stage& stage = pipeline.stages[s];
      if (stage.service < 0) continue;
      const auto add = [&](std::string_view metric, StageClock clock) {
        all.push_back({before_stage + stage.name + "." + std::string(metric), p, s, clock});
      };
      add("queue", StageClock::queue);
      const Model& model = *workload.services[static_cast<std::size_t>(stage.service)].model;
      for (const StageMetric& metric : metrics_of(model)) add(metric.name, metric.clock);
      if (std::vector<std::size_t> takers = takers_of(pipeline.stages, s); !takers.empty()) {
        add("stream_open", StageClock::latency);
        all.back().takers = std::move(takers);
      }
      add("latency", StageClock::latency);
    }
  }
  return all;
}

std::optional<Duration> measure(const RequestLatency& latency, const Workload& workload,
                                const Request& request, Time now) {
  if (latency.whole) return now - request.arrival;
  const StageState& state = request.stages[latency.stage];
  if (state.queued == kNever) return std::nullopt;
  const Stage& stage = workload.pipelines[latency.pipeline].stages[latency.stage];
  const Service& service = workload.services[static_cast<std::size_t>(stage.service)];
  if (!latency.speakers.empty()) {
    const Time spoken = first_audio(latency.speakers, request),
               heard = end_of_speech(service, state, request);
    return since(spoken, std::min(heard, spoken));  // who answers before the user has ended does so at once
  }
  if (!latency.takers.empty()) return since(taken(latency.takers, state, request), state.queued);
  switch (latency.clock) {
    case StageClock::queue:
      return since(state.started, state.queued);
    case StageClock::first_output:
      return since(state.first_output, state.queued);
    case StageClock::latency:
      return since(state.finished, state.queued);
    case StageClock::after_speech:
      return since(state.finished, end_of_speech(service, state, request));
    case StageClock::per_token: {
      if (state.finished == kNever || request.output_tokens < 2) return std::nullopt;
      return Duration{(state.finished - state.first_output).ns / (request.output_tokens - 1)};
    }
  }
  return std::nullopt;
}

}  // namespace gpushare
