#pragma once

#include <memory>

#include "gpushare/memory.hpp"
#include "models/process.hpp"
#include "serving/job.hpp"

namespace gpushare {

/// Where an engine works: its model, its process, the memory that the process has, and the queue that it shares with
/// the other replicas (null: none). Its host times of an iteration are so many times its options'.
struct EngineSite {
  const Model& model;
  const Process& process;
  const MemoryNeed& memory;
  std::shared_ptr<JobQueue> shared_queue{};
  double host_factor = 1;

  [[nodiscard]] std::int64_t queue_limit() const { return process.engine.queue_limit; }
};

}  // namespace gpushare
