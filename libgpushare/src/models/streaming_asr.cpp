#include "models/streaming_asr.hpp"

namespace gpushare {

Demand StreamingAsrModel::chunk(double streams, double chunk_s) const {
  Demand demand;
  if (streams <= 0) return demand;
  OperatorGroup encoder;
  encoder.floor_s = floor_s;
  encoder.flop = streams * (chunk_s + padding_s) * flop_per_audio_s;
  encoder.bytes = weight_bytes;
  encoder.flop_efficiency = flop_efficiency;
  encoder.bandwidth_efficiency = bandwidth_efficiency;
  demand.host_before_s = host_before_s + streams * host_per_stream_s;
  demand.host_after_s = host_after_s;
  demand.segments = segments;
  demand.kernels = kernels;
  demand.add(encoder);
  return demand;
}

std::span<const Field<StreamingAsrModel>> ModelKind<StreamingAsrModel>::fields() {
  using M = StreamingAsrModel;
  using gpushare::fields::kMust;
  static constexpr auto kTable = std::to_array<Field<M>>({
      {"flop_per_audio_s", &M::flop_per_audio_s, json::kPositive, kMust, "Encoder."},
      {"padding_s", &M::padding_s, json::kSpan, kMust,
       "Context encoded again with every chunk, left + right."},
      {"weight_bytes", &M::weight_bytes, json::kPositive, kMust},
      {"memory_bytes", &M::memory_bytes, json::kPositive, kMust, "Of one process, all told."},
      {"flop_efficiency", &M::flop_efficiency, json::kEfficiency, kMust},
      {"bandwidth_efficiency", &M::bandwidth_efficiency, json::kEfficiency, kMust},
      {"floor_s", &M::floor_s, json::kSpan, kMust, "Latency-bound GPU time of a step."},
      {"host_before_s", &M::host_before_s, json::kSpan, kMust},
      {"host_after_s", &M::host_after_s, json::kSpan, kMust},
      {"host_per_stream_s", &M::host_per_stream_s, json::kSpan, kMust},
      {"segments", &M::segments, {1}, kMust, "Decoder steps that wait for each other through the host."},
      {"kernels", &M::kernels, json::kPositive, kMust},
  });
  return kTable;
}

void ModelKind<StreamingAsrModel>::read(json::Figures& figures, StreamingAsrModel& model) {
  read_figures(figures, fields(), model);
}

}  // namespace gpushare
