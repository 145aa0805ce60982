#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gpushare/memory.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/workload.hpp"

/// Whether a workload fits where it is placed: what a process takes, and what is left.
namespace gpushare {

// ---- What a process takes ----

/// Of one process that has the partition to itself, but for `sharers` - 1 other LLM processes that an LLM leaves room for.
[[nodiscard]] MemoryNeed memory_need(const Service& service, const GpuProfile& profile,
                                     const Partition& partition, int sharers);
/// Of every process of a GPU beside its neighbours, by partition and process: MPS limits are kept, and batch profiles
/// left open are the largest that fit. What does not fit is there too: `fits` says so.
[[nodiscard]] std::vector<std::vector<MemoryNeed>> memory_needs(const std::vector<Service>& services,
                                                                const GpuPlacement& gpu);

// ---- What is left ----

/// Something that does not fit.
struct Misfit {
  enum class Reason : std::uint8_t {
    cache,         ///< what an LLM may take leaves no cache of 1,024 tokens
    memory_limit,  ///< a process needs more than its MPS memory limit
    partition,     ///< a process needs more than the partition has
    utilisation,   ///< shares of the memory that LLMs take (gpu_memory_utilization) exceed 1 together
    sum,           ///< the processes need more than the partition has together
    mps_clients    ///< more processes than MPS takes there
  };
  Reason reason = Reason::sum;
  int gpu = 0;
  int partition = 0;                 ///< of the GPU; where compute instances share memory, one of them
  int process = -1;                  ///< of the partition; -1: all
  int service = -1;                  ///< of that process; -1: all
  double needed = 0, available = 0;  ///< bytes; mps_clients: processes
  /// gpu_memory_utilization with which the LLM processes would fit together; 0 where none is known that does.
  double fitting_share = 0;
};
[[nodiscard]] std::string_view to_string(Misfit::Reason reason);

/// What the processes of a placement leave.
struct Fit {
  struct Part {
    int gpu = 0;
    int partition = 0;  ///< of the GPU
    /// Of its memory. Below zero: how much is lacking, to the processes together or to the one that lacks most.
    double free_bytes = 0;
  };
  std::vector<Part> parts;  ///< every partition, by GPU and start; those that share memory leave the same
  std::vector<Misfit>
      misfits;  ///< the first of each memory and each set of MPS clients, by GPU and partition

  [[nodiscard]] bool ok() const { return misfits.empty(); }
};

/// Adds up what the processes take; a microsecond or two for a few GPUs. Services and partitions must exist.
/// Throws ModelError for a precision that a model or its draft has no weights in.
[[nodiscard]] Fit fits(const Workload& workload, const Placement& placement);

/// "gpu0/3g.40gb@4": where it is.
[[nodiscard]] std::string place_of(const Misfit& misfit, const Placement& placement);
/// The sum, and what would help, for people.
[[nodiscard]] std::string explain(const Misfit& misfit, const Workload& workload, const Placement& placement);

/// Throws for the first misfit: LayoutError for MPS clients, otherwise MemoryError.
void check_memory(const Workload& workload, const Placement& placement);

}  // namespace gpushare
