#include "serving/stream_engine.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare {

StreamEngine::StreamEngine(const StreamOptions& options, const StreamingAsrModel& model,
                           std::int64_t queue_limit)
    : options_(options), model_(&model), waiting_(queue_limit) {}

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
  while (!waiting_.empty() && open_.size() < most) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(streams_.size()));
      streams_.emplace_back();
    }
    Open stream{waiting_.pop()};
    stream.opened = stream.job.held ? now : stream.job.queued;
    stream.chunks = std::max(1, static_cast<int>(std::ceil(stream.job.audio_s / options_.chunk_s - 1e-9)));
    if (stream.job.held) opened_.push_back(stream.job);
    open_.push_back(free_.back());
    streams_[free_.back()] = std::move(stream);
    free_.pop_back();
  }
}

std::uint32_t StreamEngine::slot_of(std::uint32_t holder) const {
  return *std::find_if(open_.begin(), open_.end(), [&](std::uint32_t slot) {
    const Open& stream = streams_[slot];
    return stream.job.held && !stream.closing && stream.job.request == holder;
  });
}

void StreamEngine::speak(std::uint32_t holder, const Job& utterance) {
  const Duration length = duration_from_seconds(utterance.audio_s / options_.speech_speed);
  streams_[slot_of(holder)].utterances.push_back({utterance, utterance.queued + length});
}

void StreamEngine::hang_up(std::uint32_t holder, Time now) {
  streams_[slot_of(holder)].closing = true;
  close_done(now);
}

bool StreamEngine::cancel(Time now, std::uint32_t request, std::uint8_t stage) {
  if (waiting_.remove(request, stage)) return true;
  const auto slot = std::find_if(open_.begin(), open_.end(), [&](std::uint32_t open) {
    const Job& job = streams_[open].job;
    return !job.held && is_of(job, request, stage);
  });
  if (slot == open_.end()) return false;  // cannot be: whoever was heard is known to have left
  streams_[*slot].gone = true;
  const bool closed = !streams_[*slot].in_batch;
  close_done(now);
  return closed;
}

bool StreamEngine::is_done(const Open& stream) const {
  if (stream.in_batch) return false;
  if (stream.gone) return true;
  return stream.job.held ? stream.closing && stream.utterances.empty() : stream.next == stream.chunks;
}

void StreamEngine::close_done(Time now) {
  std::erase_if(open_, [&](std::uint32_t slot) {
    const Open& stream = streams_[slot];
    if (!is_done(stream)) return false;
    if (stream.next > 1) jitter_.add(duration_from_seconds(stream.jitter.seconds));
    free_.push_back(slot);
    return true;
  });
  open_waiting(now);
}

Time StreamEngine::arrival_of(const Open& stream) const {
  const double taken = (stream.next + 1) * options_.chunk_s;
  const double spoken = stream.job.held ? taken : std::min(taken, stream.job.audio_s);
  return stream.opened + duration_from_seconds(spoken / options_.speech_speed);
}

Time StreamEngine::wake() const {
  if (encoding_) return kNever;
  std::vector<Time> arrivals;
  for (const std::uint32_t slot : open_)
    if (!streams_[slot].in_batch) arrivals.push_back(arrival_of(streams_[slot]));
  if (arrivals.empty()) return kNever;
  const Time due =
      *std::min_element(arrivals.begin(), arrivals.end()) + duration_from_seconds(options_.max_queue_delay_s);
  const auto most = static_cast<std::size_t>(options_.max_batch);
  if (arrivals.size() < most) return due;
  const auto fills = arrivals.begin() + static_cast<std::ptrdiff_t>(most) - 1;
  std::nth_element(arrivals.begin(), fills, arrivals.end());
  return std::min(due, *fills);
}

std::vector<std::uint32_t> StreamEngine::ready(Time now) const {
  std::vector<std::uint32_t> slots;
  for (const std::uint32_t slot : open_)
    if (!streams_[slot].in_batch && arrival_of(streams_[slot]) <= now) slots.push_back(slot);
  const auto most = static_cast<std::size_t>(options_.max_batch);
  if (slots.size() <= most) return slots;
  std::stable_sort(slots.begin(), slots.end(), [&](std::uint32_t a, std::uint32_t b) {
    return arrival_of(streams_[a]) < arrival_of(streams_[b]);
  });
  slots.resize(most);
  return slots;
}

void StreamEngine::tell_started(Open& stream, Outbox& out) const {
  if (!stream.job.held && stream.next == 0) out.push_back(tell(stream.job, Signal::started));
  const Time end = arrival_of(stream);
  for (Utterance& utterance : stream.utterances) {
    if (utterance.started || utterance.job.queued >= end) continue;
    utterance.started = true;
    out.push_back(tell(utterance.job, Signal::started));
  }
}

std::uint32_t StreamEngine::start_batch(std::vector<std::uint32_t> slots, Outbox& out) {
  for (const std::uint32_t slot : slots) {
    streams_[slot].in_batch = true;
    tell_started(streams_[slot], out);
  }
  const auto unused = std::find_if(batches_.begin(), batches_.end(), [](const auto& b) { return b.empty(); });
  const auto ticket = static_cast<std::uint32_t>(unused - batches_.begin());
  if (unused == batches_.end()) batches_.emplace_back();
  batches_[ticket] = std::move(slots);
  return ticket;
}

std::optional<Step> StreamEngine::plan(Time now, Outbox& out) {
  for (const Job& job : opened_) out.push_back(tell(job, Signal::opened));
  opened_.clear();
  if (encoding_) return std::nullopt;
  std::vector<std::uint32_t> slots = ready(now);
  if (slots.empty() || (slots.size() < static_cast<std::size_t>(options_.max_batch) && now < wake()))
    return std::nullopt;
  encoding_ = true;
  Step step;
  step.items = static_cast<double>(slots.size());
  step.demand = model_->chunk(step.items, options_.chunk_s);
  step.phase = StepPhase::chunk;
  step.ticket = start_batch(std::move(slots), out);
  return step;
}

void StreamEngine::tell_heard(Open& stream, Outbox& out) const {
  const Time end = arrival_of(stream);
  std::erase_if(stream.utterances, [&](const Utterance& utterance) {
    if (!utterance.started) return false;
    out.push_back(tell(utterance.job, Signal::output));
    if (utterance.end > end) return false;
    out.push_back(tell(utterance.job, Signal::finished));
    return true;
  });
}

void StreamEngine::complete(const Step& step, Time now, Outbox& out) {
  for (const std::uint32_t slot : batches_[step.ticket]) {
    Open& stream = streams_[slot];
    const Duration latency = now - arrival_of(stream);
    chunk_latency_.add(latency);
    if (stream.next > 0) stream.jitter.add(latency - stream.last_latency);
    stream.last_latency = latency;
    stream.in_batch = false;
    if (stream.gone) {
      out.push_back(tell(stream.job, Signal::failed));
      continue;
    }
    if (stream.job.held) tell_heard(stream, out);
    ++stream.next;
    if (stream.job.held) continue;
    out.push_back(tell(stream.job, Signal::output));
    if (stream.next == stream.chunks) out.push_back(tell(stream.job, Signal::finished));
  }
  batches_[step.ticket].clear();
  if (!options_.overlap_decoding) encoding_ = false;
  close_done(now);
}

void StreamEngine::fail(Outbox& out) {
  const auto lose = [&](const Job& job) {
    out.push_back(tell(job, job.held ? Signal::lost : Signal::failed));
  };
  for (const std::uint32_t slot : open_) {
    if (!streams_[slot].closing) lose(streams_[slot].job);  // before what was said in it
    for (const Utterance& utterance : streams_[slot].utterances)
      out.push_back(tell(utterance.job, Signal::failed));
  }
  while (!waiting_.empty()) lose(waiting_.pop());
  streams_.clear();
  free_.clear();
  open_.clear();
  batches_.clear();
  opened_.clear();
  encoding_ = false;
}

void StreamEngine::report(EngineStatistics& statistics) const {
  statistics.latency("chunk_latency", chunk_latency_);
  statistics.latency("interarrival_jitter", jitter_);
}

}  // namespace gpushare
