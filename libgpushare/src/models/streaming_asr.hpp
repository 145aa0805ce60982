#pragma once

#include <array>

#include "models/model_kind.hpp"

namespace gpushare {

/// Speech recognition that works through a stream chunk by chunk.
template <>
struct ModelKind<StreamingAsrModel> {
  static constexpr std::string_view kName = "streaming-asr";
  static constexpr bool kSourced = true;
  static constexpr bool kSplits = false;
  static constexpr bool kKeepsCache = false;
  static constexpr auto kMetrics = std::to_array<StageMetric>({{"after_speech", StageClock::after_speech}});

  static std::span<const Field<StreamingAsrModel>> fields();
  static void read(json::Figures& figures, StreamingAsrModel& model);
  static void write_by_hand(const StreamingAsrModel&, nlohmann::ordered_json&) {}

  static Role role(const StreamingAsrModel&) { return Role::recognises; }
  static std::vector<Precision> precisions(const StreamingAsrModel&) { return {Precision::fp16}; }
  static std::optional<Precision> computes_in(const StreamingAsrModel&, Precision precision,
                                              const GpuProfile&) {
    return precision;
  }
  static std::vector<Peaks> peaks(const StreamingAsrModel& model, Precision, const GpuProfile&) {
    return {{model.flop_efficiency, model.bandwidth_efficiency}};
  }
  static MemoryNeed memory(const StreamingAsrModel& model, const Process& process) {
    return whole_process(model.weight_bytes,
                         process.memory_bytes > 0 ? process.memory_bytes : model.memory_bytes);
  }
  static std::optional<LargerNeed> larger(const StreamingAsrModel&, const Process&, int) {
    return std::nullopt;
  }
  static double cache_bytes_per_token(const StreamingAsrModel&, const Process&) { return 0; }
};

}  // namespace gpushare
