#pragma once

#include <span>

#include "gpushare/engine.hpp"
#include "gpushare/model.hpp"
#include "gpushare/workload.hpp"
#include "models/process.hpp"

namespace gpushare {

/// The kinds of engine that can serve a model; the first is the one that does where a scenario names none.
[[nodiscard]] std::span<const EngineKind> engines_for(const Model& model);
/// As servers of such a model come: vLLM's API server for an LLM, otherwise the first kind of engine with its defaults.
[[nodiscard]] Engine usual_engine(const Model& model);
/// "model parakeet-1.1b is of kind streaming-asr, which needs stream-batching, not "fifo""; empty when the engine fits.
[[nodiscard]] std::string engine_refusal(const Model& model, EngineKind kind);

/// A process of the service on such a GPU; the service must outlive it. Throws ScenarioError when its engine cannot serve
/// its model. `device_memory_bytes` is what the card, or a slice of it, has: a small one unless it is said.
[[nodiscard]] Process process_of(const Service& service, const GpuProfile& gpu,
                                 double device_memory_bytes = 0);

}  // namespace gpushare
