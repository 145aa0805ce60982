#include <algorithm>

#include "core/overloaded.hpp"
#include "gpushare/bounds.hpp"
#include "models/llm.hpp"
#include "placement/served_by.hpp"
#include "planning/llm_load.hpp"
#include "planning/work_site.hpp"

namespace gpushare {
namespace planning {
namespace {

PeakWork peak_of(const WorkSite& site, Precision precision, double flop, double bytes) {
  const double rate = site.gpu.flops(precision) * site.resources.sms / site.gpu.sms;
  PeakWork work;
  work.flop = flop;
  work.bytes = bytes;
  work.compute_s = flop > 0 ? flop / rate : 0;
  work.memory_s = bytes / site.resources.bandwidth_bytes_per_s;
  work.gpu_s = std::max(work.compute_s, work.memory_s);
  return work;
}

double weights_read(const LlmModel& model, const WeightFormat& format, double tokens) {
  return format.read_bytes - format.expert_bytes * (1 - model.experts_called(tokens));
}

PeakWork llm_peak(const LlmModel& model, const WorkSite& site) {
  const LlmServing serving = serving_on(model, site);
  const WeightFormat& format = *serving.format;
  const double ranks = serving.parallel.ranks;
  const LlmRequestLoad load = load_of(site);
  const double kept = format.kv_bytes_per_token;
  const auto peak = [&](double flop, double bytes) {
    return peak_of(site, format.compute, flop / ranks, bytes / ranks);
  };
  const double attention = load.prompt.pairs * model.attention_flop_per_pair;
  const double iterations = std::max(load.cache_iterations, load.sequence_iterations);
  PeakWork work =
      peak(load.tokens * model.flop_per_token + (load.reply_steps + 1) * model.head_flop + attention,
           iterations * weights_read(model, format, 1) + load.context * kept);
  work.first_s = peak(load.prompt.tokens * model.flop_per_token + model.head_flop + attention,
                      weights_read(model, format, load.prompt.tokens))
                     .gpu_s;
  work.token_s = peak(model.flop_per_token + model.head_flop,
                      weights_read(model, format, 1) + site.sizes.prompt.tokens * kept)
                     .gpu_s;
  return work;
}

PeakWork stream_peak(const StreamingAsrModel& model, const WorkSite& site) {
  const auto& engine = std::get<StreamOptions>(site.service.engine.options);
  const double chunks = site.sizes.audio_s / engine.chunk_s;
  const double encoded_s = chunks * (engine.chunk_s + model.padding_s);
  return peak_of(site, Precision::fp16, encoded_s * model.flop_per_audio_s, 0);
}

PeakWork speech_peak(const AutoregressiveTtsModel& model, const WorkSite& site) {
  const double frames = site.sizes.audio_s * model.frames_per_s;
  return peak_of(site, Precision::fp16, frames * (model.frame_flop + model.vocoder_flop_per_frame),
                 frames * (model.frame_bytes + model.vocoder_bytes_per_frame));
}

PeakWork batch_peak(const BatchModel& model, const WorkSite& site) {
  const double units = site.sizes.audio_s > 0 ? site.sizes.audio_s : site.sizes.units;
  return peak_of(site, model.precision, units * model.flop_per_unit, units * model.bytes_per_unit);
}

WorkSite site_of(const Service& service, const VisitSizes& sizes, const ProcessSite& site,
                 const MemoryNeed& memory) {
  const int sms = mps_sms(site.gpu, site.partition.sms, site.active_thread_percentage);
  return {service, sizes, site.gpu, resources_of(site.gpu, site.partition, sms), memory, site.link};
}

}  // namespace
}  // namespace planning

PeakWork peak_work(const Service& service, const VisitSizes& sizes, const ProcessSite& site,
                   const MemoryNeed& memory) {
  const planning::WorkSite where = planning::site_of(service, sizes, site, memory);
  return std::visit(
      overloaded{[&](const LlmModel& model) { return planning::llm_peak(model, where); },
                 [&](const StreamingAsrModel& model) { return planning::stream_peak(model, where); },
                 [&](const AutoregressiveTtsModel& model) { return planning::speech_peak(model, where); },
                 [&](const BatchModel& model) { return planning::batch_peak(model, where); },
                 [&](const SyntheticModel& model) {
                   return PeakWork{0, 0, where.time(model.step(sizes.drawn_s)).gpu_s};
                 }},
      service.model->cost);
}

AloneTimes alone_times(const Service& service, const VisitSizes& sizes, const ProcessSite& site) {
  const auto* model = std::get_if<LlmModel>(&service.model->cost);
  if (model == nullptr) return {};
  const MemoryNeed none;
  const planning::WorkSite where = planning::site_of(service, sizes, site, none);
  const LlmServing serving = planning::serving_on(*model, where);
  const planning::LlmRequestLoad load = planning::load_of(where);
  const auto seconds = [&](const LlmLoad& step) {
    const Demand demand = serving.rank_step(step, 0);
    return demand.host_before_s + std::max(where.time(demand).gpu_s, demand.launch_s);
  };
  LlmLoad prompt;
  prompt.prefill_tokens = load.prompt.tokens;
  prompt.prefill_pairs = load.prompt.pairs;
  prompt.sampled = 1;
  LlmLoad token;
  token.decodes = token.sampled = 1;
  token.decode_context = sizes.prompt.tokens + 1;
  return {seconds(prompt), seconds(token)};
}

}  // namespace gpushare
