#include <algorithm>
#include <cmath>

#include "gpushare/model.hpp"

namespace gpushare {

namespace {

double flop_efficiency(const WeightFormat& format, double tokens) {
  const auto& curve = format.gemm_flop_curve;
  if (curve.empty()) return format.gemm_flop_efficiency;
  const auto above = std::find_if(curve.begin(), curve.end(),
                                  [&](const TokensEfficiency& point) { return point.tokens >= tokens; });
  if (above == curve.end()) return curve.back().efficiency;
  if (above == curve.begin()) return above->efficiency;
  const auto below = above - 1;
  const double share = std::log(tokens / below->tokens) / std::log(above->tokens / below->tokens);
  return below->efficiency + share * (above->efficiency - below->efficiency);
}

// Of decode attention: more sequences fill the machine better.
double kv_efficiency(const LlmModel& model, double decodes, bool beside_prompts) {
  const double alone =
      std::min(model.kv_efficiency_max,
               model.kv_efficiency_base + model.kv_efficiency_slope * std::log2(std::max(1.0, decodes)));
  const bool limited = beside_prompts && decodes > 0 && model.kv_efficiency_mixed > 0;
  return limited ? std::min(alone, model.kv_efficiency_mixed) : alone;
}

OperatorGroup kernels_of_llm() {
  OperatorGroup group;
  group.of_llm = true;
  return group;
}

OperatorGroup products(const LlmModel& model, const WeightFormat& format, double tokens, double sampled) {
  OperatorGroup group = kernels_of_llm();
  group.flop = tokens * model.flop_per_token + sampled * model.head_flop;
  group.bytes = format.read_bytes;
  if (model.experts > 0) group.bytes -= format.expert_bytes * (1 - model.experts_called(tokens));
  group.bandwidth_efficiency = format.gemm_bandwidth_efficiency;
  group.flop_efficiency = flop_efficiency(format, tokens);
  group.precision = format.compute;
  group.norm = 2;
  const Dequantisation& expanded = format.dequantisation;
  if (expanded.from_tokens > 0 && tokens >= expanded.from_tokens) {
    group.bytes += expanded.extra_bytes;
    group.bandwidth_efficiency = expanded.gemm_bandwidth_efficiency;
    group.flop_efficiency = expanded.gemm_flop_efficiency;
  }
  return group;
}

OperatorGroup elementwise(const LlmModel& model, double tokens) {
  OperatorGroup group = kernels_of_llm();
  group.floor_s = model.elementwise_floor_s;
  group.bytes = tokens * model.elementwise_bytes_per_token;
  group.norm = 2;
  return group;
}

OperatorGroup attention(const LlmModel& model, const WeightFormat& format, double pairs, double context,
                        double sequences) {
  OperatorGroup group = kernels_of_llm();
  group.floor_s = model.attention_floor_s + model.gemm_floor_s;  // the products' own terms do not add up
  group.flop = pairs * model.attention_flop_per_pair;
  group.flop_efficiency = model.attention_flop_efficiency;
  group.bytes = context * format.kv_bytes_per_token;
  group.bandwidth_efficiency = kv_efficiency(model, sequences, pairs > 0);
  group.precision = format.compute;
  return group;
}

}  // namespace

const WeightFormat* LlmModel::format_for(Precision name, const GpuProfile& gpu) const {
  const WeightFormat* first = nullptr;
  for (const WeightFormat& format : formats) {
    if (format.name != name) continue;
    if (gpu.flops(format.compute) > 0) return &format;
    if (first == nullptr) first = &format;
  }
  return first;
}

Demand LlmModel::iteration(const WeightFormat& format, double prefill_tokens, double prefill_pairs,
                           double prefill_context, double decodes, double decode_context, double sampled,
                           double drafted) const {
  Demand demand;
  const double tokens = prefill_tokens + decodes + drafted;
  if (tokens <= 0) return demand;
  demand.kernels = kernels_per_step;
  if (prefill_tokens > 0) demand.host_before_s = prompt_host_s;
  demand.launch_s = launch_s + launch_per_sequence_s * sampled;
  demand.eager_launch_s = launch_s;
  demand.add(products(*this, format, tokens, sampled));
  demand.add(elementwise(*this, tokens));
  demand.add(attention(*this, format, prefill_pairs, decode_context + prefill_context, decodes));
  return demand;
}

}  // namespace gpushare
