#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/model.hpp"
#include "serving/engine_site.hpp"

namespace gpushare {

/// FIFO and dynamic batching (Triton's dynamic batcher): one step serves a batch of waiting jobs.
///
/// `model` must hold a BatchModel or a SyntheticModel. The queue may be shared by the replicas of a service.
class BatchEngine {
 public:
  BatchEngine(const FifoOptions& options, const Model& model, std::shared_ptr<JobQueue> queue);
  BatchEngine(const BatchOptions& options, const Model& model, std::shared_ptr<JobQueue> queue);

  [[nodiscard]] bool enqueue(const Job& job) { return queue_->push(job); }
  /// The next step, if one should start now.
  [[nodiscard]] std::optional<Step> plan(Time now, Outbox& out);
  /// When a waiting batch becomes due; kNever when only another job could make it so.
  [[nodiscard]] Time wake() const;
  void complete(const Step& step, Time now, Outbox& out);
  void fail(Outbox& out);
  /// The client of a request has gone: true when its job is out of the queue. One in a batch ends with its step.
  [[nodiscard]] bool cancel(Time, std::uint32_t request, std::uint8_t stage) {
    return queue_->remove(request, stage);
  }

 private:
  [[nodiscard]] std::size_t batch_size(Time now) const;
  [[nodiscard]] Demand demand_of(const std::vector<Job>& batch) const;

  BatchOptions options_;  // of fifo: batches of one
  int concurrency_ = 1;
  const Model* model_;
  std::shared_ptr<JobQueue> queue_;
  std::vector<std::vector<Job>> batches_;  // by ticket
  std::vector<std::uint32_t> free_;
  int running_ = 0;
};

[[nodiscard]] BatchEngine make_engine(const FifoOptions& options, const EngineSite& site);
[[nodiscard]] BatchEngine make_engine(const BatchOptions& options, const EngineSite& site);

}  // namespace gpushare
