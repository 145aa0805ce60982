#pragma once

#include <array>

#include "models/model_kind.hpp"

namespace gpushare {

/// Any network that runs a batch in one step.
template <>
struct ModelKind<BatchModel> {
  static constexpr std::string_view kName = "batch";
  static constexpr bool kSourced = true;
  static constexpr bool kSplits = false;
  static constexpr bool kKeepsCache = false;
  static constexpr std::array<StageMetric, 0> kMetrics{};

  static std::span<const Field<BatchModel>> fields();
  static void read(json::Figures& figures, BatchModel& model);
  static void write_by_hand(const BatchModel& model, nlohmann::ordered_json& object);

  /// One that counts seconds of audio speaks.
  static Role role(const BatchModel& model) { return model.unit == "audio_s" ? Role::speaks : Role::counts; }
  static std::vector<Precision> precisions(const BatchModel& model) { return {model.precision}; }
  static std::optional<Precision> computes_in(const BatchModel&, Precision precision, const GpuProfile&) {
    return precision;
  }
  static std::vector<Peaks> peaks(const BatchModel& model, Precision, const GpuProfile&) {
    return {{model.flop_efficiency, model.bandwidth_efficiency}};
  }
  static MemoryNeed memory(const BatchModel& model, const Process& process);
  static std::optional<LargerNeed> larger(const BatchModel&, const Process&, int) { return std::nullopt; }
  static double cache_bytes_per_token(const BatchModel&, const Process&) { return 0; }
};

}  // namespace gpushare
