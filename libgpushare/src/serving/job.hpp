#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "gpushare/demand.hpp"
#include "gpushare/time.hpp"
#include "serving/block_pool.hpp"
#include "serving/playout.hpp"

namespace gpushare {

/// A stage's visit to a service, or one part of it (a sentence to speak).
struct Job {
  std::uint32_t request = 0;  ///< slot of the request in flight
  std::uint8_t stage = 0;
  std::uint8_t priority = 0;       ///< lower first
  std::uint16_t notify_every = 0;  ///< tokens between `progress` signals; 0: none
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 0;
  double audio_s = 0;  ///< to recognise or to speak
  bool held = false;   ///< a stream that stays open for many utterances; then `request` names its holder
  double units = 1;
  double synthetic_s = 0;  ///< drawn service time of a synthetic model
  Time queued{};
  std::uint64_t luck = 0;  ///< index of its random streams: the same under every placement
  std::shared_ptr<const PromptPrefix>
      prefix{};  ///< what its prompt shares with others; null: nothing is known
  Playout* playout =
      nullptr;  ///< of a stage that speaks: who hears it; stays where it is while the job lasts
};

/// Of its prompt and reply.
[[nodiscard]] inline std::int64_t tokens_of(const Job& job) {
  return std::int64_t{std::max(1u, job.input_tokens)} + job.output_tokens;
}

/// What an engine tells of a job.
enum class Signal : std::uint8_t {
  started,   ///< its first step was launched
  output,    ///< the first tokens, text or audio came out, or audio at which its listener breaks in
  progress,  ///< another `notify_every` tokens are there
  finished,
  failed,  ///< its process died, or its step ended after its client had gone
  moved,   ///< its process leaves, and another replica is to take it from its beginning
  opened,  ///< a held stream: audio is taken from now on
  lost,    ///< a held stream: its process died
};

/// Stage of outcomes that concern a held stream and not a request; their `request` is the stream's holder.
inline constexpr std::uint8_t kHolder = 255;

struct Outcome {
  std::uint32_t request = 0;
  std::uint8_t stage = 0;
  Signal signal = Signal::started;
  std::uint32_t tokens = 0;  ///< of `progress`, so far
};
using Outbox = std::vector<Outcome>;

/// Whether a job, or what is told of one, is a request's at a stage.
template <class JobOrOutcome>
[[nodiscard]] bool is_of(const JobOrOutcome& one, std::uint32_t request, std::uint8_t stage) {
  return one.request == request && one.stage == stage;
}

/// Of a job, or of what is kept of one.
template <class JobOrActive>
[[nodiscard]] Outcome tell(const JobOrActive& job, Signal signal, std::uint32_t tokens = 0) {
  return {job.request, job.stage, signal, tokens};
}

/// Jobs that wait: first come first served within a priority.
class JobQueue {
 public:
  static constexpr std::size_t kPriorities = 8;
  explicit JobQueue(std::int64_t limit = -1) : limit_(limit) {}

  [[nodiscard]] bool push(const Job& job) {
    if (limit_ >= 0 && static_cast<std::int64_t>(size_) >= limit_) return false;
    levels_[job.priority].push_back(job);
    ++size_;
    return true;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Job& front() const { return level().front(); }
  Job pop() {
    auto& jobs = const_cast<std::deque<Job>&>(level());
    Job job = jobs.front();
    jobs.pop_front();
    --size_;
    return job;
  }

  /// Takes out a request's job at a stage; false when it is not here.
  bool remove(std::uint32_t request, std::uint8_t stage) {
    for (auto& jobs : levels_) {
      const auto found = std::find_if(
          jobs.begin(), jobs.end(), [&](const Job& job) { return is_of(job, request, stage) && !job.held; });
      if (found == jobs.end()) continue;
      jobs.erase(found);
      --size_;
      return true;
    }
    return false;
  }

 private:
  [[nodiscard]] const std::deque<Job>& level() const {
    std::size_t i = 0;
    while (levels_[i].empty()) ++i;
    return levels_[i];
  }
  std::array<std::deque<Job>, kPriorities> levels_;
  std::size_t size_ = 0;
  std::int64_t limit_;
};

/// A step an engine wants to run, and a ticket to name it by when it is done.
struct Step {
  Demand demand;
  double items = 0;  ///< requests or streams in the batch
  StepPhase phase = StepPhase::batch;
  std::uint32_t ticket = 0;
  bool goes_on = false;    ///< as the process's step before, but for the bytes of the last group
  std::uint64_t form = 0;  ///< steps of a process with one number ask for the same; 0: no number
};

}  // namespace gpushare
