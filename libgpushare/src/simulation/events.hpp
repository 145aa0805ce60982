#pragma once

#include <cstdint>

#include "simulation/kernel.hpp"

namespace gpushare {

/// Simultaneous events fire in this order; those of GPUs and of iterations by partition and by server, so that it is
/// the same whether iterations are events of their own or not.
enum EventClass : std::uint32_t {
  kWindowEvent,
  kGpuEvent,
  kHostEvent,
  kIterationEvent,
  kDelayEvent,
  kTrafficEvent,
  kFleetEvent,  ///< faults, restarts and changes
  kWakeEvent
};

/// Whose event it is.
enum class Part : std::uint8_t {
  window,
  partition,
  link,
  clock,
  step,
  delay,
  client,
  open_source,
  user,
  trace_source,
  call_source,
  call,
  fault,
  restart,
  wake,
  iterations,
  change,
  control,
  series
};

[[nodiscard]] inline Kernel::Slot add_slot(Kernel& kernel, EventClass event_class, Part part,
                                           std::size_t index) {
  return kernel.add_slot(event_class, static_cast<std::uint8_t>(part), index);
}
[[nodiscard]] inline Kernel::Slot add_slot(Kernel& kernel, EventClass event_class, Part part,
                                           std::size_t index, std::uint64_t rank) {
  return kernel.add_slot(event_class, static_cast<std::uint8_t>(part), index, rank);
}

}  // namespace gpushare
