#include "serving/slot_engine.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare {

SlotEngine::SlotEngine(const SlotOptions& options, const AutoregressiveTtsModel& model, int slots,
                       std::int64_t queue_limit, double request_overhead_s)
    : options_(options),
      request_overhead_(duration_from_seconds(request_overhead_s)),
      model_(&model),
      slots_(static_cast<std::size_t>(slots)),
      waiting_(queue_limit) {}

SlotEngine make_engine(const SlotOptions& options, const EngineSite& site) {
  return {options, std::get<AutoregressiveTtsModel>(site.model.cost),
          options.slots > 0 ? options.slots : site.memory.slots, site.queue_limit(),
          site.process.engine.request_overhead_s};
}

std::optional<Step> SlotEngine::plan(Time, Outbox& out) {
  if (phase_ != Phase::idle) return std::nullopt;
  if (vocode_due_) return plan_vocode();
  if (!waiting_.empty() && active_.size() < slots_) return plan_prefill(out);
  if (active_.empty()) return std::nullopt;
  phase_ = Phase::frame;
  Step step;
  step.items = static_cast<double>(active_.size());
  step.demand = model_->frame(step.items);
  step.phase = StepPhase::frame;
  return step;
}

Step SlotEngine::plan_prefill(Outbox& out) {
  phase_ = Phase::prefill;
  std::size_t added = 0;
  while (!waiting_.empty() && active_.size() < slots_) {
    Active stream{waiting_.pop()};
    stream.frames =
        std::max(1, static_cast<int>(std::ceil(stream.job.audio_s * model_->frames_per_s - 1e-9)));
    out.push_back(tell(stream.job, Signal::started));
    active_.push_back(stream);
    ++added;
  }
  for (auto stream = active_.end() - static_cast<std::ptrdiff_t>(added); stream != active_.end(); ++stream)
    stream->chunk_end = options_.first_chunk_frames * chunk_scale();
  Step step;
  step.items = static_cast<double>(added);
  step.demand = model_->prefill(step.items);
  step.phase = StepPhase::text;
  return step;
}

Step SlotEngine::plan_vocode() {
  phase_ = Phase::vocode;
  double frames = 0;
  double streams = 0;
  for (const Active& stream : active_) {
    if (!stream.chunk_due()) continue;
    frames += stream.done - stream.vocoded;
    ++streams;
  }
  Step step;
  step.items = streams;
  step.demand = model_->vocode(streams, frames);
  step.phase = StepPhase::vocode;
  return step;
}

bool SlotEngine::cancel(Time, std::uint32_t request, std::uint8_t stage) {
  if (waiting_.remove(request, stage)) return true;
  for (Active& stream : active_)
    if (is_of(stream.job, request, stage)) stream.gone = true;
  return false;
}

void SlotEngine::drop_gone(Outbox& out) {
  std::erase_if(active_, [&](const Active& stream) {
    if (stream.gone) out.push_back(tell(stream.job, Signal::failed));
    return stream.gone;
  });
}

void SlotEngine::complete(const Step&, Time now, Outbox& out) {
  drop_gone(out);
  switch (phase_) {
    case Phase::frame:
      for (Active& stream : active_) {
        if (stream.done < stream.frames) ++stream.done;
        vocode_due_ = vocode_due_ || stream.chunk_due();
      }
      break;
    case Phase::vocode:
      emit_chunks(now, out);
      vocode_due_ = false;
      break;
    case Phase::prefill:
    case Phase::idle:
      break;
  }
  phase_ = Phase::idle;
}

void SlotEngine::emit_chunks(Time now, Outbox& out) {
  for (Active& stream : active_) {
    if (!stream.chunk_due()) continue;
    if (stream.vocoded > 0) {
      const Duration interval = now - stream.last_chunk;
      inter_chunk_.add(interval);
      stream.jitter.add(interval - stream.last_audio);
    } else {
      first_chunk_.add(now - stream.job.queued + request_overhead_);
    }
    const double audio_s = (stream.done - stream.vocoded) / model_->frames_per_s;
    out.push_back(tell(stream.job, Signal::output, audio_s));
    if (stream.vocoded > 0 && stream.done == stream.frames)
      jitter_.add(duration_from_seconds(stream.jitter.seconds));
    stream.last_audio = duration_from_seconds(audio_s);
    stream.vocoded = stream.done;
    stream.last_chunk = now;
    while (stream.chunk_end <= stream.done) stream.chunk_end += options_.chunk_frames * chunk_scale();
    if (stream.done == stream.frames) out.push_back(tell(stream.job, Signal::finished));
  }
  std::erase_if(active_, [](const Active& stream) { return stream.vocoded == stream.frames; });
}

void SlotEngine::fail(Outbox& out) {
  for (const Active& stream : active_) out.push_back(tell(stream.job, Signal::failed));
  while (!waiting_.empty()) out.push_back(tell(waiting_.pop(), Signal::failed));
  active_.clear();
  phase_ = Phase::idle;
  vocode_due_ = false;
}

void SlotEngine::report(EngineStatistics& statistics) const {
  statistics.latency("first_chunk", first_chunk_);
  statistics.latency("inter_chunk", inter_chunk_);
  statistics.latency("interarrival_jitter", jitter_);
}

}  // namespace gpushare
