#include "simulation/stage_jobs.hpp"

#include <algorithm>

namespace gpushare {

std::uint32_t sentence_tokens(const Request& request, const Stage& stage) {
  return request.sentence_tokens > 0 ? request.sentence_tokens
                                     : static_cast<std::uint32_t>(stage.sentence_tokens);
}

std::uint32_t sentences(const Request& request, const Stage& stage) {
  const std::uint32_t each = sentence_tokens(request, stage);
  return std::max(1u, (request.output_tokens + each - 1) / each);
}

Job make_job(const Workload& workload, Request& request, std::uint32_t slot, std::uint8_t index,
             const Stream& luck) {
  const Pipeline& pipeline = workload.pipelines[pipeline_number(workload, request)];
  const Stage& stage = pipeline.stages[index];
  const Model& model = *workload.services[static_cast<std::size_t>(stage.service)].model;
  Job job;
  job.request = slot;
  job.stage = index;
  job.luck = request.uid * kMaxStages + index;
  job.priority = request.priority;
  job.input_tokens = request.input_tokens;
  job.output_tokens = request.output_tokens;
  job.units = request.units;
  job.prefix = request.prefix;
  if (stage.units) {
    Stream drawn = luck.at(job.luck);
    job.units = stage.units->sample(drawn);
  }
  if (stage.on == Trigger::sentence) {
    const std::uint32_t each = sentence_tokens(request, stage);
    const std::uint32_t spoken = (request.stages[index].parts_submitted - 1) * each;
    job.output_tokens = std::min(each, request.output_tokens - spoken);
  }
  if (stage.role == Role::speaks) {
    job.playout = &request.playout;
    job.audio_s = job.output_tokens *
                  (request.audio_s_per_token > 0 ? request.audio_s_per_token : stage.audio_s_per_token);
  }
  if (stage.role == Role::recognises) job.audio_s = request.speech_s;
  if (const auto* synthetic = std::get_if<SyntheticModel>(&model.cost)) {
    Stream drawn = luck.at(job.luck);
    job.synthetic_s = synthetic->gpu_s.sample(drawn);
  }
  for (const Stage& next : pipeline.stages)
    if (next.after == index && next.on == Trigger::sentence)
      job.notify_every = static_cast<std::uint16_t>(std::min(sentence_tokens(request, next), 65535u));
  return job;
}

}  // namespace gpushare
