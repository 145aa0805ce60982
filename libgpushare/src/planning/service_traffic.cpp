#include <algorithm>

#include "core/limited_mean.hpp"
#include "gpushare/bounds.hpp"
#include "gpushare/fits.hpp"
#include "planning/least_latency.hpp"
#include "planning/request_shapes.hpp"

namespace gpushare {
namespace {

using planning::RequestShape;

int spoken_sentence(const Pipeline& pipeline) {
  for (const Stage& stage : pipeline.stages)
    if (stage.on == Trigger::sentence) return stage.sentence_tokens;
  return 0;
}

// What one visit of the stage brings, of `visits` that a request makes.
VisitSizes sizes_of(const RequestShape& shape, const Stage& stage, const Model& model, double visits) {
  VisitSizes sizes;
  switch (stage.role) {
    case Role::generates:
      sizes.prompt = shape.prompt;
      sizes.new_prompt = shape.new_prompt;
      sizes.reply_tokens = std::max(1.0, shape.reply_tokens / visits);
      sizes.reply_by_reply = shape.reply_by_reply / (visits * visits);
      sizes.prompt_variation = shape.prompt_variation;
      sizes.length_variation = shape.reply_variation;
      if (visits > 1) sizes.prompt.by_reply = sizes.new_prompt.by_reply = 0;  // a part has its own steps
      break;
    case Role::speaks:
      sizes.audio_s = shape.reply_tokens * shape.audio_s_per_token.value_or(stage.audio_s_per_token) / visits;
      sizes.length_variation = shape.reply_variation;
      sizes.most_units =
          shape.audio_s_per_token ? kNoBound : shape.most_reply_tokens * stage.audio_s_per_token;
      break;
    case Role::recognises:
      sizes.audio_s = shape.speech_s;
      sizes.least_units = shape.least_speech_s;
      sizes.most_units = shape.most_speech_s;
      break;
    case Role::counts:
      sizes.units = shape.units;
      sizes.least_units = shape.least_units;
      sizes.most_units = shape.most_units;
      break;
    case Role::draws:
      sizes.drawn_s = limited_mean(std::get<SyntheticModel>(model.cost).gpu_s);
      break;
    case Role::waits:
      break;
  }
  return sizes;
}

void add(PromptWork& sum, const PromptWork& work, double weight) {
  sum.tokens += weight * work.tokens;
  sum.pairs += weight * work.pairs;
  sum.by_reply += weight * work.by_reply;
}

void add_to_mean(VisitSizes& sum, const VisitSizes& sizes, double weight) {
  add(sum.prompt, sizes.prompt, weight);
  add(sum.new_prompt, sizes.new_prompt, weight);
  sum.reply_tokens += weight * sizes.reply_tokens;
  sum.reply_by_reply += weight * sizes.reply_by_reply;
  sum.audio_s += weight * sizes.audio_s;
  sum.units += weight * sizes.units;
  sum.drawn_s += weight * sizes.drawn_s;
  sum.prompt_variation += weight * sizes.prompt_variation;
  sum.length_variation += weight * sizes.length_variation;
}

VisitSizes scaled(const VisitSizes& sum, double factor) {
  VisitSizes sizes;
  add_to_mean(sizes, sum, factor);
  sizes.least_units = sum.least_units;
  sizes.most_units = sum.most_units;
  return sizes;
}

struct Visits {
  int service = 0;
  double number = 1;  // of a request
  VisitSizes sizes;
};

std::vector<Visits> visits_of(const Workload& workload, const Pipeline& pipeline, const RequestShape& shape) {
  std::vector<Visits> visits;
  for (const Stage& stage : pipeline.stages) {
    if (stage.service < 0) continue;
    const double number = stage.on == Trigger::sentence ? shape.sentences : 1;
    const Model& model = *workload.services[static_cast<std::size_t>(stage.service)].model;
    visits.push_back(
        {stage.service, number, sizes_of(planning::at_stage(shape, stage), stage, model, number)});
  }
  return visits;
}

}  // namespace

std::vector<ServiceTraffic> service_traffic(const Workload& workload, const GpuProfile* gpu) {
  std::vector<ServiceTraffic> traffic(workload.services.size());
  std::vector<VisitSizes> sums(workload.services.size());
  std::vector<double> weights(workload.services.size());
  for (const Traffic& source : workload.traffic) {
    const Pipeline& pipeline = workload.pipelines[static_cast<std::size_t>(source.pipeline)];
    RequestShape shape = planning::shape_of(source, workload.duration_s, spoken_sentence(pipeline));
    const std::vector<Visits> visits = visits_of(workload, pipeline, shape);
    if (source.kind == Traffic::Kind::closed) {
      const double latency_s = planning::least_latency(workload, source, shape, gpu);
      const double turn_s = limited_mean(source.think_s) + latency_s;
      shape.per_s = turn_s > 0 ? source.users / turn_s : kNoBound;
    }
    // Sizes of services that only endless loops visit are means all the same.
    const double weight = std::clamp(shape.per_s, 1e-9, 1e9);
    for (const Visits& visit : visits) {
      const auto s = static_cast<std::size_t>(visit.service);
      traffic[s].per_s += shape.per_s * visit.number;
      traffic[s].held = traffic[s].held || source.hold_stream;
      weights[s] += weight * visit.number;
      const bool first = weights[s] == weight * visit.number;
      sums[s].least_units =
          first ? visit.sizes.least_units : std::min(sums[s].least_units, visit.sizes.least_units);
      sums[s].most_units = std::max(sums[s].most_units, visit.sizes.most_units);
      add_to_mean(sums[s], visit.sizes, weight * visit.number);
    }
  }
  for (std::size_t s = 0; s < traffic.size(); ++s)
    if (weights[s] > 0) traffic[s].mean = scaled(sums[s], 1 / weights[s]);
  return traffic;
}

}  // namespace gpushare
