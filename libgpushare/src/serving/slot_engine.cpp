#include "serving/slot_engine.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gpushare {
namespace {

// How much longer chunks are with so many active streams.
double chunk_scale(const SlotOptions& options, std::size_t streams) {
  return 1 + options.chunk_growth * (static_cast<double>(streams) - 1);
}

}  // namespace

SlotEngine::SlotEngine(const SlotOptions& options, const AutoregressiveTtsModel& model, int slots,
                       std::int64_t queue_limit, double request_overhead_s)
    : options_(options),
      speech_(model.frames_per_s),
      request_overhead_(duration_from_seconds(request_overhead_s)),
      model_(&model),
      slots_(static_cast<std::size_t>(slots)),
      waiting_(queue_limit),
      places_(slots_) {}

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
    step_ = step_of(vocode_form());
  } else if (!waiting_.empty() && active_.size() < slots_) {
    step_ = plan_prefill(out);
  } else if (active_.empty()) {
    return nullptr;
  } else {
    phase_ = Phase::frame;
    if (step_.phase != StepPhase::frame || step_.items != static_cast<double>(active_.size()))
      step_ = step_of({StepPhase::frame, active_.size()});
  }
  return &step_;
}

void SlotEngine::find_next_due() {
  if (!due_.empty()) next_due_ = due_.front();
  for (const Frame due : due_) next_due_ = std::min(next_due_, due);
  std::size_t found = 0;  // without a branch: whose chunk comes next cannot be predicted
  for (std::size_t i = 0; i < due_.size(); ++i) {
    places_[found] = static_cast<std::uint32_t>(i);
    found += due_[i] == next_due_ ? 1 : 0;
  }
  first_due_ = found;
}

Step SlotEngine::step_of(const SlotForm& form) const {
  Step step;
  step.items = form.items();
  step.phase = form.phase;
  step.form = form.number();
  if (form.phase == StepPhase::text) {
    step.demand = model_->prefill(step.items);
  } else if (form.phase == StepPhase::vocode) {
    step.demand = model_->vocode(step.items, static_cast<double>(form.frames));
  } else {
    step.demand = model_->frame(step.items);
  }
  return step;
}

SlotForm SlotEngine::vocode_form() const {
  SlotForm form{StepPhase::vocode, first_due_};
  for (const std::uint32_t i : std::span(places_).first(first_due_))
    form.frames += next_due_ - active_[i].begin - active_[i].vocoded;
  return form;
}

Step SlotEngine::plan_prefill(Outbox& out) {
  phase_ = Phase::prefill;
  std::size_t added = 0;
  while (!waiting_.empty() && active_.size() < slots_) {
    const Job job = waiting_.pop();
    Active stream{job.request, job.stage, false, job.queued, job.playout};
    stream.begin = frame_;
    stream.frames = std::max(1, static_cast<int>(std::ceil(job.audio_s * model_->frames_per_s - 1e-9)));
    out.push_back(tell(job, Signal::started));
    active_.push_back(stream);
    ++added;
  }
  for (auto stream = active_.end() - static_cast<std::ptrdiff_t>(added); stream != active_.end(); ++stream) {
    stream->chunk_end = options_.first_chunk_frames * chunk_scale(options_, active_.size());
    due_.push_back(stream->chunk_due());
  }
  find_next_due();
  return step_of({StepPhase::text, added});
}

std::size_t SlotEngine::silent_steps() const {
  if (phase_ == Phase::vocode || any_gone_) return 0;
  return static_cast<std::size_t>(next_due_ - frame_) + (phase_ == Phase::prefill ? 1 : 0);
}

SlotForm SlotEngine::following_form(std::size_t ahead) const {
  const Frame at = frame_ + static_cast<Frame>(ahead) - (phase_ == Phase::prefill ? 1 : 0);
  return at < next_due_ ? SlotForm{StepPhase::frame, active_.size()} : vocode_form();
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
    if (is_of(stream, request, stage)) any_gone_ = stream.gone = true;
  return false;
}

void SlotEngine::drop_gone(Outbox& out) {
  for (const Active& stream : active_)
    if (stream.gone) out.push_back(tell(stream, Signal::failed));
  erase_ended();
}

// Those whose clients have gone or who have been heard whole.
void SlotEngine::erase_ended() {
  const auto has_ended = [](const Active& stream) { return stream.gone || stream.vocoded == stream.frames; };
  const auto first = std::find_if(active_.begin(), active_.end(), has_ended);
  auto kept = static_cast<std::size_t>(first - active_.begin());
  for (std::size_t i = kept; i < active_.size(); ++i) {
    if (has_ended(active_[i])) continue;
    due_[kept] = due_[i];
    active_[kept++] = active_[i];
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
  if (next_due_ > frame_) return;  // the clients of all whose chunks these were have gone
  const double length = options_.chunk_frames * chunk_scale(options_, active_.size());
  bool any_ended = false;
  for (const std::uint32_t i : std::span(places_).first(first_due_)) {
    Active& stream = active_[i];
    emit_chunk(stream, frame_ - stream.begin, length, now, out);
    due_[i] = stream.chunk_due();
    any_ended = any_ended || stream.vocoded == stream.frames;
  }
  if (any_ended) {
    erase_ended();
  } else {
    find_next_due();
  }
}

void SlotEngine::emit_chunk(Active& stream, Frame done, double length, Time now, Outbox& out) {
  const bool ended = done == stream.frames;
  if (stream.vocoded > 0) {
    const Duration interval = now - stream.last_chunk;
    inter_chunk_.add(interval);
    stream.jitter.add(interval - stream.last_audio);
    if (ended) jitter_.add(duration_from_seconds(stream.jitter.seconds));
  } else {
    first_chunk_.add(now - stream.queued + request_overhead_);
  }
  const Speech speech = speech_.of(done - stream.vocoded);
  Playout& playout = *stream.playout;
  playout.hear(now, speech.seconds, speech.heard);
  if (stream.vocoded == 0 || playout.is_broken_into()) out.push_back(tell(stream, Signal::output));
  if (ended) out.push_back(tell(stream, Signal::finished));
  stream.last_audio = speech.length;
  stream.vocoded = done;
  stream.last_chunk = now;
  while (stream.chunk_end <= static_cast<double>(done)) stream.chunk_end += length;
}

void SlotEngine::fail(Outbox& out) {
  for (const Active& stream : active_) out.push_back(tell(stream, Signal::failed));
  while (!waiting_.empty()) out.push_back(tell(waiting_.pop(), Signal::failed));
  active_.clear();
  due_.clear();
  first_due_ = 0;
  phase_ = Phase::idle;
  vocode_due_ = any_gone_ = false;
}

void SlotEngine::report(EngineStatistics& statistics) const {
  statistics.latency("first_chunk", first_chunk_);
  statistics.latency("inter_chunk", inter_chunk_);
  statistics.latency("interarrival_jitter", jitter_);
}

}  // namespace gpushare
