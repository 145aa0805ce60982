#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "gpushare/time.hpp"

namespace gpushare {

/// CPU cores that the servers of a node share, first come first served. No cores given: no limit.
class HostCores {
 public:
  struct Task {
    std::uint32_t step = 0;
    Duration length;
  };
  explicit HostCores(int cores) : cores_(cores) {}
  /// 0: no limit.
  [[nodiscard]] int cores() const { return cores_; }

  /// True when the task starts at once; otherwise it waits.
  [[nodiscard]] bool start(const Task& task) {
    if (cores_ == 0) return true;
    if (busy_ < cores_) {
      ++busy_;
      return true;
    }
    waiting_.push_back(task);
    return false;
  }
  /// A core is free again; the task that gets it, if one waits.
  [[nodiscard]] std::optional<Task> release() {
    if (cores_ == 0) return std::nullopt;
    if (waiting_.empty()) {
      --busy_;
      return std::nullopt;
    }
    const Task next = waiting_.front();
    waiting_.pop_front();
    return next;
  }
  /// Forgets a task that waits; false when it is not among them (it holds a core).
  bool forget(std::uint32_t step) {
    return std::erase_if(waiting_, [&](const Task& task) { return task.step == step; }) > 0;
  }

 private:
  int cores_;
  int busy_ = 0;
  std::deque<Task> waiting_;
};

}  // namespace gpushare
