#pragma once

#include <memory>
#include <utility>

#include "gpushare/memory.hpp"
#include "gpushare/statistics.hpp"
#include "models/process.hpp"
#include "serving/job.hpp"

namespace gpushare {

/// What an engine measured by itself, by its name in the summary.
using NamedHistogram = std::pair<const char*, const Histogram*>;

/// Where an engine works: its model, its process, the memory that the process has, and the queue that it shares with
/// the other replicas (null: none).
struct EngineSite {
  const Model& model;
  const Process& process;
  const MemoryNeed& memory;
  std::shared_ptr<JobQueue> shared_queue{};

  [[nodiscard]] std::int64_t queue_limit() const { return process.engine.queue_limit; }
};

}  // namespace gpushare
