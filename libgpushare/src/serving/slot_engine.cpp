#include "serving/slot_engine.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

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

SlotEngine::Frame SlotEngine::Active::chunk_due() const {
  if (chunk_end >= static_cast<double>(frames)) return begin + frames;
  const auto full = static_cast<Frame>(chunk_end);  // rounded up: std::ceil is a call
  return begin + std::max(vocoded + 1, full + (static_cast<double>(full) < chunk_end ? 1 : 0));
}

const Step* SlotEngine::plan(Time, Outbox& out) {
  if (phase_ != Phase::idle) return nullptr;
  if (vocode_due_) {
    phase_ = Phase::vocode;
    step_ = vocode_step(frame_);
  } else if (!waiting_.empty() && active_.size() < slots_) {
    step_ = plan_prefill(out);
  } else if (active_.empty()) {
    return nullptr;
  } else {
    phase_ = Phase::frame;
    step_.goes_on = step_.phase == StepPhase::frame && step_.items == static_cast<double>(active_.size());
    if (!step_.goes_on) step_ = frame_step();
  }
  return &step_;
}

void SlotEngine::find_next_due() {
  if (!due_.empty()) next_due_ = *std::min_element(due_.begin(), due_.end());
}

Step SlotEngine::frame_step() const {
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
    stream.begin = frame_;
    stream.frames =
        std::max(1, static_cast<int>(std::ceil(stream.job.audio_s * model_->frames_per_s - 1e-9)));
    out.push_back(tell(stream.job, Signal::started));
    active_.push_back(stream);
    ++added;
  }
  for (auto stream = active_.end() - static_cast<std::ptrdiff_t>(added); stream != active_.end(); ++stream) {
    stream->chunk_end = options_.first_chunk_frames * chunk_scale();
    due_.push_back(stream->chunk_due());
  }
  find_next_due();
  Step step;
  step.items = static_cast<double>(added);
  step.demand = model_->prefill(step.items);
  step.phase = StepPhase::text;
  return step;
}

Step SlotEngine::vocode_step(Frame at) const {
  double frames = 0;
  double streams = 0;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    if (due_[i] > at) continue;
    frames += static_cast<double>(at - active_[i].begin - active_[i].vocoded);
    ++streams;
  }
  Step step;
  step.items = streams;
  step.demand = model_->vocode(streams, frames);
  step.phase = StepPhase::vocode;
  return step;
}

std::size_t SlotEngine::silent_steps() const {
  if (phase_ == Phase::vocode || any_gone_) return 0;
  return static_cast<std::size_t>(next_due_ - frame_) + (phase_ == Phase::prefill ? 1 : 0);
}

Step SlotEngine::following_step(std::size_t ahead) const {
  const Frame at = frame_ + static_cast<Frame>(ahead) - (phase_ == Phase::prefill ? 1 : 0);
  return at < next_due_ ? frame_step() : vocode_step(at);
}

void SlotEngine::skip(std::span<const Time> ends) {
  if (ends.empty()) return;
  frame_ += static_cast<Frame>(ends.size()) - (phase_ == Phase::prefill ? 1 : 0);
  vocode_due_ = next_due_ <= frame_;
  phase_ = vocode_due_ ? Phase::vocode : Phase::frame;
}

bool SlotEngine::cancel(Time, std::uint32_t request, std::uint8_t stage) {
  if (waiting_.remove(request, stage)) return true;
  for (Active& stream : active_)
    if (is_of(stream.job, request, stage)) any_gone_ = stream.gone = true;
  return false;
}

void SlotEngine::drop_gone(Outbox& out) {
  for (const Active& stream : active_)
    if (stream.gone) out.push_back(tell(stream.job, Signal::failed));
  erase_ended();
}

// Those whose clients have gone or who have been heard whole.
void SlotEngine::erase_ended() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    if (active_[i].gone || active_[i].vocoded == active_[i].frames) continue;
    due_[kept] = due_[i];
    if (kept != i) active_[kept] = std::move(active_[i]);
    ++kept;
  }
  due_.resize(kept);
  active_.resize(kept);
  find_next_due();
}

void SlotEngine::complete(const Step&, Time now, Outbox& out) {
  if (std::exchange(any_gone_, false)) [[unlikely]]
    drop_gone(out);
  switch (phase_) {
    case Phase::frame:
      ++frame_;
      vocode_due_ = !due_.empty() && next_due_ <= frame_;
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
  bool any_ended = false;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    if (due_[i] > frame_) continue;
    Active& stream = active_[i];
    if (stream.vocoded > 0) {
      const Duration interval = now - stream.last_chunk;
      inter_chunk_.add(interval);
      stream.jitter.add(interval - stream.last_audio);
    } else {
      first_chunk_.add(now - stream.job.queued + request_overhead_);
    }
    const Frame done = frame_ - stream.begin;
    const bool ended = done == stream.frames;
    const double audio_s = static_cast<double>(done - stream.vocoded) / model_->frames_per_s;
    out.push_back(tell(stream.job, Signal::output, audio_s));
    if (stream.vocoded > 0 && ended) jitter_.add(duration_from_seconds(stream.jitter.seconds));
    stream.last_audio = duration_from_seconds(audio_s);
    stream.vocoded = done;
    stream.last_chunk = now;
    while (stream.chunk_end <= static_cast<double>(done))
      stream.chunk_end += options_.chunk_frames * chunk_scale();
    due_[i] = stream.chunk_due();
    if (ended) out.push_back(tell(stream.job, Signal::finished));
    any_ended = any_ended || ended;
  }
  if (any_ended) {
    erase_ended();
  } else {
    find_next_due();
  }
}

void SlotEngine::fail(Outbox& out) {
  for (const Active& stream : active_) out.push_back(tell(stream.job, Signal::failed));
  while (!waiting_.empty()) out.push_back(tell(waiting_.pop(), Signal::failed));
  active_.clear();
  due_.clear();
  phase_ = Phase::idle;
  vocode_due_ = any_gone_ = false;
}

void SlotEngine::report(EngineStatistics& statistics) const {
  statistics.latency("first_chunk", first_chunk_);
  statistics.latency("inter_chunk", inter_chunk_);
  statistics.latency("interarrival_jitter", jitter_);
}

}  // namespace gpushare
