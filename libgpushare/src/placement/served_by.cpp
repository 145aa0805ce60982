#include "placement/served_by.hpp"

#include <algorithm>
#include <array>

#include "core/overloaded.hpp"
#include "core/text.hpp"
#include "gpushare/engines.hpp"
#include "gpushare/errors.hpp"
#include "models/model_kind.hpp"
#include "serving/engine_options.hpp"

namespace gpushare {
namespace {

constexpr std::array kContinuous{EngineKind::continuous_batching};
constexpr std::array kStreams{EngineKind::stream_batching};
constexpr std::array kSlots{EngineKind::autoregressive_slots};
constexpr std::array kBatches{EngineKind::dynamic_batching, EngineKind::fifo};
constexpr std::array kQueues{EngineKind::fifo, EngineKind::dynamic_batching};

constexpr const char* kUsualLlmServer = "vllm-0.24";

}  // namespace

std::span<const EngineKind> engines_for(const Model& model) {
  using Kinds = std::span<const EngineKind>;
  return std::visit(overloaded{[](const LlmModel&) { return Kinds(kContinuous); },
                               [](const StreamingAsrModel&) { return Kinds(kStreams); },
                               [](const AutoregressiveTtsModel&) { return Kinds(kSlots); },
                               [](const BatchModel&) { return Kinds(kBatches); },
                               [](const SyntheticModel&) { return Kinds(kQueues); }},
                    model.cost);
}

std::string usual_llm_preset() { return kUsualLlmServer; }

Engine usual_engine(const Model& model) {
  if (role_of(model) == Role::generates) return load_engine_preset(kUsualLlmServer).engine;
  return engine_of(engines_for(model).front());
}

std::string engine_refusal(const Model& model, EngineKind kind) {
  const auto fitting = engines_for(model);
  if (std::find(fitting.begin(), fitting.end(), kind) != fitting.end()) return {};
  std::vector<std::string_view> names;
  for (const EngineKind fit : fitting) names.push_back(to_string(fit));
  return text::format("model {} is of kind {}, which needs {}, not \"{}\"", model.name, kind_of(model),
                      text::join(names, " or "), to_string(kind));
}

Process process_of(const Service& service, const GpuProfile& gpu, double device_memory_bytes) {
  if (const auto refusal = engine_refusal(*service.model, kind_of(service.engine)); !refusal.empty())
    throw ScenarioError(service.name, refusal);
  return {service.name, service.precision, service.engine,     service.tensor_parallel, service.memory_bytes,
          gpu,          gpu.interconnect,  device_memory_bytes};
}

std::vector<std::pair<std::string_view, std::vector<EngineKind>>> engines_by_model() {
  std::vector<std::pair<std::string_view, std::vector<EngineKind>>> engines;
  for (std::size_t kind = 0; kind < std::variant_size_v<decltype(Model::cost)>; ++kind) {
    Model model;
    model.cost = alternative<decltype(Model::cost)>(kind);
    const auto fitting = engines_for(model);
    engines.emplace_back(kind_of(model), std::vector(fitting.begin(), fitting.end()));
  }
  return engines;
}

}  // namespace gpushare
