#include "models/llm.hpp"

#include <algorithm>

#include "gpushare/errors.hpp"

// What an LLM takes of a GPU beside the time of its steps: memory, rates, power. Its steps are in llm_demand.cpp,
// llm_parallel.cpp and llm_step.cpp.

namespace gpushare {
namespace {

const WeightFormat& format_of(const LlmModel& model, Precision precision, const GpuProfile& gpu,
                              const std::string& service, std::string_view whose) {
  const WeightFormat* format = model.format_for(precision, gpu);
  if (format == nullptr)
    throw ModelError(
        service, "the " + std::string(whose) + " has no weight format " + std::string(to_string(precision)));
  return *format;
}

const WeightFormat& format_of(const LlmModel& model, const Process& process) {
  return format_of(model, process.precision, process.gpu, process.service, "model");
}

// The model that guesses for a process's LLM, and its weights on this GPU.
struct Draft {
  const LlmModel* model = nullptr;
  const WeightFormat* format = nullptr;
};

Draft draft_of(const Process& process) {
  const Speculation* speculation = speculation_of(process.engine);
  if (speculation == nullptr || !speculation->draft) return {};
  const auto& model = std::get<LlmModel>(speculation->draft->cost);
  return {&model, &format_of(model, speculation->precision, process.gpu, process.service, "draft")};
}

}  // namespace

const Speculation* speculation_of(const Engine& engine) {
  const auto* options = std::get_if<ContinuousOptions>(&engine.options);
  return options == nullptr || options->speculation.tokens == 0 ? nullptr : &options->speculation;
}

LlmServing serving_of(const LlmModel& model, const Process& process) {
  const InterconnectConstants& link = process.link;
  LlmServing serving{
      &model,
      &format_of(model, process),
      {process.tensor_parallel, link.latency_s, link.bandwidth_bytes_per_s, link.one_shot_latency_s}};
  const Draft draft = draft_of(process);
  if (draft.model == nullptr) return serving;
  serving.draft = draft.model;
  serving.draft_format = draft.format;
  serving.draft_tokens = speculation_of(process.engine)->tokens;
  return serving;
}

std::vector<Precision> ModelKind<LlmModel>::precisions(const LlmModel& model) {
  std::vector<Precision> names;
  for (const WeightFormat& format : model.formats)
    if (names.empty() || names.back() != format.name) names.push_back(format.name);
  return names;
}

std::optional<Precision> ModelKind<LlmModel>::computes_in(const LlmModel& model, Precision precision,
                                                          const GpuProfile& gpu) {
  return model.format_for(precision, gpu)->compute;
}

std::vector<Peaks> ModelKind<LlmModel>::peaks(const LlmModel& model, Precision precision,
                                              const GpuProfile& gpu) {
  const WeightFormat& format = *model.format_for(precision, gpu);
  double flop = std::max(format.gemm_flop_efficiency, format.dequantisation.gemm_flop_efficiency);
  for (const TokensEfficiency& point : format.gemm_flop_curve) flop = std::max(flop, point.efficiency);
  return {{flop, std::max(format.gemm_bandwidth_efficiency, format.dequantisation.gemm_bandwidth_efficiency)},
          {0, 1},  // norms and the like
          {model.attention_flop_efficiency, model.kv_efficiency_max}};
}

double LlmModel::activations(int tokens, int sequences, int ranks) const {
  constexpr double kWhole = 4, kSplit = 11;  // tensors of the width
  constexpr double kLogitBytes = 2 + 4 + 4;
  const double vocabulary = head_flop / (2.0 * hidden);
  const double more_tokens = std::max(0, tokens - activation_tokens);
  const double more_sequences = std::max(0, sequences - activation_sequences);
  return activation_bytes + more_tokens * hidden * 2.0 * (kWhole + kSplit / ranks) +
         more_sequences * vocabulary * kLogitBytes;
}

// Of one rank: weights are split, most activations and the context are not.
MemoryNeed ModelKind<LlmModel>::memory(const LlmModel& model, const Process& process) {
  MemoryNeed need;
  need.weights = format_of(model, process).weight_bytes;
  const CardLimits limits = limits_on(std::get<ContinuousOptions>(process.engine.options), process.gpu,
                                      process.device_memory_bytes);
  need.max_num_seqs = limits.sequences;
  need.max_num_batched_tokens = limits.tokens;
  need.activations = model.activations(limits.tokens, limits.sequences, process.tensor_parallel);
  if (const Draft draft = draft_of(process); draft.model != nullptr) {
    need.weights += draft.format->weight_bytes;
    need.activations += draft.model->activation_bytes;
  }
  need.weights /= process.tensor_parallel;
  need.context = process.gpu.context_bytes;
  need.total = need.weights + need.activations + need.context;
  return need;
}

double ModelKind<LlmModel>::cache_bytes_per_token(const LlmModel& model, const Process& process) {
  const Draft draft = draft_of(process);
  const double drafted = draft.format == nullptr ? 0 : draft.format->kv_bytes_per_token;
  return (format_of(model, process).kv_bytes_per_token + drafted) / process.tensor_parallel;
}

}  // namespace gpushare
