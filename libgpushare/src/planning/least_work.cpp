#include <algorithm>
#include <cmath>

#include "core/overloaded.hpp"
#include "gpushare/bounds.hpp"
#include "gpushare/fits.hpp"
#include "placement/memory.hpp"
#include "placement/served_by.hpp"
#include "planning/work_site.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare {
namespace planning {
namespace {

// Adds `times` steps of this demand, after one another.
void add_steps(LeastWork& work, const WorkSite& site, const Demand& demand, double times,
               bool host_after_beside = false) {
  const StepTime time = site.time(demand);
  const double copy_s = demand.pcie_bytes / site.gpu.pcie_bytes_per_s;
  const double after_s = demand.host_after_s + std::max(0.0, demand.launch_s - time.gpu_s);
  work.flop += times * time.flop;
  work.bytes += times * time.bytes;
  work.gpu_s += times * time.gpu_s;
  work.host_s += times * (demand.host_before_s + after_s);
  work.link_s += times * copy_s;
  work.process_s += times * (demand.host_before_s + copy_s + time.gpu_s + (host_after_beside ? 0 : after_s));
}

// A step's cost grows with its batch from more than nothing, and not ever more slowly: per item the largest is the
// cheapest.
LeastWork of_batches(const WorkSite& site, int most, auto&& demand) {
  LeastWork work;
  add_steps(work, site, demand(most), 1.0 / most);
  return work;
}

// Steps in flight hide each other's latencies, and not what fills the GPU.
void beside_each_other(LeastWork& work, const StepTime& step, int steps) {
  work.steps_at_once = steps;
  work.gpu_s = std::max(
      {std::min(work.gpu_s, step.compute_s + std::max(step.memory_s, step.filled_s)), work.gpu_s / steps});
}

LeastWork batch_work(const BatchModel& model, const WorkSite& site) {
  const double units = site.sizes.audio_s > 0 ? site.sizes.audio_s : site.sizes.units;
  const auto* fifo = std::get_if<FifoOptions>(&site.service.engine.options);
  const int most = fifo != nullptr ? 1 : std::get<BatchOptions>(site.service.engine.options).max_batch;
  LeastWork work = of_batches(site, most, [&](int items) { return model.batch(items, items * units); });
  if (fifo != nullptr) beside_each_other(work, site.time(model.batch(1, units)), fifo->concurrency);
  return work;
}

// A batch takes as long as its longest job, and so at least as long as its mean.
LeastWork synthetic_work(const SyntheticModel& model, const WorkSite& site) {
  const auto* fifo = std::get_if<FifoOptions>(&site.service.engine.options);
  const int most = fifo != nullptr ? 1 : std::get<BatchOptions>(site.service.engine.options).max_batch;
  LeastWork work = of_batches(site, most, [&](int) { return model.step(site.sizes.drawn_s); });
  if (fifo != nullptr) beside_each_other(work, site.time(model.step(site.sizes.drawn_s)), fifo->concurrency);
  return work;
}

LeastWork stream_work(const StreamingAsrModel& model, const WorkSite& site) {
  const auto& engine = std::get<StreamOptions>(site.service.engine.options);
  const double chunks = site.sizes.audio_s / engine.chunk_s;
  const Demand step = model.chunk(engine.max_batch, engine.chunk_s);
  LeastWork work;
  add_steps(work, site, step, chunks / engine.max_batch, engine.overlap_decoding);
  return work;
}

LeastWork speech_work(const AutoregressiveTtsModel& model, const WorkSite& site) {
  const auto& engine = std::get<SlotOptions>(site.service.engine.options);
  const int slots = std::max(1, engine.slots > 0 ? engine.slots : site.memory.slots);
  const double frames = std::max(1.0, site.sizes.audio_s * model.frames_per_s);
  const double growth = 1 + engine.chunk_growth * (slots - 1);
  const double further = frames - engine.first_chunk_frames * growth;
  const double chunks = std::max(1.0, further / std::max(1.0, engine.chunk_frames * growth));
  LeastWork work;
  add_steps(work, site, model.prefill(slots), 1.0 / slots);
  add_steps(work, site, model.frame(slots), frames / slots);
  add_steps(work, site, model.vocode(chunks, frames), 1);
  return work;
}

}  // namespace
}  // namespace planning

LeastWork least_work(const Service& service, const VisitSizes& sizes, const ProcessSite& site,
                     const MemoryNeed& memory) {
  static_cast<void>(process_of(service, site.gpu));  // whether its engine serves its model
  const int sms = mps_sms(site.gpu, site.partition.sms, site.active_thread_percentage);
  Resources resources = resources_of(site.gpu, site.partition, sms);
  resources.kernel_s = least_kernel_change_s(site.gpu);
  const planning::WorkSite where{service, sizes, site.gpu, resources, memory, site.link};
  return std::visit(
      overloaded{[&](const LlmModel& model) { return planning::least_llm_work(model, where); },
                 [&](const StreamingAsrModel& model) { return planning::stream_work(model, where); },
                 [&](const AutoregressiveTtsModel& model) { return planning::speech_work(model, where); },
                 [&](const BatchModel& model) { return planning::batch_work(model, where); },
                 [&](const SyntheticModel& model) { return planning::synthetic_work(model, where); }},
      service.model->cost);
}

LeastWork least_work(const Service& service, const VisitSizes& sizes, const ProcessSite& site) {
  return least_work(service, sizes, site, memory_need(service, site.gpu, site.partition, 1));
}

double capacity_bound(const LeastWork& work) {
  const double busiest =
      std::max({work.gpu_s, work.link_s, work.front_s, work.process_s / work.steps_at_once});
  return busiest > 0 ? 1 / busiest : kNoBound;
}

double capacity_bound(const Service& service, const VisitSizes& sizes, const ProcessSite& site) {
  if (scenario::required_memory(service, site.gpu) > site.partition.memory_bytes) return 0;
  return capacity_bound(least_work(service, sizes, site));
}

}  // namespace gpushare
