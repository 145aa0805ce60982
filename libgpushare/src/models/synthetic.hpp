#pragma once

#include <array>

#include "models/model_kind.hpp"

namespace gpushare {

/// A service time drawn from a distribution. Its file has plain numbers: there is nothing to have a source.
template <>
struct ModelKind<SyntheticModel> {
  static constexpr std::string_view kName = "synthetic";
  static constexpr bool kSourced = false;
  static constexpr bool kSplits = false;
  static constexpr bool kKeepsCache = false;
  static constexpr std::array<StageMetric, 0> kMetrics{};

  static std::span<const Field<SyntheticModel>> fields();
  static void read(json::Figures& figures, SyntheticModel& model);
  static void write_by_hand(const SyntheticModel& model, nlohmann::ordered_json& object);

  static Role role(const SyntheticModel&) { return Role::draws; }
  static std::vector<Precision> precisions(const SyntheticModel&) { return {Precision::fp16}; }
  static std::optional<Precision> computes_in(const SyntheticModel&, Precision, const GpuProfile&) {
    return std::nullopt;
  }
  static std::vector<Peaks> peaks(const SyntheticModel& model, Precision, const GpuProfile&) {
    if (model.bandwidth_share == 0) return {};
    return {{0, model.bandwidth_share}};
  }
  static MemoryNeed memory(const SyntheticModel& model, const Process& process) {
    return with_context(model.memory_bytes, model.memory_bytes, process);
  }
  static std::optional<LargerNeed> larger(const SyntheticModel&, const Process&, int) { return std::nullopt; }
  static double cache_bytes_per_token(const SyntheticModel&, const Process&) { return 0; }
};

}  // namespace gpushare
