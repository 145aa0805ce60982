#include "placement/memory.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gpushare/errors.hpp"
#include "placement/memory_parts.hpp"

namespace gpushare {
namespace scenario {

std::int64_t least_blocks(const Engine& engine) {
  return (kLeastCachedTokens + engine.block_size - 1) / engine.block_size;
}

double llm_share(const Engine& engine, int sharers) {
  return engine.gpu_memory_utilization > 0 ? engine.gpu_memory_utilization : kDefaultUtilization / sharers;
}

Draft draft_of(const Service& service, const GpuProfile& gpu) {
  const Speculation& speculation = service.engine.speculation;
  if (speculation.tokens == 0 || !speculation.draft) return {};
  const auto& model = std::get<LlmModel>(speculation.draft->cost);
  const Draft draft{&model, model.format_for(speculation.precision, gpu)};
  if (draft.format == nullptr)
    throw ModelError(service.name,
                     "the draft has no weight format " + std::string(to_string(speculation.precision)));
  return draft;
}

namespace {

// Without a cache.
MemoryNeed llm_fixed(const Service& service, const LlmModel& model, const WeightFormat& format,
                     const GpuProfile& profile) {
  MemoryNeed need;
  need.weights = format.weight_bytes;
  need.activations = model.activation_bytes;
  if (const Draft draft = draft_of(service, profile); draft.model != nullptr) {
    need.weights += draft.format->weight_bytes;
    need.activations += draft.model->activation_bytes;
  }
  need.weights /= service.tensor_parallel;
  need.context = profile.context_bytes;
  need.total = need.weights + need.activations + need.context;
  return need;
}

// Of one rank, the draft's included.
double kv_bytes_per_token(const Service& service, const WeightFormat& format, const GpuProfile& profile) {
  const Draft draft = draft_of(service, profile);
  const double drafted = draft.format == nullptr ? 0 : draft.format->kv_bytes_per_token;
  return (format.kv_bytes_per_token + drafted) / service.tensor_parallel;
}

}  // namespace

MemoryNeed with_least_cache(const Service& service, const LlmModel& model, const WeightFormat& format,
                            const GpuProfile& gpu) {
  MemoryNeed need = llm_fixed(service, model, format, gpu);
  need.cache = static_cast<double>(least_blocks(service.engine)) * service.engine.block_size *
               kv_bytes_per_token(service, format, gpu);
  need.total += need.cache;
  return need;
}

namespace {

MemoryNeed llm_need(const Service& service, const LlmModel& model, const GpuProfile& profile, double pool,
                    int sharers) {
  const WeightFormat* format = model.format_for(service.precision, profile);
  if (format == nullptr)
    throw ModelError(service.name,
                     "the model has no weight format " + std::string(to_string(service.precision)));
  MemoryNeed need = llm_fixed(service, model, *format, profile);
  const double budget =
      service.memory_bytes > 0 ? service.memory_bytes : llm_share(service.engine, sharers) * pool;
  const double block_bytes = service.engine.block_size * kv_bytes_per_token(service, *format, profile);
  need.kv_blocks = service.engine.kv_blocks;
  if (need.kv_blocks == 0)
    need.kv_blocks =
        static_cast<std::int64_t>(std::max(0.0, std::floor((budget - need.total) / block_bytes)));
  need.cache = static_cast<double>(need.kv_blocks) * block_bytes;
  need.total += need.cache;
  if (service.memory_bytes > 0) need.total = std::max(need.total, service.memory_bytes);
  return need;
}

// A figure for the whole process: what is not weights counts as activations.
MemoryNeed whole_process(double weights, double total) {
  MemoryNeed need;
  need.weights = std::min(weights, total);
  need.activations = total - need.weights;
  need.total = total;
  return need;
}

MemoryNeed with_context(double weights, double bytes, const Service& service, const GpuProfile& profile) {
  if (service.memory_bytes > 0) return whole_process(weights, service.memory_bytes);
  MemoryNeed need = whole_process(weights, bytes);
  need.context = profile.context_bytes;
  need.total += need.context;
  return need;
}

MemoryNeed tts_need(const Service& service, const AutoregressiveTtsModel& model,
                    const AutoregressiveTtsModel::BatchProfile& chosen) {
  const double total = service.memory_bytes > 0 ? service.memory_bytes : chosen.memory_bytes;
  MemoryNeed need = whole_process(model.weight_bytes, total);
  need.slots = chosen.batch;
  return need;
}

double batch_bytes(const BatchModel& model, const Engine& engine) {
  const int items = engine.kind == EngineKind::fifo ? engine.concurrency : engine.max_batch;
  return model.memory_bytes + items * model.memory_per_item_bytes;
}

// The processes of one pool of memory.
struct Tenant {
  const Service* service;
  MemoryNeed* need;
  double limit;  // of MPS; infinite without
};

// Batch profiles left open grow in turn while everything still fits.
void grow_batch_profiles(const std::vector<Tenant>& tenants, double memory) {
  double total = 0;
  for (const Tenant& tenant : tenants) total += tenant.need->total;
  for (bool grown = true; grown;) {
    grown = false;
    for (const Tenant& tenant : tenants) {
      const auto* model = std::get_if<AutoregressiveTtsModel>(&tenant.service->model->cost);
      if (model == nullptr || tenant.service->engine.slots > 0) continue;
      const auto next = std::find_if(model->batch_profiles.begin(), model->batch_profiles.end(),
                                     [&](const auto& profile) { return profile.batch > tenant.need->slots; });
      if (next == model->batch_profiles.end()) continue;
      const MemoryNeed larger = tts_need(*tenant.service, *model, *next);
      const double room = tenant.service->memory_bytes > 0 ? tenant.service->memory_bytes : tenant.limit;
      const double more = larger.total - tenant.need->total;
      if (next->memory_bytes > room || total + more > memory) continue;
      *tenant.need = larger;
      total += more;
      grown = true;
    }
  }
}

}  // namespace

MemoryNeed smallest_need(const Service& service, const GpuProfile& profile, double pool, int sharers) {
  const auto& cost = service.model->cost;
  if (const auto* llm = std::get_if<LlmModel>(&cost)) return llm_need(service, *llm, profile, pool, sharers);
  if (const auto* asr = std::get_if<StreamingAsrModel>(&cost))
    return whole_process(asr->weight_bytes,
                         service.memory_bytes > 0 ? service.memory_bytes : asr->memory_bytes);
  if (const auto* tts = std::get_if<AutoregressiveTtsModel>(&cost)) {
    const auto chosen = std::find_if(tts->batch_profiles.begin(), tts->batch_profiles.end(),
                                     [&](const auto& batch) { return batch.batch >= service.engine.slots; });
    if (chosen == tts->batch_profiles.end())
      throw ModelError(service.name, "the model has no batch profile so large");
    return tts_need(service, *tts, *chosen);
  }
  if (const auto* batch = std::get_if<BatchModel>(&cost))
    return with_context(batch->weight_bytes, batch_bytes(*batch, service.engine), service, profile);
  const auto& synthetic = std::get<SyntheticModel>(cost);
  return with_context(synthetic.memory_bytes, synthetic.memory_bytes, service, profile);
}

double required_memory(const Service& service, const GpuProfile& profile) {
  const auto* llm = std::get_if<LlmModel>(&service.model->cost);
  if (llm == nullptr || service.memory_bytes > 0 || service.engine.kv_blocks > 0)
    return smallest_need(service, profile, 0, 1).total;
  const WeightFormat& format = *llm->format_for(service.precision, profile);
  return with_least_cache(service, *llm, format, profile).total / llm_share(service.engine, 1);
}

std::vector<std::size_t> sharing_memory(const std::vector<Partition>& parts, std::size_t partition) {
  std::vector<std::size_t> members;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i].memory_domain == parts[partition].memory_domain) members.push_back(i);
  return members;
}

int llm_processes(const std::vector<Service>& services, const GpuPlacement& gpu,
                  const std::vector<std::size_t>& members) {
  int count = 0;
  for (const std::size_t part : members)
    for (const ProcessPlacement& process : gpu.partitions[part].processes) {
      const Service& service = services[static_cast<std::size_t>(process.service)];
      const bool takes_a_share = service.memory_bytes <= 0 && process.memory_limit_bytes <= 0;
      count += takes_a_share && std::holds_alternative<LlmModel>(service.model->cost) ? 1 : 0;
    }
  return count;
}

std::vector<std::vector<MemoryNeed>> needs_of(const std::vector<Service>& services, const GpuPlacement& gpu,
                                              const std::vector<Partition>& parts) {
  std::vector<std::vector<MemoryNeed>> needs(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) needs[i].resize(gpu.partitions[i].processes.size());
  for (std::size_t first = 0; first < parts.size(); ++first) {
    const auto members = sharing_memory(parts, first);
    if (members.front() != first) continue;
    const double memory = parts[first].memory_bytes;
    const int sharers = std::max(1, llm_processes(services, gpu, members));
    std::vector<Tenant> tenants;
    for (const std::size_t part : members) {
      for (std::size_t p = 0; p < needs[part].size(); ++p) {
        const ProcessPlacement& process = gpu.partitions[part].processes[p];
        const Service& service = services[static_cast<std::size_t>(process.service)];
        const bool limited = process.memory_limit_bytes > 0;
        const double limit = limited ? process.memory_limit_bytes : std::numeric_limits<double>::infinity();
        needs[part][p] = smallest_need(service, *gpu.profile, std::min(memory, limit), limited ? 1 : sharers);
        tenants.push_back({&service, &needs[part][p], limit});
      }
    }
    grow_batch_profiles(tenants, memory);
  }
  return needs;
}

}  // namespace scenario

MemoryNeed memory_need(const Service& service, const GpuProfile& profile, const Partition& partition,
                       int sharers) {
  MemoryNeed need = scenario::smallest_need(service, profile, partition.memory_bytes, std::max(1, sharers));
  const double infinity = std::numeric_limits<double>::infinity();
  scenario::grow_batch_profiles({{&service, &need, infinity}}, partition.memory_bytes);
  return need;
}

std::vector<std::vector<MemoryNeed>> memory_needs(const std::vector<Service>& services,
                                                  const GpuPlacement& gpu) {
  return scenario::needs_of(services, gpu, partitions(*gpu.profile, gpu.layout));
}

}  // namespace gpushare
