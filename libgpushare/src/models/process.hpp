#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gpushare/engine.hpp"
#include "gpushare/memory.hpp"
#include "gpushare/model.hpp"
#include "gpushare/profile.hpp"

/// What kinds of models are asked for, and what they answer with.
namespace gpushare {

/// A process that serves a model, as far as its memory and its steps depend on it.
struct Process {
  const std::string& service;  ///< for messages
  Precision precision;
  const Engine& engine;
  int tensor_parallel;
  double memory_bytes;  ///< that the scenario gives it; 0: what it needs
  const GpuProfile& gpu;
  InterconnectConstants link;  ///< to the GPUs of the other ranks
  double device_memory_bytes;  ///< of the card, or of the slice that is a device to it
};

/// A process with the next larger of its batch profiles.
struct LargerNeed {
  MemoryNeed need;
  double profile_bytes = 0;  ///< that the profile takes, whatever the scenario gives the process
};

/// Shares of its peak rates that a group of kernels reaches at most when it is bound by one of them.
struct Peaks {
  double flop = 0;
  double bandwidth = 0;
};

/// What a stage's latency is measured by.
enum class StageClock : std::uint8_t { queue, first_output, after_speech, per_token, latency };
struct StageMetric {
  std::string_view name;  ///< without the unit: "ttft"
  StageClock clock;
};

/// A figure for the whole process: what is not weights counts as activations.
[[nodiscard]] MemoryNeed whole_process(double weights, double total);
/// A figure without the CUDA context, which comes on top unless the scenario gives the process its memory.
[[nodiscard]] MemoryNeed with_context(double weights, double bytes, const Process& process);

}  // namespace gpushare
