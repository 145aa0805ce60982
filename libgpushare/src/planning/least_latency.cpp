#include "planning/least_latency.hpp"

#include <algorithm>
#include <array>

#include "core/limited_mean.hpp"
#include "core/overloaded.hpp"
#include "models/llm.hpp"
#include "placement/served_by.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare::planning {
namespace {

// From the arrival at a service.
struct VisitTimes {
  double first_s = 0, sentence_s = 0, end_s = 0;
};

double alone_s(const Demand& demand, const GpuProfile& gpu, const Resources& resources) {
  const double gpu_s = step_time(demand, gpu, resources).gpu_s;
  return demand.host_before_s + std::max(gpu_s, demand.launch_s) + demand.host_after_s;
}

// Every part of the prompt that may be cached is, and guesses are always right.
VisitTimes llm_times(const Service& service, const LlmModel& model, const RequestShape& shape,
                     int sentence_tokens, const GpuProfile& gpu, const Resources& resources) {
  const LlmServing serving = serving_of(model, process_of(service, gpu));
  const auto& engine = std::get<ContinuousOptions>(service.engine.options);
  const PromptWork& prompt = engine.prefix_caching ? shape.new_prompt : shape.prompt;
  const double computed = prompt.tokens * (engine.prefix_caching ? 1 : 1 - engine.prefix_cache_share);
  LlmLoad load;
  load.prefill_tokens = std::max(1.0, computed);
  load.sampled = 1;
  VisitTimes times;
  times.first_s = engine.host_per_step_s + alone_s(serving.rank_step(load, 0), gpu, resources);
  LlmLoad decode;
  decode.decodes = decode.sampled = 1;
  decode.decode_context = shape.prompt.tokens;
  const double step_s = engine.host_per_step_s + alone_s(serving.rank_step(decode, 0), gpu, resources);
  const double each_s = step_s / (1 + engine.speculation.tokens);
  times.sentence_s = times.first_s + std::max(0, sentence_tokens - 1) * each_s;
  times.end_s = times.first_s + (shape.reply_tokens - 1) * each_s;
  return times;
}

VisitTimes tts_times(const AutoregressiveTtsModel& model, double audio_s, const SlotOptions& engine,
                     const GpuProfile& gpu, const Resources& resources) {
  const double encode_s = alone_s(model.prefill(1), gpu, resources);
  const double frame_s = alone_s(model.frame(1), gpu, resources);
  const double frames = std::max(1.0, audio_s * model.frames_per_s);
  VisitTimes times;
  times.first_s = encode_s + std::min(frames, engine.first_chunk_frames) * frame_s;
  times.sentence_s = times.end_s = encode_s + frames * frame_s;
  return times;
}

VisitTimes visit_times(const Service& service, const Stage& stage, const RequestShape& shape,
                       const GpuProfile* gpu, int sentence_tokens) {
  const Engine& engine = service.engine;
  const auto* streams = std::get_if<StreamOptions>(&engine.options);
  if (streams != nullptr) {
    const double spoken_s = shape.speech_s / streams->speech_speed;
    return {0, spoken_s, spoken_s};
  }
  if (gpu == nullptr) return {};
  Resources resources = resources_of(*gpu, partitions(*gpu, {}).front());
  resources.kernel_s = least_kernel_change_s(*gpu);
  const double audio_s = stage.role == Role::speaks
                             ? shape.reply_tokens * shape.audio_s_per_token.value_or(stage.audio_s_per_token)
                             : 0;
  const auto once = [&](const Demand& demand) {
    const double seconds = alone_s(demand, *gpu, resources);
    return VisitTimes{seconds, seconds, seconds};
  };
  return std::visit(
      overloaded{
          [&](const LlmModel& model) {
            return llm_times(service, model, shape, sentence_tokens, *gpu, resources);
          },
          [&](const AutoregressiveTtsModel& model) {
            return tts_times(model, audio_s, std::get<SlotOptions>(engine.options), *gpu, resources);
          },
          [&](const StreamingAsrModel&) { return VisitTimes{}; },
          [&](const BatchModel& model) { return once(model.batch(1, audio_s > 0 ? audio_s : shape.units)); },
          [&](const SyntheticModel& model) { return once(model.step(limited_mean(model.gpu_s))); }},
      service.model->cost);
}

int next_sentence(const Pipeline& pipeline, int stage) {
  for (const Stage& next : pipeline.stages)
    if (next.after == stage && next.on == Trigger::sentence) return next.sentence_tokens;
  return 0;
}

double start_of(const Stage& stage, const std::array<VisitTimes, kMaxStages>& times) {
  if (stage.after < 0) return 0;
  const VisitTimes& before = times[static_cast<std::size_t>(stage.after)];
  switch (stage.on) {
    case Trigger::first_output:
      return before.first_s;
    case Trigger::sentence:
      return before.sentence_s;
    case Trigger::finish:
      break;
  }
  return before.end_s;
}

}  // namespace

double least_latency(const Workload& workload, const Traffic& traffic, const RequestShape& shape,
                     const GpuProfile* gpu) {
  const Pipeline& pipeline = workload.pipelines[static_cast<std::size_t>(traffic.pipeline)];
  std::array<VisitTimes, kMaxStages> times{};
  double end_s = 0;
  for (std::size_t s = 0; s < pipeline.stages.size(); ++s) {  // a stage follows one before it
    const Stage& stage = pipeline.stages[s];
    double start_s = start_of(stage, times);
    if (stage.service < 0) {
      const double delay_s = limited_mean(stage.delay_s);
      times[s] = {delay_s, delay_s, delay_s};
    } else {
      const Service& service = workload.services[static_cast<std::size_t>(stage.service)];
      times[s] = visit_times(service, stage, at_stage(shape, stage), gpu,
                             next_sentence(pipeline, static_cast<int>(s)));
      start_s += service.engine.request_overhead_s;
    }
    times[s].first_s += start_s;
    times[s].sentence_s += start_s;
    times[s].end_s += start_s;
    end_s = std::max(end_s, times[s].end_s);
    const double audio_s = shape.reply_tokens * shape.audio_s_per_token.value_or(stage.audio_s_per_token);
    if (traffic.playback && stage.role == Role::speaks) end_s = std::max(end_s, times[s].first_s + audio_s);
  }
  return end_s;
}

}  // namespace gpushare::planning
