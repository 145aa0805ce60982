#include <algorithm>
#include <cmath>

#include "models/llm.hpp"
#include "planning/iteration_hull.hpp"
#include "planning/llm_load.hpp"
#include "planning/work_site.hpp"

namespace gpushare::planning {
namespace {

std::vector<double> kinks_of(const LlmServing& serving) {
  std::vector<double> kinks;
  const auto add = [&](const WeightFormat& format) {
    kinks.push_back(format.dequantisation.from_tokens);
    for (const TokensEfficiency& point : format.gemm_flop_curve) kinks.push_back(point.tokens);
  };
  add(*serving.format);
  if (serving.draft_format != nullptr) add(*serving.draft_format);
  return kinks;
}

Demand tokens_only(const LlmServing& serving, double tokens) {
  LlmLoad load;
  load.decodes = tokens;
  return serving.rank_step(load, 0);
}

// Attention beyond its floor: the prompt's pairs, and what the reply reads with as many sequences as there may be.
StepTime attention(const LlmServing& serving, const LlmRequestLoad& load, const WorkSite& site) {
  const ContinuousOptions engine = site.engine();
  const auto added = [&](const LlmLoad& with) {
    LlmLoad without = with;
    without.prefill_pairs = without.decode_context = 0;
    StepTime time = site.time(serving.rank_step(with, 0));
    const StepTime bare = site.time(serving.rank_step(without, 0));
    time.gpu_s -= bare.gpu_s;
    time.flop -= bare.flop;
    time.bytes -= bare.bytes;
    return time;
  };
  LlmLoad prompts;
  prompts.prefill_tokens = 1;
  prompts.prefill_pairs = load.prompt.pairs;
  LlmLoad reply;
  reply.decodes = std::min(engine.max_num_seqs, engine.max_num_batched_tokens);
  reply.decode_context = load.context;
  StepTime time = added(prompts);
  const StepTime read = added(reply);
  time.gpu_s += read.gpu_s;
  time.flop += read.flop;
  time.bytes += read.bytes;
  return time;
}

}  // namespace

LeastWork least_llm_work(const LlmModel& model, const WorkSite& site) {
  LlmServing serving = serving_on(model, site);
  serving.draft = nullptr;  // what it does is left out
  const ContinuousOptions engine = site.engine();
  const LlmRequestLoad load = load_of(site);
  const double iterations = load.iterations();
  const double mean_tokens = load.mean_tokens();
  const StepTime attends = attention(serving, load, site);
  const auto hull_of = [&](auto&& cost) {
    return IterationHull(cost, engine.max_num_batched_tokens, kinks_of(serving));
  };
  const auto gpu_s = [&](double tokens) { return site.time(tokens_only(serving, tokens)).gpu_s; };
  const auto bytes = [&](double tokens) { return site.time(tokens_only(serving, tokens)).bytes; };
  const IterationHull seconds = hull_of(gpu_s);
  const double each_s = engine.host_per_step_s;
  const double cycles_s = load.tokens * seconds.least_per_token(mean_tokens, each_s) + attends.gpu_s;
  const double launches_s =
      iterations * (each_s + model.launch_s) + model.launch_per_sequence_s * (load.sequences + 1);
  const double beside_s = engine.host_per_sequence_s * (load.sequences + 1) +
                          load.prompt.tokens / engine.max_num_batched_tokens * model.prompt_host_s;
  LeastWork work;
  work.flop = (load.tokens * model.flop_per_token + (load.reply_steps + 1) * model.head_flop) /
                  serving.parallel.ranks +
              attends.flop;
  work.bytes = load.tokens * hull_of(bytes).least_per_token(mean_tokens) + attends.bytes;
  work.gpu_s = load.tokens * seconds.least_per_token(mean_tokens) + attends.gpu_s;
  work.host_s = iterations * each_s + beside_s;
  work.process_s = beside_s + std::max(cycles_s, launches_s);
  work.front_s = engine.frontend_request_s + engine.frontend_token_s * site.sizes.reply_tokens;
  return work;
}

}  // namespace gpushare::planning
