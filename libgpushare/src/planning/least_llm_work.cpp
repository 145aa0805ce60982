#include <algorithm>
#include <cmath>

#include "models/llm.hpp"
#include "placement/served_by.hpp"
#include "planning/iteration_hull.hpp"
#include "planning/work_site.hpp"

namespace gpushare::planning {
namespace {

// What is left of a prompt to compute and to keep, of whose tokens a share is found whatever they are.
PromptWork beyond_share(const PromptWork& prompt, double share) {
  const double squares = prompt.pairs - prompt.tokens / 2;  // pairs = tokens (tokens + 1) / 2
  return {std::max(1.0, prompt.tokens * (1 - share)),
          squares * (1 - share * share) + prompt.tokens / 2 * (1 - share), prompt.by_reply * (1 - share)};
}

// Tokens that an iteration of a sequence in its reply brings at most on average.
double tokens_an_iteration(const Speculation& speculation) {
  double tokens = 1;
  double kept = 1;
  for (int i = 0; i < speculation.tokens; ++i) tokens += kept *= speculation.acceptance;
  return tokens;
}

// What the iterations of a mean request are made of.
struct Load {
  PromptWork prompt;         // to compute
  double reply_steps = 0;    // tokens beyond the first
  double context = 0;        // tokens that the reply's iterations read
  double sequences = 0;      // iterations of the reply
  double tokens = 0;         // to compute, prompt and reply
  double mean_tokens = 1;    // of an iteration at most
  double iterations = 0;     // at least, of its share
  double least_prompts = 0;  // of those, with prompts
};

Load load_of(const WorkSite& site) {
  const auto& engine = std::get<ContinuousOptions>(site.service.engine.options);
  const VisitSizes& sizes = site.sizes;
  Load load;
  load.prompt =
      engine.prefix_caching ? sizes.new_prompt : beyond_share(sizes.prompt, engine.prefix_cache_share);
  load.reply_steps = sizes.reply_tokens - 1;
  load.sequences = load.reply_steps / tokens_an_iteration(engine.speculation);
  const double per_step = load.reply_steps > 0 ? load.sequences / load.reply_steps : 1;
  load.context = (sizes.prompt.by_reply + sizes.reply_by_reply) * per_step;
  load.tokens = load.prompt.tokens + load.reply_steps;
  const double kept = (load.prompt.by_reply + sizes.reply_by_reply) * per_step;
  const double room = static_cast<double>(site.memory.kv_blocks) * engine.block_size;
  load.iterations =
      std::max(load.sequences / engine.max_num_seqs, load.tokens / engine.max_num_batched_tokens);
  if (room > 0) load.iterations = std::max(load.iterations, kept / room);
  load.mean_tokens = std::max(1.0, load.tokens / load.iterations);
  load.least_prompts = load.prompt.tokens / engine.max_num_batched_tokens;
  return load;
}

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
StepTime attention(const LlmServing& serving, const Load& load, const WorkSite& site) {
  const auto& engine = std::get<ContinuousOptions>(site.service.engine.options);
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
  Process process = process_of(site.service, site.gpu);
  if (site.link.bandwidth_bytes_per_s > 0) process.link = site.link;
  LlmServing serving = serving_of(model, process);
  serving.draft = nullptr;  // what it does is left out
  const auto& engine = std::get<ContinuousOptions>(site.service.engine.options);
  const Load load = load_of(site);
  const StepTime attends = attention(serving, load, site);
  const auto hull_of = [&](auto&& cost) {
    return IterationHull(cost, engine.max_num_batched_tokens, kinks_of(serving));
  };
  const auto gpu_s = [&](double tokens) { return site.time(tokens_only(serving, tokens)).gpu_s; };
  const auto bytes = [&](double tokens) { return site.time(tokens_only(serving, tokens)).bytes; };
  const IterationHull seconds = hull_of(gpu_s);
  const double each_s = engine.host_per_step_s;
  const double cycles_s = load.tokens * seconds.least_per_token(load.mean_tokens, each_s) + attends.gpu_s;
  const double launches_s =
      load.iterations * (each_s + model.launch_s) + model.launch_per_sequence_s * (load.sequences + 1);
  const double beside_s =
      engine.host_per_sequence_s * (load.sequences + 1) + load.least_prompts * model.prompt_host_s;
  LeastWork work;
  work.flop = (load.tokens * model.flop_per_token + (load.reply_steps + 1) * model.head_flop) /
                  serving.parallel.ranks +
              attends.flop;
  work.bytes = load.tokens * hull_of(bytes).least_per_token(load.mean_tokens) + attends.bytes;
  work.gpu_s = load.tokens * seconds.least_per_token(load.mean_tokens) + attends.gpu_s;
  work.host_s = load.iterations * each_s + beside_s;
  work.process_s = beside_s + std::max(cycles_s, launches_s);
  work.front_s = engine.frontend_request_s + engine.frontend_token_s * site.sizes.reply_tokens;
  return work;
}

}  // namespace gpushare::planning
