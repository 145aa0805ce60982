#pragma once

#include <deque>
#include <utility>

#include "serving/job.hpp"

namespace gpushare {

/// The one thread of a server that takes requests in and sends tokens out, first come first served, while the GPU goes
/// on. A server that has none (both times 0) does both at once.
class Frontend {
 public:
  Frontend(double request_s, double token_s)
      : request_(duration_from_seconds(request_s)), token_(duration_from_seconds(token_s)) {}

  [[nodiscard]] bool present() const { return request_ > Duration{} || token_ > Duration{}; }
  /// Takes a job in that came at `job.queued`; calls must be in order of time, with those of `send`.
  void take(const Job& job);
  /// When tokens that are there now have been sent.
  [[nodiscard]] Time send(Time now, std::uint32_t tokens);
  /// Says `outcome` when `at` comes, at once if it has.
  void tell(Time now, Time at, const Outcome& outcome, Outbox& out);
  /// What has been sent by now.
  void deliver(Time now, Outbox& out);
  /// The next job that has been taken in by now, its `queued` when that was done; false when there is none.
  [[nodiscard]] bool next(Time now, Job& job);
  [[nodiscard]] std::size_t size() const { return taking_.size(); }  ///< jobs on their way in
  [[nodiscard]] Time wake() const;
  /// Nothing more is sent of a request's job at a stage. True when it was on its way in, or its last token on the way
  /// out: then it is all over.
  bool remove(std::uint32_t request, std::uint8_t stage);
  /// Its jobs and those whose last token was not sent yet have failed.
  void fail(Outbox& out);

 private:
  [[nodiscard]] Time work(Time now, Duration duration);

  Duration request_, token_;
  Time busy_{};                              // until
  std::deque<std::pair<Time, Job>> taking_;  // ascending, as the next
  std::deque<std::pair<Time, Outcome>> sending_;
};

}  // namespace gpushare
