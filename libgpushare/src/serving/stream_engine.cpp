#include "serving/stream_engine.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare {

StreamEngine::StreamEngine(const StreamOptions& options, const StreamingAsrModel& model,
                           std::int64_t queue_limit)
    : options_(options),
      max_queue_delay_(duration_from_seconds(options.max_queue_delay_s)),
      model_(&model),
      waiting_(queue_limit),
      line_(static_cast<std::size_t>(options.max_batch)) {}

StreamEngine make_engine(const StreamOptions& options, const EngineSite& site) {
  return {options, std::get<StreamingAsrModel>(site.model.cost), site.queue_limit()};
}

bool StreamEngine::enqueue(const Job& job) {
  if (!waiting_.push(job)) return false;
  open_waiting(job.queued);
  return true;
}

void StreamEngine::open_waiting(Time now) {
  const std::size_t most =
      options_.max_streams > 0 ? static_cast<std::size_t>(options_.max_streams) : SIZE_MAX;
  while (!waiting_.empty() && open_ < most) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(streams_.size()));
      streams_.emplace_back();
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    Open stream{waiting_.pop()};
    stream.opened = stream.job.held ? now : stream.job.queued;
    stream.admission = admitted_++;
    stream.chunks = std::max(1, static_cast<int>(std::ceil(stream.job.audio_s / options_.chunk_s - 1e-9)));
    stream.arrival = arrival_of(stream);
    if (stream.job.held) opened_.push_back(stream.job);
    slots_[name_of(stream.job.request, stream.job.stage, stream.job.held)] = slot;
    streams_[slot] = std::move(stream);
    ++open_;
    line_.insert(place_of(slot));
  }
}

std::uint64_t StreamEngine::name_of(std::uint32_t request, std::uint8_t stage, bool held) {
  const std::uint64_t whose = held ? std::uint64_t{1} << 40 : std::uint64_t{stage} << 32;
  return whose | request;
}

ChunkLine::Place StreamEngine::place_of(std::uint32_t slot) const {
  const Open& stream = streams_[slot];
  return {stream.arrival, stream.admission, slot};
}

void StreamEngine::speak(std::uint32_t holder, const Job& utterance) {
  const Duration length = duration_from_seconds(utterance.audio_s / options_.speech_speed);
  streams_[slots_.at(name_of(holder, kHolder, true))].utterances.push_back(
      {utterance, utterance.queued + length});
}

void StreamEngine::hang_up(std::uint32_t holder, Time now) {
  const auto found = slots_.find(name_of(holder, kHolder, true));
  const std::uint32_t slot = found->second;
  slots_.erase(found);  // the holder may open another one before this is done
  streams_[slot].closing = true;
  leave(slot, now);
}

bool StreamEngine::cancel(Time now, std::uint32_t request, std::uint8_t stage) {
  const auto found = slots_.find(name_of(request, stage, false));
  if (found == slots_.end()) return waiting_.remove(request, stage);
  const std::uint32_t slot = found->second;
  slots_.erase(found);
  streams_[slot].gone = true;
  const bool closed = !streams_[slot].in_batch;
  leave(slot, now);
  return closed;
}

void StreamEngine::leave(std::uint32_t slot, Time now) {
  if (!streams_[slot].in_batch) {
    line_.erase(place_of(slot));
    close_or_await(slot);
  }
  open_waiting(now);
}

bool StreamEngine::is_done(const Open& stream) const {
  if (stream.gone) return true;
  return stream.job.held ? stream.closing && stream.utterances.empty() : stream.next == stream.chunks;
}

void StreamEngine::close_or_await(std::uint32_t slot) {
  Open& stream = streams_[slot];
  if (!is_done(stream)) return line_.insert(place_of(slot));
  if (stream.next > 1) jitter_.add(duration_from_seconds(stream.jitter.seconds));
  if (!stream.gone && !stream.closing)
    slots_.erase(name_of(stream.job.request, stream.job.stage, stream.job.held));
  stream.open = false;
  free_.push_back(slot);
  --open_;
}

Time StreamEngine::arrival_of(const Open& stream) const {
  const double taken = (stream.next + 1) * options_.chunk_s;
  const double spoken = stream.job.held ? taken : std::min(taken, stream.job.audio_s);
  return stream.opened + duration_from_seconds(spoken / options_.speech_speed);
}

Time StreamEngine::wake() const {
  if (encoding_ || line_.first() == kNever) return kNever;
  return std::min(line_.first() + max_queue_delay_, line_.fills());
}

void StreamEngine::tell_started(Open& stream, Outbox& out) const {
  if (!stream.job.held && stream.next == 0) out.push_back(tell(stream.job, Signal::started));
  const Time end = stream.arrival;
  for (Utterance& utterance : stream.utterances) {
    if (utterance.started || utterance.job.queued >= end) continue;
    utterance.started = true;
    out.push_back(tell(utterance.job, Signal::started));
  }
}

std::uint32_t StreamEngine::free_ticket() {
  const auto unused = std::find_if(batches_.begin(), batches_.end(), [](const auto& b) { return b.empty(); });
  const auto ticket = static_cast<std::uint32_t>(unused - batches_.begin());
  if (unused == batches_.end()) batches_.emplace_back();
  return ticket;
}

const Step* StreamEngine::plan(Time now, Outbox& out) {
  for (const Job& job : opened_) out.push_back(tell(job, Signal::opened));
  opened_.clear();
  if (now < wake()) return nullptr;
  step_.ticket = free_ticket();
  std::vector<std::uint32_t>& slots = batches_[step_.ticket];
  line_.take(now, slots);
  for (const std::uint32_t slot : slots) {
    streams_[slot].in_batch = true;
    tell_started(streams_[slot], out);
  }
  encoding_ = true;
  if (step_.form == slots.size()) return &step_;  // as the last one
  step_.items = static_cast<double>(slots.size());
  step_.demand = model_->chunk(step_.items, options_.chunk_s);
  step_.phase = StepPhase::chunk;
  step_.form = slots.size();
  return &step_;
}

void StreamEngine::tell_heard(Open& stream, Outbox& out) const {
  const Time end = stream.arrival;
  std::erase_if(stream.utterances, [&](const Utterance& utterance) {
    if (!utterance.started) return false;
    out.push_back(tell(utterance.job, Signal::output));
    if (utterance.end > end) return false;
    out.push_back(tell(utterance.job, Signal::finished));
    return true;
  });
}

void StreamEngine::tell_transcribed(Open& stream, Outbox& out) const {
  if (stream.gone) return out.push_back(tell(stream.job, Signal::failed));
  if (stream.job.held) tell_heard(stream, out);
  ++stream.next;
  stream.arrival = arrival_of(stream);
  if (stream.job.held) return;
  out.push_back(tell(stream.job, Signal::output));
  if (stream.next == stream.chunks) out.push_back(tell(stream.job, Signal::finished));
}

void StreamEngine::complete(const Step& step, Time now, Outbox& out) {
  for (const std::uint32_t slot : batches_[step.ticket]) {
    Open& stream = streams_[slot];
    const Duration latency = now - stream.arrival;
    chunk_latency_.add(latency);
    if (stream.next > 0) stream.jitter.add(latency - stream.last_latency);
    stream.last_latency = latency;
    stream.in_batch = false;
    tell_transcribed(stream, out);
    close_or_await(slot);
  }
  batches_[step.ticket].clear();
  if (!options_.overlap_decoding) encoding_ = false;
  open_waiting(now);
}

void StreamEngine::fail(Outbox& out) {
  const auto lose = [&](const Job& job) {
    out.push_back(tell(job, job.held ? Signal::lost : Signal::failed));
  };
  std::erase_if(streams_, [](const Open& stream) { return !stream.open; });
  std::sort(streams_.begin(), streams_.end(),
            [](const Open& a, const Open& b) { return a.admission < b.admission; });
  for (const Open& stream : streams_) {
    if (!stream.closing) lose(stream.job);  // before what was said in it
    for (const Utterance& utterance : stream.utterances) out.push_back(tell(utterance.job, Signal::failed));
  }
  while (!waiting_.empty()) lose(waiting_.pop());
  streams_.clear();
  free_.clear();
  slots_.clear();
  line_.clear();
  open_ = 0;
  batches_.clear();
  opened_.clear();
  encoding_ = false;
}

void StreamEngine::report(EngineStatistics& statistics) const {
  statistics.latency("chunk_latency", chunk_latency_);
  statistics.latency("interarrival_jitter", jitter_);
}

}  // namespace gpushare
