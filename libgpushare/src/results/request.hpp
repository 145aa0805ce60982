#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "gpushare/time.hpp"
#include "gpushare/workload.hpp"
#include "serving/block_pool.hpp"
#include "serving/playout.hpp"

namespace gpushare {

/// `skipped`: never sent, because the request that it follows got no answer.
enum class RequestStatus : std::uint8_t { completed, rejected, failed, skipped };

/// Where a request stands in one stage.
struct StageState {
  Time queued = kNever;
  Time last_queued = kNever;  ///< of stages that take sentences one by one: the last
  Time started = kNever;
  Time first_output = kNever;
  Time finished = kNever;
  Time job_queued{};  ///< of the job in hand
  std::int32_t replica = -1;
  bool in_service = false;  ///< a server has its job
  // Stages that take sentences one by one:
  std::uint32_t parts_available = 0;
  std::uint32_t parts_submitted = 0;
  std::uint32_t parts_done = 0;
};

/// A request in flight.
struct Request {
  std::uint64_t uid = 0;  ///< the same under every placement: random streams are indexed by it
  Time arrival{};
  std::int32_t traffic = 0;
  std::int32_t user = -1;
  std::int32_t turn = 0;
  std::int32_t session = -1;  ///< trace: of the conversation; -1: none
  std::int32_t call = -1;     ///< calls: index of the open call
  RequestStatus status = RequestStatus::completed;
  bool measured = false;
  std::int32_t client = -1;    ///< its number among those who may give up; -1: they wait for ever
  std::uint32_t attempts = 0;  ///< the one in hand included
  bool too_long = false;       ///< for the server that rejected it: nobody asks it again
  bool timed_out = false;      ///< the client gave up on the last attempt
  bool by_fault = false;       ///< a fault ended the last attempt
  bool abandoned = false;      ///< an attempt that nobody waits for, which a server has yet to let go
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::uint8_t priority = 0;
  double speech_s = 0;
  double units = 1;
  std::uint32_t jobs_open = 0;    ///< jobs in services and delays running
  std::uint32_t stages_open = 0;  ///< stages not finished
  Playout playout{};
  double audio_s_per_token = 0;                  ///< of this reply; 0: the stage's
  std::uint32_t sentence_tokens = 0;             ///< of this reply; 0: the stage's
  std::shared_ptr<const PromptPrefix> prefix{};  ///< where the engines keep prefixes
  std::array<StageState, kMaxStages> stages{};
};

/// Requests in flight, by slot; slots are used again, and none of them moves.
class RequestPool {
 public:
  [[nodiscard]] std::uint32_t add(const Request& request) {
    if (free_.empty()) {
      requests_.push_back(request);
      return static_cast<std::uint32_t>(requests_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    requests_[slot] = request;
    return slot;
  }
  void remove(std::uint32_t slot) { free_.push_back(slot); }
  [[nodiscard]] Request& operator[](std::uint32_t slot) { return requests_[slot]; }
  [[nodiscard]] std::size_t in_flight() const { return requests_.size() - free_.size(); }

 private:
  std::deque<Request> requests_;
  std::vector<std::uint32_t> free_;
};

}  // namespace gpushare
