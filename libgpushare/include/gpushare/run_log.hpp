#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpushare/demand.hpp"
#include "gpushare/table.hpp"
#include "gpushare/time.hpp"

namespace gpushare {

/// What happened on the GPUs of a run: who was there, who held a partition when, and at what rate. Indices are those of
/// `partitions` and `processes`; intervals are half open.
struct RunLog {
  struct Partition {
    std::string name;  ///< "gpu0/3g.40gb@0"
    std::uint32_t gpu = 0;
  };
  /// A process's life: one rank of a replica.
  struct Process {
    std::int32_t service = 0, replica = 0, rank = 0;
    std::uint32_t partition = 0;
    Time started{}, stopped = kNever;  ///< kNever: it outlives the run
    std::int32_t client = 0;           ///< its number on the partition while it lives
  };
  /// Time-slicing and exclusive use: a process ran alone, or was being brought in.
  struct Hold {
    std::uint32_t partition = 0, process = 0;
    bool switching = false;
    Time begin{}, end{};
  };
  /// Steps that run side by side: one of them at one rate (1: as fast as alone at full clock).
  struct Share {
    std::uint32_t partition = 0, process = 0;
    Time begin{}, end{};
    double rate = 1;
  };
  /// A rank's part of a step; `planned` and `done` are those of the whole.
  struct Step {
    std::uint32_t process = 0;
    StepPhase phase = StepPhase::batch;
    Time planned{}, gpu_start = kNever, gpu_end = kNever, done{};
    double items = 0;
  };

  std::vector<std::string> services;  ///< names
  std::vector<Partition> partitions;
  std::vector<Process> processes;
  std::vector<Hold> holds;
  std::vector<Share> shares;
  std::vector<Step> steps;
};

/// `processes`, `holds`, `shares` and `steps` as tables, in seconds, with names of services and partitions.
[[nodiscard]] std::vector<Table> to_tables(const RunLog& log);

}  // namespace gpushare
