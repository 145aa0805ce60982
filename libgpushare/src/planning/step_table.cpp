#include "planning/step_table.hpp"

#include <algorithm>
#include <cmath>

#include "models/llm.hpp"
#include "planning/llm_load.hpp"

namespace gpushare::planning {
namespace {

constexpr double kPlaceTokens = 256;  // of a prompt: a place of an LLM's iteration
constexpr int kMostPlaces = 64;

double linear(const std::vector<double>& values, double at) {
  const auto last = static_cast<double>(values.size() - 1);
  const double place = std::clamp(at, 0.0, last);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace

void StepTable::time(const WorkSite& site, const Neighbourhood& among, bool host_after_beside) {
  const std::size_t steps = demands.size();
  gpu_s.assign(steps, 0);
  alone.assign(steps, {});
  queue.step_s.assign(steps, 0);
  for (std::size_t b = 0; b < steps; ++b) {
    const Demand& demand = demands[b];
    alone[b] = site.time(demand);
    if (alone[b].gpu_s <= 0) continue;
    gpu_s[b] = among.elapsed_s(demand, alone[b], site.resources);
    const double after_s = demand.host_after_s + std::max(0.0, demand.launch_s - gpu_s[b]);
    queue.step_s[b] = demand.host_before_s + demand.pcie_bytes / site.gpu.pcie_bytes_per_s + gpu_s[b] +
                      (host_after_beside ? 0 : after_s);
    if (host_after_beside) beside_s = after_s;
  }
}

double StepTable::step_s_of(double places) const { return linear(queue.step_s, places); }

double StepTable::mean_places() const {
  const double rate = queue.rate * queue.parts;
  const auto most = static_cast<double>(queue.step_s.size() - 1);
  const double least = queue.step_s[0] > 0 ? 0 : std::min<double>(most, queue.parts);
  double places = least;
  for (int i = 0; i < 20; ++i) places = std::clamp(rate * step_s_of(places), least, most);
  return places;
}

StepTable stream_steps(const StreamingAsrModel& model, const WorkSite& site, double rate,
                       const Neighbourhood& among) {
  const auto& engine = std::get<StreamOptions>(site.service.engine.options);
  StepTable table;
  const double chunks = std::max(1.0, site.sizes.audio_s / engine.chunk_s);
  const int most = std::min(engine.max_batch, kMostPlaces);
  table.demands.emplace_back();
  for (int b = 1; b <= most; ++b) table.demands.push_back(model.chunk(b, engine.chunk_s));
  table.queue.rate = rate * chunks;
  table.queue.delay_s = engine.max_queue_delay_s;
  table.time(site, among, engine.overlap_decoding);
  table.more_s = table.beside_s;
  return table;
}

StepTable batch_steps(const Model& model, const WorkSite& site, double rate, const Neighbourhood& among) {
  const auto* options = std::get_if<BatchOptions>(&site.service.engine.options);
  const int most = options != nullptr ? std::min(options->max_batch, kMostPlaces) : 1;
  const double units = site.sizes.audio_s > 0 ? site.sizes.audio_s : site.sizes.units;
  StepTable table;
  table.demands.emplace_back();
  for (int b = 1; b <= most; ++b) {
    const auto* batch = std::get_if<BatchModel>(&model.cost);
    table.demands.push_back(batch != nullptr ? batch->batch(b, b * units)
                                             : std::get<SyntheticModel>(model.cost).step(site.sizes.drawn_s));
  }
  table.queue.rate = rate;
  table.queue.delay_s = options != nullptr && most > 1 ? options->max_queue_delay_s : 0;
  table.time(site, among, false);
  return table;
}

namespace {

// One iteration with `places` places of prompts beside `replies` sequences in their reply.
LlmLoad iteration(const LlmRequestLoad& load, const WorkSite& site, double place_tokens, double per_job,
                  double places, double replies) {
  LlmLoad step;
  step.prefill_tokens = places * place_tokens;
  step.prefill_pairs = places / per_job * load.prompt.pairs;
  step.decodes = replies;
  step.decode_context = replies * (site.sizes.prompt.tokens + load.reply_steps / 2);
  step.sampled = replies + places / per_job;
  step.sequences = replies + places / per_job;
  return step;
}

}  // namespace

StepTable llm_steps(const LlmModel& model, const WorkSite& site, double rate, const Neighbourhood& among) {
  const ContinuousOptions engine = site.engine();
  const LlmServing serving = serving_on(model, site);
  const LlmRequestLoad load = load_of(site);
  StepTable table;
  table.queue.rate = rate;
  table.queue.parts = std::max(1, static_cast<int>(std::ceil(load.prompt.tokens / kPlaceTokens)));
  table.queue.late_steps = engine.async_scheduling ? 1 : 0;
  const double place_tokens = load.prompt.tokens / table.queue.parts;
  for (int i = 0; i < 8; ++i) {
    const double room = std::max(place_tokens, engine.max_num_batched_tokens - table.slots_taken);
    const int most = std::clamp(static_cast<int>(room / place_tokens), 1, kMostPlaces);
    table.demands.clear();
    for (int b = 0; b <= most; ++b) {
      const LlmLoad step = iteration(load, site, place_tokens, table.queue.parts, b, table.slots_taken);
      Demand demand = serving.rank_step(step, 0);
      demand.host_before_s += engine.host_per_step_s + engine.host_per_sequence_s * step.sequences;
      table.demands.push_back(demand);
    }
    table.time(site, among, false);
    const double taken = std::min<double>(4 * engine.max_num_seqs,
                                          rate * load.sequences * table.step_s_of(table.mean_places()));
    if (std::abs(taken - table.slots_taken) < 1e-3 * taken) break;
    table.slots_taken = taken;
  }
  table.queue.idle = std::exp(-table.slots_taken);
  if (load.sequences <= 0) table.queue.step_s[0] = table.queue.idle = 0;
  table.more_s = engine.frontend_request_s + engine.frontend_token_s;
  return table;
}

}  // namespace gpushare::planning
