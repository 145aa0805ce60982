#pragma once

#include <cstdint>
#include <deque>

#include "serving/job.hpp"
#include "serving/sequence.hpp"

namespace gpushare {

/// Who waits for admission: preempted sequences, the latest preemption first, then jobs first come first served within
/// a priority. By priority, a job goes before preempted sequences that are less urgent or came later.
class WaitingLine {
 public:
  WaitingLine(std::int64_t limit, bool by_priority)
      : limit_(limit), by_priority_(by_priority), jobs_(limit) {}

  /// Whether no more jobs are let in, with those that are on their way.
  [[nodiscard]] bool full(std::size_t coming) const {
    return limit_ >= 0 && static_cast<std::int64_t>(jobs_.size() + coming) >= limit_;
  }
  /// False when it is full.
  [[nodiscard]] bool push(const Job& job) { return jobs_.push(job); }
  void put_back(Sequence&& sequence);

  /// Whether a preempted sequence is next, and not a job.
  [[nodiscard]] bool resumes() const;
  [[nodiscard]] Sequence& preempted() { return preempted_.front(); }
  void pop_preempted() { preempted_.pop_front(); }
  [[nodiscard]] bool has_job() const { return !jobs_.empty(); }
  [[nodiscard]] const Job& job() const { return jobs_.front(); }
  void pop_job() { jobs_.pop(); }
  /// Whether a job that has just arrived is next, though the line was blocked before.
  [[nodiscard]] bool leads(const Job& arrived) const;

  /// Takes out a request's job at a stage, or its preempted sequence; false when neither is here.
  bool remove(std::uint32_t request, std::uint8_t stage);
  /// All have failed.
  void fail(Outbox& out);

 private:
  std::int64_t limit_;  // of jobs; < 0: none
  bool by_priority_;
  JobQueue jobs_;
  std::deque<Sequence> preempted_;
};

}  // namespace gpushare
