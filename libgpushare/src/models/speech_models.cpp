#include "gpushare/model.hpp"

namespace gpushare {

namespace {

OperatorGroup group_of(const AutoregressiveTtsModel& model, double floor_s, double flop, double bytes) {
  OperatorGroup group;
  group.floor_s = floor_s;
  group.flop = flop;
  group.bytes = bytes;
  group.flop_efficiency = model.flop_efficiency;
  group.bandwidth_efficiency = model.bandwidth_efficiency;
  return group;
}

}  // namespace

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

Demand AutoregressiveTtsModel::prefill(double streams) const {
  Demand demand;
  if (streams <= 0) return demand;
  demand.host_before_s = host_per_step_s + streams * host_per_stream_s;
  demand.kernels = kernels_per_frame;
  demand.add(group_of(*this, prefill_floor_s + streams * prefill_per_stream_s, 0, weight_bytes));
  return demand;
}

Demand AutoregressiveTtsModel::frame(double streams) const {
  Demand demand;
  if (streams <= 0) return demand;
  demand.host_before_s = host_per_step_s + streams * host_per_stream_s;
  demand.kernels = kernels_per_frame;
  demand.launch_s = frame_launch_s;
  demand.add(
      group_of(*this, frame_floor_s, streams * frame_flop, frame_weight_bytes + streams * frame_bytes));
  return demand;
}

Demand AutoregressiveTtsModel::vocode(double streams, double frames) const {
  Demand demand;
  if (streams <= 0) return demand;
  demand.kernels = streams * kernels_per_vocode;
  demand.add(group_of(*this, streams * vocoder_floor_s, frames * vocoder_flop_per_frame,
                      frames * vocoder_bytes_per_frame));
  return demand;
}

}  // namespace gpushare
