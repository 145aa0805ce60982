#include "serving/iteration.hpp"

#include <cmath>

namespace gpushare {
namespace {

/// The batch that CUDA graphs are captured for: 1, 2, 4, then every 8 up to 256 and every 16 beyond (vLLM).
double captured_batch(double batch) {
  if (batch <= 2) return batch;
  if (batch <= 4) return 4;
  const double step = batch <= 256 ? 8 : 16;
  return std::ceil(batch / step) * step;
}

bool is_captured(double batch, const ContinuousOptions& options) {
  return !options.enforce_eager && batch <= options.cuda_graph_max_batch;
}

// Until the host has launched the kernels that no CUDA graph holds, beside the GPU.
double eager_launch_s(const LlmLoad& load, const LlmServing& serving, const ContinuousOptions& options) {
  const double batch = load.prefill_tokens + load.decodes + load.drafted;
  const bool captured = is_captured(batch, options);
  double kernel_s = 0;
  if (load.prefill_tokens > 0) {
    kernel_s = captured ? options.piecewise_kernel_s : options.eager_kernel_s;
  } else if (!captured && (options.cuda_graph_max_batch > 0 || options.enforce_eager)) {
    kernel_s = options.eager_kernel_s;
  }
  return kernel_s * serving.model->kernels_per_step;
}

}  // namespace

void schedule(Sequence& sequence, std::uint32_t tokens, LlmLoad& load) {
  const double context = sequence.computed;
  if (sequence.decodes()) {
    load.decodes += 1;
    load.drafted += tokens - 1;
    load.decode_context += context + tokens;
    load.sampled += tokens;
  } else {
    load.prefill_tokens += tokens;
    load.prefill_pairs += tokens * context + tokens * (tokens + 1.0) / 2;
    load.prefill_context += context;
    if (sequence.computed + tokens == sequence.target) load.sampled += 1;
  }
  load.sequences += 1;
  sequence.scheduled = tokens;
}

void unschedule(Sequence& sequence, LlmLoad& load) {
  if (sequence.scheduled == 0) return;
  LlmLoad undone;
  schedule(sequence, sequence.scheduled, undone);
  load.prefill_tokens -= undone.prefill_tokens;
  load.prefill_pairs -= undone.prefill_pairs;
  load.prefill_context -= undone.prefill_context;
  load.decodes -= undone.decodes;
  load.drafted -= undone.drafted;
  load.decode_context -= undone.decode_context;
  load.sampled -= undone.sampled;
  load.sequences -= undone.sequences;
  sequence.scheduled = 0;
}

Step step_of(const LlmLoad& load, const LlmServing& serving, const ContinuousOptions& options) {
  Step step;
  step.items = load.sequences;
  double padding = 0;
  const double batch = load.prefill_tokens + load.decodes + load.drafted;
  if (is_captured(batch, options)) padding = captured_batch(batch) - batch;
  step.demand = serving.rank_step(load, padding);
  const double launching_s = eager_launch_s(load, serving, options);
  step.demand.eager_launch_s += launching_s;
  step.demand.launch_s +=
      options.beside_per_step_s + options.beside_per_sequence_s * load.sequences + launching_s;
  step.demand.host_before_s += options.host_per_step_s + options.host_per_sequence_s * step.items;
  step.phase = load.prefill_tokens == 0 ? StepPhase::decode
               : load.decodes == 0      ? StepPhase::prefill
                                        : StepPhase::mixed;
  return step;
}

}  // namespace gpushare
