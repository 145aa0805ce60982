#pragma once

#include <unordered_map>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/model.hpp"
#include "gpushare/statistics.hpp"
#include "serving/chunk_line.hpp"
#include "serving/engine_site.hpp"
#include "serving/engine_statistics.hpp"

namespace gpushare {

/// Streaming recognition: a step takes one chunk of every stream whose next chunk has arrived (Triton's sequence
/// batcher), at most max_batch. A held stream stays open, and takes a chunk for every chunk_s, until it is hung up;
/// utterances are heard in it as they come. Chunks of one stream are worked through in order, never two in a batch. With
/// overlap_decoding the next step starts when the GPU is done with this one, whose text the host still works on.
class StreamEngine {
 public:
  StreamEngine(const StreamOptions& options, const StreamingAsrModel& model, std::int64_t queue_limit = -1);

  [[nodiscard]] bool enqueue(const Job& job);
  /// Null when there is nothing to do yet; valid until the next call.
  [[nodiscard]] const Step* plan(Time now, Outbox& out);
  [[nodiscard]] Time wake() const;
  void complete(const Step& step, Time now, Outbox& out);
  void fail(Outbox& out);
  /// The client of a request that has a stream of its own has gone: true when the stream is closed; false when it is,
  /// and has `failed`, at the end of the step in hand.
  [[nodiscard]] bool cancel(Time now, std::uint32_t request, std::uint8_t stage);
  /// An utterance in the open stream of a holder: heard when the chunk in which it ends is.
  void speak(std::uint32_t holder, const Job& utterance);
  /// The holder's stream ends when what was said in it is heard.
  void hang_up(std::uint32_t holder, Time now);
  /// The GPU part of the step in hand is over; true when another may start now.
  [[nodiscard]] bool gpu_done() {
    if (options_.overlap_decoding) encoding_ = false;
    return options_.overlap_decoding;
  }
  /// From a chunk's arrival to its transcript, and how unsteadily the transcripts of a stream come.
  [[nodiscard]] const Histogram& chunk_latency() const { return chunk_latency_; }
  [[nodiscard]] const Histogram& interarrival_jitter() const { return jitter_; }
  /// The latencies that it reports, ascending.
  static constexpr std::array<std::string_view, 2> kLatencies{"chunk_latency", "interarrival_jitter"};
  void report(EngineStatistics& statistics) const;
  void reset_statistics() { chunk_latency_ = jitter_ = {}; }

 private:
  struct Utterance {
    Job job;
    Time end{};
    bool started = false;
  };
  struct Open {
    Job job;
    Time opened{};
    Time arrival{};  // of its next chunk
    std::uint64_t admission = 0;
    bool open = true;
    bool closing = false;                 // held, and hung up
    std::vector<Utterance> utterances{};  // held: not yet heard
    int next = 0;                         // chunk to be worked on
    int chunks = 0;
    bool in_batch = false;
    bool gone = false;  // its client
    Duration last_latency{};
    InterarrivalJitter jitter{};
  };
  /// Of its next chunk.
  [[nodiscard]] Time arrival_of(const Open& stream) const;
  [[nodiscard]] bool is_done(const Open& stream) const;
  /// Of a request's own stream, or of the one that a holder has not hung up.
  [[nodiscard]] static std::uint64_t name_of(std::uint32_t request, std::uint8_t stage, bool held);
  [[nodiscard]] ChunkLine::Place place_of(std::uint32_t slot) const;
  void open_waiting(Time now);
  /// Closes the stream if nothing is left to be heard in it; otherwise its next chunk is awaited.
  void close_or_await(std::uint32_t slot);
  /// One that waits for its next chunk has been hung up or given up.
  void leave(std::uint32_t slot, Time now);
  void tell_started(Open& stream, Outbox& out) const;
  void tell_heard(Open& stream, Outbox& out) const;
  void tell_transcribed(Open& stream, Outbox& out) const;
  /// A ticket that no step in hand has.
  [[nodiscard]] std::uint32_t free_ticket();

  StreamOptions options_;
  Duration max_queue_delay_;
  const StreamingAsrModel* model_;
  JobQueue waiting_;
  std::vector<Open> streams_;                               // by slot
  std::vector<std::uint32_t> free_;                         // slots
  std::unordered_map<std::uint64_t, std::uint32_t> slots_;  // by name_of
  ChunkLine line_;                                          // open streams that are in no batch
  std::size_t open_ = 0;                                    // streams
  std::uint64_t admitted_ = 0;                              // so far
  std::vector<std::vector<std::uint32_t>> batches_;         // slots, by ticket
  Step step_;                                               // the last one
  std::vector<Job> opened_;                                 // held streams whose holders are not yet told
  bool encoding_ = false;                                   // a step is on its way to the GPU or on it
  Histogram chunk_latency_;
  Histogram jitter_;
};

[[nodiscard]] StreamEngine make_engine(const StreamOptions& options, const EngineSite& site);

}  // namespace gpushare
