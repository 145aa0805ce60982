#pragma once

#include <array>
#include <string>

#include "models/llm_step.hpp"
#include "models/model_kind.hpp"

namespace gpushare {

/// Decoder-only transformers.
template <>
struct ModelKind<LlmModel> {
  static constexpr std::string_view kName = "llm";
  static constexpr bool kSourced = true;
  static constexpr bool kSplits = true;
  static constexpr bool kKeepsCache = true;
  static constexpr auto kMetrics =
      std::to_array<StageMetric>({{"ttft", StageClock::first_output}, {"tpot", StageClock::per_token}});

  // llm_reader.cpp
  static std::span<const Field<LlmModel>> fields();
  static void read(json::Figures& figures, LlmModel& model);
  static void write_by_hand(const LlmModel& model, nlohmann::ordered_json& object);

  // llm.cpp
  static Role role(const LlmModel&) { return Role::generates; }
  static std::vector<Precision> precisions(const LlmModel& model);
  static std::optional<Precision> computes_in(const LlmModel& model, Precision precision,
                                              const GpuProfile& gpu);
  static std::vector<Peaks> peaks(const LlmModel& model, Precision precision, const GpuProfile& gpu);
  static MemoryNeed memory(const LlmModel& model, const Process& process);
  static std::optional<LargerNeed> larger(const LlmModel&, const Process&, int) { return std::nullopt; }
  static double cache_bytes_per_token(const LlmModel& model, const Process& process);
};

/// How a process runs its LLM on its GPU, its engine's draft included. Throws ModelError for weights that a model has not.
[[nodiscard]] LlmServing serving_of(const LlmModel& model, const Process& process);

/// What the process's engine guesses with; null: nothing.
[[nodiscard]] const Speculation* speculation_of(const Engine& engine);

}  // namespace gpushare
