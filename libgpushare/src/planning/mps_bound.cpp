#include "planning/mps_bound.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "gpushare/demand.hpp"
#include "gpushare/sharing.hpp"
#include "models/llm.hpp"
#include "placement/served_by.hpp"
#include "sharing/contention.hpp"
#include "sharing/sharing_modes.hpp"

namespace gpushare::planning {
namespace {

constexpr std::size_t kMostProcesses = 12;  // whose sets are gone through

// What the steps of a process look like at the least and at the most.
struct Characters {
  double least_kernel_s = kNoBound, most_kernel_s = 0;
  double least_saturated_s = kNoBound;  // of a mean kernel
  double least_bandwidth = 1, least_compute = 1;
  double sm_share = 1;

  void add(const Demand& demand, const ProcessSite& site, const Resources& resources) {
    const StepTime time = step_time(demand, site.gpu, resources);
    if (time.gpu_s <= 0) return;
    const double kernels = std::max(1.0, demand.kernels);
    least_kernel_s = std::min(least_kernel_s, time.gpu_s / kernels);
    most_kernel_s = std::max(most_kernel_s, time.gpu_s / kernels);
    least_saturated_s = std::min(least_saturated_s, time.saturating_s / kernels);
    least_bandwidth =
        std::min(least_bandwidth, time.bytes / time.gpu_s / site.partition.bandwidth_bytes_per_s);
    least_compute = std::min(least_compute, time.peak_compute_s / time.gpu_s);
  }
};

// T = t u' grows with the kernel's length and its saturated part, and u' is at least what the longest kernel with the
// least saturated part has.
MildestInterference mildest(const UncappedLaw& law, const Characters& steps) {
  const auto of = [&](double kernel_s, double saturated_s) {
    StepCharacter step;
    step.mean_kernel_s = kernel_s;
    step.saturating_share = std::min(1.0, saturated_s / kernel_s);
    return predict_interference(law, step);
  };
  const Interference shortest = of(steps.least_kernel_s, steps.least_saturated_s);
  if (!std::isfinite(steps.most_kernel_s) || law.exponent > 1) return {0, shortest.pressure, law.slip};
  const Interference longest = of(steps.most_kernel_s, steps.least_saturated_s);
  // s = u'^(1 - exponent) / (t / 10 us)^exponent: as predicted, of the longest kernel.
  return {longest.susceptibility, shortest.pressure, law.slip};
}

MildestInterference mildest(const CappedLaw& law, const Characters& steps) {
  const auto susceptibility = [&](double kernel_s) {
    if (!std::isfinite(kernel_s)) return 0.0;
    StepCharacter step;
    step.mean_kernel_s = kernel_s;
    step.bandwidth_share = law.s_bandwidth >= 0 ? steps.least_bandwidth : 1;
    return predict_interference(law, step).susceptibility;
  };
  StepCharacter step;
  step.mean_kernel_s = steps.least_kernel_s;
  step.sm_share = steps.sm_share;
  step.bandwidth_share = law.bandwidth >= 0 ? steps.least_bandwidth : 1;
  step.compute_share = law.compute >= 0 ? steps.least_compute : 1;
  return {std::min(susceptibility(steps.least_kernel_s), susceptibility(steps.most_kernel_s)),
          std::max(0.0, predict_interference(law, step).pressure), 0};
}

// From the smallest step that the process can have to the largest; costs between them lie between theirs.
class Extremes {
 public:
  Extremes(const Service& service, const VisitSizes& sizes, const ProcessSite& site, const MemoryNeed& memory)
      : service_(service), sizes_(sizes), site_(site), memory_(memory) {
    const int sms = mps_sms(site.gpu, site.partition.sms, site.active_thread_percentage);
    resources_ = resources_of(site.gpu, site.partition, sms);
    resources_.kernel_s = kernel_change_s(site.gpu, SharingMode::mps, true);
    steps_.sm_share = resources_.sms / site.partition.sms;
    std::visit([this](const auto& model) { add(model); }, service.model->cost);
  }
  [[nodiscard]] const Characters& steps() const { return steps_; }

 private:
  void add(const Demand& demand) { steps_.add(demand, site_, resources_); }
  // A mean says nothing of the longest: kernels may be as long as they like.
  void add_endless() { steps_.most_kernel_s = kNoBound; }
  void shares_unknown() { steps_.least_bandwidth = steps_.least_compute = 0; }

  void add(const LlmModel& model) {
    ContinuousOptions engine = std::get<ContinuousOptions>(service_.engine.options);
    if (memory_.max_num_seqs > 0) {
      engine.max_num_seqs = memory_.max_num_seqs;
      engine.max_num_batched_tokens = memory_.max_num_batched_tokens;
    }
    LlmServing serving = serving_of(model, process_of(service_, site_.gpu));
    LlmLoad least;
    least.decodes = 1;
    const double room = static_cast<double>(memory_.kv_blocks) * engine.block_size;
    LlmLoad most;
    most.prefill_tokens = engine.max_num_batched_tokens + 16;  // as padded
    most.prefill_pairs = most.prefill_tokens * room;
    most.prefill_context = engine.max_num_seqs * room;
    most.drafted = static_cast<double>(engine.max_num_seqs) * engine.speculation.tokens;
    add(serving.rank_step(least, 0));
    add(serving.rank_step(most, 0));
    shares_unknown();
  }
  void add(const StreamingAsrModel& model) {
    const auto& engine = std::get<StreamOptions>(service_.engine.options);
    add(model.chunk(1, engine.chunk_s));
    add(model.chunk(engine.max_batch, engine.chunk_s));
  }
  void add(const AutoregressiveTtsModel& model) {
    const auto& engine = std::get<SlotOptions>(service_.engine.options);
    const int slots = std::max(1, engine.slots > 0 ? engine.slots : memory_.slots);
    const double longest =
        std::max(engine.first_chunk_frames, engine.chunk_frames) * (1 + engine.chunk_growth * (slots - 1));
    for (const int streams : {1, slots}) {
      add(model.prefill(streams));
      add(model.frame(streams));
    }
    add(model.vocode(1, 1));
    add(model.vocode(1, longest + 1));
  }
  void add(const BatchModel& model) {
    const auto* batch = std::get_if<BatchOptions>(&service_.engine.options);
    const int most = batch != nullptr ? batch->max_batch : 1;
    add(model.batch(1, sizes_.least_units));
    if (std::isfinite(sizes_.most_units)) {
      add(model.batch(most, most * sizes_.most_units));
    } else {
      add_endless();
    }
    if (model.norm != 1) shares_unknown();
  }
  void add(const SyntheticModel& model) {
    constexpr double kShortestS = 1e-9;  // a mean says nothing of the shortest either
    add(model.step(kShortestS));
    add_endless();
    shares_unknown();
  }

  const Service& service_;
  const VisitSizes& sizes_;
  const ProcessSite& site_;
  const MemoryNeed& memory_;
  Resources resources_;
  Characters steps_;
};

double rate_in(const std::vector<MpsLoad>& loads, std::uint32_t set, std::size_t i) {
  double pressure = 0;
  for (std::size_t j = 0; j < loads.size(); ++j)
    if (j != i && (set >> j & 1) != 0) pressure += loads[j].mildest.pressure;
  const MildestInterference& own = loads[i].mildest;
  Neighbours one;
  one.add(pressure, 0);
  return 1 / interference_slowdown({own.susceptibility, own.pressure, 0, own.slip}, one);
}

double factor_of(const std::vector<MpsLoad>& loads, const std::vector<double>& weights) {
  double brought = 0;
  for (std::size_t i = 0; i < loads.size(); ++i) brought += weights[i] * loads[i].busy;
  double most = 0;
  for (std::uint32_t set = 1; set < 1u << loads.size(); ++set) {
    double done = 0;
    for (std::size_t i = 0; i < loads.size(); ++i)
      if ((set >> i & 1) != 0) done += weights[i] * rate_in(loads, set, i);
    most = std::max(most, done);
  }
  return brought > 0 ? most / brought : kNoBound;
}

}  // namespace

MildestInterference mildest_interference(const Service& service, const VisitSizes& sizes,
                                         const ProcessSite& site, const MemoryNeed& memory, bool capped) {
  const Extremes extremes(service, sizes, site, memory);
  const Characters& steps = extremes.steps();
  if (steps.most_kernel_s <= 0) return {};
  const MpsConstants& mps = site.gpu.mps;
  return capped ? mildest(mps.capped, steps) : mildest(mps.uncapped, steps);
}

double mps_factor(const std::vector<MpsLoad>& loads) {
  double factor = kNoBound;
  for (const MpsLoad& load : loads)
    if (load.busy > 0) factor = std::min(factor, 1 / load.busy);
  if (loads.size() > kMostProcesses) return factor;
  std::vector<double> even(loads.size()), by_need(loads.size());
  for (std::size_t i = 0; i < loads.size(); ++i) {
    even[i] = loads[i].busy > 0 ? 1 : 0;
    by_need[i] = loads[i].busy;
  }
  return std::min({factor, factor_of(loads, even), factor_of(loads, by_need)});
}

}  // namespace gpushare::planning
