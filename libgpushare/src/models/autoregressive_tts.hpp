#pragma once

#include <array>

#include "models/model_kind.hpp"

namespace gpushare {

/// Speech synthesis frame by frame with a codec decoder.
template <>
struct ModelKind<AutoregressiveTtsModel> {
  using Tts = AutoregressiveTtsModel;
  static constexpr std::string_view kName = "autoregressive-tts";
  static constexpr bool kSourced = true;
  static constexpr bool kSplits = false;
  static constexpr bool kKeepsCache = false;
  static constexpr auto kMetrics = std::to_array<StageMetric>({{"first_audio", StageClock::first_output}});

  static std::span<const Field<Tts>> fields();
  static void read(json::Figures& figures, Tts& model);
  static void write_by_hand(const Tts& model, nlohmann::ordered_json& object);

  static Role role(const Tts&) { return Role::speaks; }
  static std::vector<Precision> precisions(const Tts&) { return {Precision::fp16}; }
  static std::optional<Precision> computes_in(const Tts&, Precision precision, const GpuProfile&) {
    return precision;
  }
  static std::vector<Peaks> peaks(const Tts& model, Precision, const GpuProfile&) {
    return {{model.flop_efficiency, model.bandwidth_efficiency}};
  }
  static MemoryNeed memory(const Tts& model, const Process& process);
  static std::optional<LargerNeed> larger(const Tts& model, const Process& process, int slots);
  static double cache_bytes_per_token(const Tts&, const Process&) { return 0; }
};

}  // namespace gpushare
