#pragma once

#include <optional>
#include <vector>

#include "gpushare/scenario.hpp"
#include "gpushare/statistics.hpp"
#include "serving/job.hpp"

namespace gpushare {

/// Streaming recognition: a step takes one chunk of every stream whose next chunk has arrived (Triton's sequence
/// batcher). Chunks of one stream are worked through in order, never two in a batch.
class StreamEngine {
 public:
  StreamEngine(const Engine& config, const StreamingAsrModel& model);

  [[nodiscard]] bool enqueue(const Job& job);
  [[nodiscard]] std::optional<Step> plan(Time now, Outbox& out);
  [[nodiscard]] Time wake() const;
  void complete(const Step& step, Time now, Outbox& out);
  void fail(Outbox& out);
  [[nodiscard]] bool idle() const { return batch_.empty(); }
  /// From a chunk's arrival to its transcript, and how unsteadily the transcripts of a stream come.
  [[nodiscard]] const Histogram& chunk_latency() const { return chunk_latency_; }
  [[nodiscard]] const Histogram& interarrival_jitter() const { return jitter_; }
  void reset_statistics() { chunk_latency_ = jitter_ = {}; }

 private:
  struct Open {
    Job job;
    int next = 0;  // chunk to be worked on
    int chunks = 0;
    bool in_batch = false;
    Duration last_latency{};
    InterarrivalJitter jitter{};
  };
  [[nodiscard]] Time arrival_of(const Open& stream) const;
  void open_waiting();

  Engine config_;
  const StreamingAsrModel* model_;
  JobQueue waiting_;
  std::vector<Open> open_;          // in order of admission
  std::vector<std::size_t> batch_;  // indices into open_
  Histogram chunk_latency_;
  Histogram jitter_;
};

}  // namespace gpushare
