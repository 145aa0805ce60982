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

// Batch profiles left open grow in turn while everything still fits.
void grow_batch_profiles(std::vector<Tenant>& tenants, double memory) {
  double total = 0;
  for (const Tenant& tenant : tenants) total += tenant.need.total;
  for (bool grown = true; grown;) {
    grown = false;
    for (Tenant& tenant : tenants) {
      const Service& service = *tenant.service;
      const auto* model = std::get_if<AutoregressiveTtsModel>(&service.model->cost);
      if (model == nullptr || service.engine.slots > 0) continue;
      const auto next = std::find_if(model->batch_profiles.begin(), model->batch_profiles.end(),
                                     [&](const auto& profile) { return profile.batch > tenant.need.slots; });
      if (next == model->batch_profiles.end()) continue;
      const MemoryNeed larger = tts_need(service, *model, *next);
      const double room = service.memory_bytes > 0 ? service.memory_bytes : tenant.limit();
      const double more = larger.total - tenant.need.total;
      if (next->memory_bytes > room || total + more > memory) continue;
      tenant.need = larger;
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

bool takes_share(const Service& service, const ProcessPlacement& process) {
  return service.memory_bytes <= 0 && process.memory_limit_bytes <= 0 &&
         std::holds_alternative<LlmModel>(service.model->cost);
}

double Tenant::limit() const {
  return process->memory_limit_bytes > 0 ? process->memory_limit_bytes
                                         : std::numeric_limits<double>::infinity();
}

bool is_first_of_memory(const GpuPlacement& gpu, std::size_t partition) {
  const auto& parts = gpu.parts();
  for (std::size_t i = 0; i < partition; ++i)
    if (parts[i].memory_domain == parts[partition].memory_domain) return false;
  return true;
}

void fill_pool(const std::vector<Service>& services, const GpuPlacement& gpu, std::size_t partition,
               Pool& pool) {
  const auto& parts = gpu.parts();
  pool.gpu = &gpu.profile();
  pool.memory = parts[partition].memory_bytes;
  pool.tenants.clear();
  int shares = 0;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].memory_domain != parts[partition].memory_domain) continue;
    const auto& processes = gpu.partitions[part].processes;
    for (std::size_t i = 0; i < processes.size(); ++i) {
      const Service& service = services[static_cast<std::size_t>(processes[i].service)];
      shares += takes_share(service, processes[i]) ? 1 : 0;
      pool.tenants.push_back({&service, &processes[i], part, i, {}});
    }
  }
  pool.sharers = std::max(1, shares);
  for (Tenant& tenant : pool.tenants) {
    const bool limited = tenant.process->memory_limit_bytes > 0;
    tenant.need = smallest_need(*tenant.service, *pool.gpu, std::min(pool.memory, tenant.limit()),
                                limited ? 1 : pool.sharers);
  }
  grow_batch_profiles(pool.tenants, pool.memory);
}

}  // namespace scenario

MemoryNeed memory_need(const Service& service, const GpuProfile& profile, const Partition& partition,
                       int sharers) {
  const ProcessPlacement process;
  std::vector<scenario::Tenant> alone{{&service, &process, 0, 0, {}}};
  alone[0].need = scenario::smallest_need(service, profile, partition.memory_bytes, std::max(1, sharers));
  scenario::grow_batch_profiles(alone, partition.memory_bytes);
  return alone[0].need;
}

std::vector<std::vector<MemoryNeed>> memory_needs(const std::vector<Service>& services,
                                                  const GpuPlacement& gpu) {
  std::vector<std::vector<MemoryNeed>> needs(gpu.partitions.size());
  for (std::size_t i = 0; i < needs.size(); ++i) needs[i].resize(gpu.partitions[i].processes.size());
  scenario::Pool pool;
  for (std::size_t first = 0; first < needs.size(); ++first) {
    if (!scenario::is_first_of_memory(gpu, first)) continue;
    scenario::fill_pool(services, gpu, first, pool);
    for (const scenario::Tenant& tenant : pool.tenants) needs[tenant.partition][tenant.index] = tenant.need;
  }
  return needs;
}

}  // namespace gpushare
