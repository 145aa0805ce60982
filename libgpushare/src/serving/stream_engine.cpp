#include "serving/stream_engine.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare {

StreamEngine::StreamEngine(const Engine& config, const StreamingAsrModel& model)
    : config_(config), model_(&model), waiting_(config.queue_limit) {}

bool StreamEngine::enqueue(const Job& job) {
  if (!waiting_.push(job)) return false;
  open_waiting();
  return true;
}

void StreamEngine::open_waiting() {
  const std::size_t most = config_.max_streams > 0 ? static_cast<std::size_t>(config_.max_streams) : SIZE_MAX;
  while (!waiting_.empty() && open_.size() < most) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(streams_.size()));
      streams_.emplace_back();
    }
    Open stream{waiting_.pop()};
    stream.chunks = std::max(1, static_cast<int>(std::ceil(stream.job.audio_s / config_.chunk_s - 1e-9)));
    open_.push_back(free_.back());
    streams_[free_.back()] = stream;
    free_.pop_back();
  }
}

Time StreamEngine::arrival_of(const Open& stream) const {
  const double spoken = std::min((stream.next + 1) * config_.chunk_s, stream.job.audio_s);
  return stream.job.queued + duration_from_seconds(spoken / config_.speech_speed);
}

Time StreamEngine::wake() const {
  if (encoding_) return kNever;
  std::vector<Time> arrivals;
  for (const std::uint32_t slot : open_)
    if (!streams_[slot].in_batch) arrivals.push_back(arrival_of(streams_[slot]));
  if (arrivals.empty()) return kNever;
  const Time due =
      *std::min_element(arrivals.begin(), arrivals.end()) + duration_from_seconds(config_.max_queue_delay_s);
  const auto most = static_cast<std::size_t>(config_.max_batch);
  if (arrivals.size() < most) return due;
  const auto fills = arrivals.begin() + static_cast<std::ptrdiff_t>(most) - 1;
  std::nth_element(arrivals.begin(), fills, arrivals.end());
  return std::min(due, *fills);
}

std::vector<std::uint32_t> StreamEngine::ready(Time now) const {
  std::vector<std::uint32_t> slots;
  for (const std::uint32_t slot : open_)
    if (!streams_[slot].in_batch && arrival_of(streams_[slot]) <= now) slots.push_back(slot);
  const auto most = static_cast<std::size_t>(config_.max_batch);
  if (slots.size() <= most) return slots;
  std::stable_sort(slots.begin(), slots.end(), [&](std::uint32_t a, std::uint32_t b) {
    return arrival_of(streams_[a]) < arrival_of(streams_[b]);
  });
  slots.resize(most);
  return slots;
}

std::uint32_t StreamEngine::start_batch(std::vector<std::uint32_t> slots, Outbox& out) {
  for (const std::uint32_t slot : slots) {
    streams_[slot].in_batch = true;
    if (streams_[slot].next == 0) out.push_back(tell(streams_[slot].job, Signal::started));
  }
  const auto unused = std::find_if(batches_.begin(), batches_.end(), [](const auto& b) { return b.empty(); });
  const auto ticket = static_cast<std::uint32_t>(unused - batches_.begin());
  if (unused == batches_.end()) batches_.emplace_back();
  batches_[ticket] = std::move(slots);
  return ticket;
}

std::optional<Step> StreamEngine::plan(Time now, Outbox& out) {
  if (encoding_) return std::nullopt;
  std::vector<std::uint32_t> slots = ready(now);
  if (slots.empty() || (slots.size() < static_cast<std::size_t>(config_.max_batch) && now < wake()))
    return std::nullopt;
  encoding_ = true;
  Step step;
  step.items = static_cast<double>(slots.size());
  step.demand = model_->chunk(step.items, config_.chunk_s);
  step.ticket = start_batch(std::move(slots), out);
  return step;
}

void StreamEngine::complete(const Step& step, Time now, Outbox& out) {
  for (const std::uint32_t slot : batches_[step.ticket]) {
    Open& stream = streams_[slot];
    const Duration latency = now - arrival_of(stream);
    chunk_latency_.add(latency);
    if (stream.next > 0) stream.jitter.add(latency - stream.last_latency);
    stream.last_latency = latency;
    stream.in_batch = false;
    ++stream.next;
    out.push_back(tell(stream.job, Signal::output));
    if (stream.next < stream.chunks) continue;
    if (stream.chunks > 1) jitter_.add(duration_from_seconds(stream.jitter.seconds));
    out.push_back(tell(stream.job, Signal::finished));
    free_.push_back(slot);
  }
  batches_[step.ticket].clear();
  if (!config_.overlap_decoding) encoding_ = false;
  std::erase_if(open_, [&](std::uint32_t slot) { return streams_[slot].next == streams_[slot].chunks; });
  open_waiting();
}

void StreamEngine::fail(Outbox& out) {
  for (const std::uint32_t slot : open_) out.push_back(tell(streams_[slot].job, Signal::failed));
  while (!waiting_.empty()) out.push_back(tell(waiting_.pop(), Signal::failed));
  streams_.clear();
  free_.clear();
  open_.clear();
  batches_.clear();
  encoding_ = false;
}

}  // namespace gpushare
