#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gpushare/random.hpp"
#include "gpushare/sharing.hpp"

/// What fails in a run, when, and for how long.
namespace gpushare {

/// What is hit by itself.
enum class FaultTarget : std::uint8_t { process, gpu, node };

/// How a process fails, which says whom it takes along unless the document says otherwise (`shared_fault_domain`).
enum class FaultKind : std::uint8_t {
  allocation,  ///< it runs out of memory: CUDA returns an error to it, and to nobody else
  context,  ///< a fatal exception of a kernel: what shares the context, under MPS every client on the partition
  device    ///< the GPU under it stops: every process on it, in whatever MIG instance
};
[[nodiscard]] std::string_view to_string(FaultKind kind);

/// How the processes that one fault took come back to a GPU.
enum class RestartOrder : std::uint8_t { together, in_turn };

/// Of a process, a GPU or a node, at a time or by a rate; or a leak, which ends in a failed allocation.
struct Fault {
  static constexpr int kEach = -1;

  FaultTarget target = FaultTarget::process;
  int service = 0;  ///< of a process
  int number =
      0;  ///< of the replica, or of the GPU or the node in the placement; kEach: each of them by itself
  FaultKind kind = FaultKind::context;  ///< of a process; a leak's is an allocation
  double at_s = 0;                      ///< start of the leak when leak_bytes_per_s > 0
  double mtbf_s = 0;  ///< > 0: instead, the mean of exponential times in service between two of them
  double leak_bytes_per_s = 0;            ///< until the memory is full, or the process's memory_limit_bytes
  Distribution repair_s = constant(0);    ///< until a GPU that stopped, or its node, is back
  Distribution restart_s = constant(60);  ///< of each process, after that
  RestartOrder restart_order = RestartOrder::together;
  /// Of a process: whether it takes all on the partition along (of the kind `device`: on the GPU), or nobody; absent: as
  /// the kind and the sharing say.
  std::optional<bool> shared_fault_domain{};

  /// Whether hardware stops, and not only processes on it.
  [[nodiscard]] bool stops_hardware() const {
    return target != FaultTarget::process || kind == FaultKind::device;
  }
};

/// What `shared_fault_domain` is by default where processes share so.
[[nodiscard]] bool shares_fault_domain(FaultKind kind, SharingMode mode);

}  // namespace gpushare
