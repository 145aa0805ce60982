#include "serving/batch_engine.hpp"

#include <algorithm>

namespace gpushare {

BatchEngine::BatchEngine(const FifoOptions& options, const Model& model, std::shared_ptr<JobQueue> queue)
    : concurrency_(options.concurrency), model_(&model), queue_(std::move(queue)) {
  options_.max_batch = 1;
  options_.eager_kernel_s = options.eager_kernel_s;
}

BatchEngine::BatchEngine(const BatchOptions& options, const Model& model, std::shared_ptr<JobQueue> queue)
    : options_(options), model_(&model), queue_(std::move(queue)) {
  std::sort(options_.preferred_batch.begin(), options_.preferred_batch.end());
}

namespace {

std::shared_ptr<JobQueue> queue_of(const EngineSite& site) {
  return site.shared_queue ? site.shared_queue : std::make_shared<JobQueue>(site.queue_limit());
}

}  // namespace

BatchEngine make_engine(const FifoOptions& options, const EngineSite& site) {
  return {options, site.model, queue_of(site)};
}

BatchEngine make_engine(const BatchOptions& options, const EngineSite& site) {
  return {options, site.model, queue_of(site)};
}

std::size_t BatchEngine::batch_size(Time now) const {
  const std::size_t waiting = queue_->size();
  const auto largest = static_cast<std::size_t>(options_.max_batch);
  if (waiting == 0) return 0;
  if (waiting >= largest) return largest;
  for (auto size = options_.preferred_batch.rbegin(); size != options_.preferred_batch.rend(); ++size)
    if (waiting >= static_cast<std::size_t>(*size)) return static_cast<std::size_t>(*size);
  return now >= wake() ? waiting : 0;
}

Time BatchEngine::wake() const {
  if (running_ > 0 || queue_->empty()) return kNever;
  return queue_->front().queued + duration_from_seconds(options_.max_queue_delay_s);
}

std::optional<Step> BatchEngine::plan(Time now, Outbox& out) {
  if (running_ >= concurrency_) return std::nullopt;
  const std::size_t size = batch_size(now);
  if (size == 0) return std::nullopt;
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(batches_.size()));
    batches_.emplace_back();
  }
  Step step;
  step.ticket = free_.back();
  free_.pop_back();
  auto& batch = batches_[step.ticket];
  for (std::size_t i = 0; i < size; ++i) {
    batch.push_back(queue_->pop());
    out.push_back(tell(batch.back(), Signal::started));
  }
  ++running_;
  step.items = static_cast<double>(size);
  step.demand = demand_of(batch);
  return step;
}

Demand BatchEngine::demand_of(const std::vector<Job>& batch) const {
  if (const auto* synthetic = std::get_if<SyntheticModel>(&model_->cost)) {
    double longest_s = 0;
    for (const Job& job : batch) longest_s = std::max(longest_s, job.synthetic_s);
    return synthetic->step(longest_s);
  }
  double units = 0;
  for (const Job& job : batch) units += job.audio_s > 0 ? job.audio_s : job.units;
  Demand demand = std::get<BatchModel>(model_->cost).batch(static_cast<double>(batch.size()), units);
  demand.launch_one_by_one(options_.eager_kernel_s);
  return demand;
}

void BatchEngine::complete(const Step& step, Time now, Outbox& out) {
  auto& batch = batches_[step.ticket];
  for (const Job& job : batch) {
    if (job.playout != nullptr && job.audio_s > 0) job.playout->hear(now, static_cast<float>(job.audio_s));
    out.push_back(tell(job, Signal::output));
    out.push_back(tell(job, Signal::finished));
  }
  batch.clear();
  free_.push_back(step.ticket);
  --running_;
}

void BatchEngine::fail(Outbox& out) {
  for (std::uint32_t ticket = 0; ticket < batches_.size(); ++ticket) {
    if (batches_[ticket].empty()) continue;
    for (const Job& job : batches_[ticket]) out.push_back(tell(job, Signal::failed));
    batches_[ticket].clear();
    free_.push_back(ticket);
  }
  running_ = 0;
  if (queue_.use_count() > 1) return;  // other replicas will serve what waits
  while (!queue_->empty()) out.push_back(tell(queue_->pop(), Signal::failed));
}

}  // namespace gpushare
