#pragma once

#include <optional>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/model.hpp"
#include "gpushare/statistics.hpp"
#include "serving/engine_site.hpp"
#include "serving/engine_statistics.hpp"

namespace gpushare {

/// Autoregressive speech synthesis in a fixed number of slots: new streams are encoded first, then every active stream
/// gets a codec frame a step, and streams with a full chunk are vocoded together before the next frame.
class SlotEngine {
 public:
  /// `slots` are those of the batch profile that is loaded, whatever the options leave open.
  SlotEngine(const SlotOptions& options, const AutoregressiveTtsModel& model, int slots,
             std::int64_t queue_limit = -1, double request_overhead_s = 0);

  [[nodiscard]] bool enqueue(const Job& job) { return waiting_.push(job); }
  [[nodiscard]] std::optional<Step> plan(Time now, Outbox& out);
  [[nodiscard]] Time wake() const { return kNever; }
  void complete(const Step& step, Time now, Outbox& out);
  void fail(Outbox& out);
  /// The client of a request has gone: true when its job is out; false when it leaves its slot, and has `failed`, at
  /// the end of the step in hand.
  [[nodiscard]] bool cancel(Time now, std::uint32_t request, std::uint8_t stage);
  /// From a job's arrival, its overhead included, to its first chunk.
  [[nodiscard]] const Histogram& first_chunk() const { return first_chunk_; }
  /// Between successive chunks of a stream, and how unsteadily they come against their playout.
  [[nodiscard]] const Histogram& inter_chunk() const { return inter_chunk_; }
  [[nodiscard]] const Histogram& interarrival_jitter() const { return jitter_; }
  /// The latencies that it reports, ascending.
  static constexpr std::array<std::string_view, 3> kLatencies{"first_chunk", "inter_chunk",
                                                              "interarrival_jitter"};
  void report(EngineStatistics& statistics) const;
  void reset_statistics() { first_chunk_ = inter_chunk_ = jitter_ = {}; }

 private:
  enum class Phase : std::uint8_t { idle, prefill, frame, vocode };
  struct Active {
    Job job;
    int frames = 0;  // of the whole utterance
    int done = 0;    // generated
    int vocoded = 0;
    double chunk_end = 0;  // frames after which the running chunk is full
    Time last_chunk{};
    Duration last_audio{};  // of the chunk before
    InterarrivalJitter jitter{};
    bool gone = false;  // its client

    [[nodiscard]] bool chunk_due() const { return done > vocoded && (done >= chunk_end || done == frames); }
  };
  [[nodiscard]] Step plan_prefill(Outbox& out);
  [[nodiscard]] Step plan_vocode();
  void emit_chunks(Time now, Outbox& out);
  /// Streams whose clients have gone leave their slots.
  void drop_gone(Outbox& out);
  /// How much longer chunks are with the streams that are active now.
  [[nodiscard]] double chunk_scale() const {
    return 1 + options_.chunk_growth * (static_cast<double>(active_.size()) - 1);
  }

  SlotOptions options_;
  Duration request_overhead_;
  const AutoregressiveTtsModel* model_;
  std::size_t slots_;
  JobQueue waiting_;
  std::vector<Active> active_;
  Phase phase_ = Phase::idle;
  bool vocode_due_ = false;
  Histogram first_chunk_;
  Histogram inter_chunk_;
  Histogram jitter_;
};

[[nodiscard]] SlotEngine make_engine(const SlotOptions& options, const EngineSite& site);

}  // namespace gpushare
