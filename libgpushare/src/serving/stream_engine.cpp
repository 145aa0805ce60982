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
    Open stream{waiting_.pop()};
    stream.chunks = std::max(1, static_cast<int>(std::ceil(stream.job.audio_s / config_.chunk_s - 1e-9)));
    open_.push_back(stream);
  }
}

Time StreamEngine::arrival_of(const Open& stream) const {
  const double spoken = std::min((stream.next + 1) * config_.chunk_s, stream.job.audio_s);
  return stream.job.queued + duration_from_seconds(spoken / config_.speech_speed);
}

Time StreamEngine::wake() const {
  Time first = kNever;
  for (const Open& stream : open_)
    if (!stream.in_batch) first = std::min(first, arrival_of(stream));
  return first;
}

std::optional<Step> StreamEngine::plan(Time now, Outbox& out) {
  if (!batch_.empty()) return std::nullopt;
  const auto most = static_cast<std::size_t>(config_.max_batch);
  for (std::size_t i = 0; i < open_.size(); ++i)
    if (arrival_of(open_[i]) <= now) batch_.push_back(i);
  if (batch_.empty()) return std::nullopt;
  if (batch_.size() > most) {  // those that have waited longest go first
    std::stable_sort(batch_.begin(), batch_.end(), [&](std::size_t a, std::size_t b) {
      return arrival_of(open_[a]) < arrival_of(open_[b]);
    });
    batch_.resize(most);
    std::sort(batch_.begin(), batch_.end());
  }
  for (const std::size_t i : batch_) {
    open_[i].in_batch = true;
    if (open_[i].next == 0) out.push_back(tell(open_[i].job, Signal::started));
  }
  Step step;
  step.items = static_cast<double>(batch_.size());
  step.demand = model_->chunk(step.items, config_.chunk_s);
  return step;
}

void StreamEngine::complete(const Step&, Time now, Outbox& out) {
  for (const std::size_t i : batch_) {
    Open& stream = open_[i];
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
  }
  batch_.clear();
  std::erase_if(open_, [](const Open& stream) { return stream.next == stream.chunks; });
  open_waiting();
}

void StreamEngine::fail(Outbox& out) {
  for (const Open& stream : open_) out.push_back(tell(stream.job, Signal::failed));
  while (!waiting_.empty()) out.push_back(tell(waiting_.pop(), Signal::failed));
  open_.clear();
  batch_.clear();
}

}  // namespace gpushare
