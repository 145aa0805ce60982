#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/fields.hpp"
#include "models/process.hpp"

/// What is asked of a model whatever its kind. Every kind answers in a file of its own (llm.hpp, batch.hpp, ...) by a
/// specialisation of ModelKind; one that leaves an answer out does not compile.
namespace gpushare {

/// Members of each specialisation, for a model of its kind:
///   kName                        as files write it in "kind"
///   kSourced                     whether its file's figures carry their source
///   kMetrics                     latencies of a stage, beside `queue` and `latency`
///   kSplits                      whether the GPUs of a replica can share the work of a step
///   kKeepsCache                  whether a process keeps a cache of tokens, and so takes a share of the memory
///   fields()                     the table of what its file states
///   read(figures, model)         the fields, what their table cannot say, and what must hold of several
///   write_by_hand(model, object) what their table cannot say
///   role(model)                  what it does with a request
///   precisions(model)            in which its weights are stored, as it was written
///   computes_in(model, precision, gpu)   the rate that a step needs; nothing: none
///   peaks(model, precision, gpu)         of each group of a step's kernels
///   memory(model, process)               at least: without a cache, with the smallest batch profile that is allowed
///   larger(model, process, slots)        with the next batch profile after `slots`, if there is one
///   cache_bytes_per_token(model, process)   of one rank
template <class Cost>
struct ModelKind;

/// Precisions in which a service may name its weights.
[[nodiscard]] std::vector<Precision> precisions_of(const Model& model);
[[nodiscard]] bool splits_over_gpus(const Model& model);
[[nodiscard]] bool keeps_cache(const Model& model);
[[nodiscard]] std::span<const StageMetric> metrics_of(const Model& model);

/// The rate that its steps need on this GPU; nothing: none.
[[nodiscard]] std::optional<Precision> computes_in(const Model& model, Precision precision,
                                                   const GpuProfile& gpu);
[[nodiscard]] std::vector<Peaks> peaks_of(const Model& model, Precision precision, const GpuProfile& gpu);

/// At least: without a cache of tokens, and with the smallest batch profile that the engine allows.
[[nodiscard]] MemoryNeed memory_of(const Model& model, const Process& process);
/// With the next batch profile after `slots`, where the engine leaves the choice open and there is one.
[[nodiscard]] std::optional<LargerNeed> larger_memory(const Model& model, const Process& process, int slots);
/// Of one rank, a draft's included; 0 for a model that keeps no cache.
[[nodiscard]] double cache_bytes_per_token(const Model& model, const Process& process);

/// A network that a service runs, and the precision of its weights.
struct Network {
  const Model* model = nullptr;
  Precision precision = Precision::fp16;
};
/// The service's own, and its engine's draft if there is one.
[[nodiscard]] std::vector<Network> networks_of(const Model& model, Precision precision, const Engine& engine);

/// What a stage needs of a request's sizes: "output_tokens", because it "generates tokens".
struct Need {
  std::string_view size;
  std::string_view why;
};
/// Empty for a stage that needs nothing.
[[nodiscard]] Need need_of(Role role);

}  // namespace gpushare
