#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gpushare/engine.hpp"
#include "gpushare/model.hpp"
#include "gpushare/statistics.hpp"
#include "serving/engine_site.hpp"
#include "serving/engine_statistics.hpp"
#include "serving/known_speech.hpp"

namespace gpushare {

/// All that a step of speech synthesis hangs on.
struct SlotForm {
  StepPhase phase = StepPhase::frame;
  std::size_t streams = 0;
  std::int64_t frames = 0;  ///< to be vocoded

  [[nodiscard]] double items() const { return static_cast<double>(streams); }
  /// As Step::form has it.
  [[nodiscard]] std::uint64_t number() const {
    return (std::uint64_t{1} + static_cast<std::uint64_t>(phase)) << 60 | streams << 40 |
           static_cast<std::uint64_t>(frames);
  }
};

/// Autoregressive speech synthesis in a fixed number of slots: new streams are encoded first, then every active stream
/// gets a codec frame a step, and streams with a full chunk are vocoded together before the next frame.
class SlotEngine {
 public:
  /// `slots` are those of the batch profile that is loaded, whatever the options leave open.
  SlotEngine(const SlotOptions& options, const AutoregressiveTtsModel& model, int slots,
             std::int64_t queue_limit = -1, double request_overhead_s = 0);

  [[nodiscard]] bool enqueue(const Job& job) { return waiting_.push(job); }
  /// Null when there is nothing to do; valid until the next call.
  [[nodiscard]] const Step* plan(Time now, Outbox& out);
  [[nodiscard]] const Step& planned() const { return step_; }
  [[nodiscard]] Time wake() const { return kNever; }
  void complete(const Step& step, Time now, Outbox& out);

  // Steps that follow each other without anything to tell, for those who advance several.
  /// The planned one included, that are sure to end in silence if nothing arrives.
  [[nodiscard]] std::size_t silent_steps() const;
  /// The one that comes so many after the planned one, if all before it are silent.
  [[nodiscard]] SlotForm following_form(std::size_t ahead) const;
  [[nodiscard]] Step step_of(const SlotForm& form) const;
  /// Goes past silent steps; the one in hand then is the next.
  void skip(std::span<const Time> ends);
  /// Whether a job that has just arrived could be taken in by the next plan.
  [[nodiscard]] bool may_admit(const Job&) const { return active_.size() < slots_; }

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
  using Frame = std::int64_t;  // of all that the server has generated, one for every stream of a step
  /// What is kept of a job that is spoken: small, for it is moved whenever another one ends.
  struct Active {
    std::uint32_t request = 0;
    std::uint8_t stage = 0;
    bool gone = false;  // its client
    Time queued{};
    Playout* playout = nullptr;  // who hears it
    Frame begin = 0;             // when it had generated so many
    Frame frames = 0;            // of the whole utterance
    Frame vocoded = 0;           // of those
    double chunk_end = 0;        // of its frames, after which the running chunk is full
    Time last_chunk{};
    Duration last_audio{};  // of the chunk before
    InterarrivalJitter jitter{};

    /// When its next chunk is full or its last one.
    [[nodiscard]] Frame chunk_due() const;
  };
  [[nodiscard]] Step plan_prefill(Outbox& out);
  /// Of the chunks that are due next, when they are.
  [[nodiscard]] SlotForm vocode_form() const;
  void find_next_due();
  void emit_chunks(Time now, Outbox& out);
  /// Of a stream that has none before `done` of its frames; the next one is `length` frames long.
  void emit_chunk(Active& stream, Frame done, double length, Time now, Outbox& out);
  /// Streams whose clients have gone leave their slots.
  void drop_gone(Outbox& out);
  void erase_ended();

  SlotOptions options_;
  KnownSpeech speech_;
  Duration request_overhead_;
  const AutoregressiveTtsModel* model_;
  std::size_t slots_;
  JobQueue waiting_;
  std::vector<Active> active_;
  std::vector<Frame> due_;             // of each: when its next chunk is
  Frame next_due_ = 0;                 // the first of them
  std::vector<std::uint32_t> places_;  // as many as slots: first those whose that is, ascending
  std::size_t first_due_ = 0;          // how many they are
  Frame frame_ = 0;                    // generated so far
  Phase phase_ = Phase::idle;
  bool vocode_due_ = false;
  bool any_gone_ = false;  // of the clients
  Step step_;              // in hand
  Histogram first_chunk_;
  Histogram inter_chunk_;
  Histogram jitter_;
};

[[nodiscard]] SlotEngine make_engine(const SlotOptions& options, const EngineSite& site);

}  // namespace gpushare
