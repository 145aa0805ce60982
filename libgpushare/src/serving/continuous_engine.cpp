#include "serving/continuous_engine.hpp"

#include <algorithm>
#include <utility>

#include "models/llm.hpp"
#include "serving/engine_options.hpp"

namespace gpushare {
namespace {

// Computes what was scheduled.
void advance(Sequence& sequence, SpeculativeDecoding& speculation) {
  const std::uint32_t scheduled = std::exchange(sequence.scheduled, 0);
  if (scheduled == 0) return;
  std::uint32_t tokens = 1;
  if (!sequence.decodes()) {
    sequence.computed += scheduled;
    if (sequence.computed < sequence.target) return;
  } else {
    if (scheduled > 1) tokens += speculation.verify(sequence, scheduled - 1);
    sequence.computed += tokens;
  }
  sequence.generated += tokens;
  sequence.target += tokens;
}

}  // namespace

ContinuousEngine::ContinuousEngine(const ContinuousOptions& options, const LlmServing& serving,
                                   std::int64_t kv_blocks, std::int64_t queue_limit)
    : serving_(serving),
      frontend_(options.frontend_request_s, options.frontend_token_s),
      batch_(options, kv_blocks, queue_limit) {
  if (frontend_.present()) batch_.lockstep.take_one_by_one();
}

ContinuousEngine make_engine(const ContinuousOptions& options, const EngineSite& site) {
  ContinuousOptions on_card = options;
  for (double* host_s : {&on_card.host_per_step_s, &on_card.host_per_sequence_s, &on_card.beside_per_step_s,
                         &on_card.beside_per_sequence_s, &on_card.piecewise_kernel_s, &on_card.eager_kernel_s,
                         &on_card.idle_start_s})
    *host_s *= site.host_factor;
  if (site.memory.max_num_seqs > 0) {
    on_card.max_num_seqs = site.memory.max_num_seqs;
    on_card.max_num_batched_tokens = site.memory.max_num_batched_tokens;
  }
  return {on_card, serving_of(std::get<LlmModel>(site.model.cost), site.process), site.memory.kv_blocks,
          site.queue_limit()};
}

bool ContinuousEngine::enqueue(const Job& job) {
  const std::int64_t tokens = tokens_of(job);
  const bool over_budget = !batch_.options.chunked_prefill && tokens > batch_.options.max_num_batched_tokens;
  if (const std::int64_t most = context_of(batch_.options, *serving_.model);
      over_budget || (most > 0 && tokens > most)) {
    ++counts_.over_context;
    return false;
  }
  if (!batch_.blocks.could_hold(tokens)) {
    ++counts_.over_cache;
    return false;
  }
  if (frontend_.present() ? batch_.waiting.full(frontend_.size()) : !batch_.waiting.push(job)) {
    ++counts_.queue_full;
    return false;
  }
  if (frontend_.present()) frontend_.take(job);
  if (batch_.lockstep.sure() > 0 && may_admit(job)) batch_.lockstep.look_again();
  return true;
}

std::int64_t ContinuousEngine::longest_sequence() const {
  std::int64_t most = batch_.blocks.most_tokens();
  if (const std::int64_t context = context_of(batch_.options, *serving_.model); context > 0)
    most = std::min(most, context);
  if (!batch_.options.chunked_prefill)
    most = std::min<std::int64_t>(most, batch_.options.max_num_batched_tokens);
  return most;
}

const Step* ContinuousEngine::plan(Time now, Outbox& out) {
  frontend_.deliver(now, out);
  for (Job job; frontend_.next(now, job);)
    static_cast<void>(batch_.waiting.push(job));  // enqueue() has counted it
  if (in_step_) return nullptr;
  const bool was_idle = batch_.running.empty();
  if (batch_.lockstep.goes_on()) {
    batch_.load.decode_context += batch_.load.decodes;
    step_.demand.groups.back().bytes = serving_.context_bytes(batch_.load);
    step_.goes_on = true;
  } else {
    const bool launched_ahead = batch_.plan(planned_, out);
    for (Sequence& sequence : std::exchange(batch_.ended, {}))
      if (!sequence.complete_outside()) tell_tokens(sequence, sequence.generated, now, out);
    if (batch_.running.empty()) return nullptr;
    step_ = step_of(batch_.load, serving_, batch_.options);
    if (launched_ahead) {  // since the host was through with the iteration before
      const Time free = planned_ + duration_from_seconds(launched_s_);
      const double ahead_s = std::max(0.0, to_seconds(now - free));
      step_.demand.launch_s = std::max(0.0, step_.demand.launch_s - ahead_s);
      step_.demand.eager_launch_s = std::max(0.0, step_.demand.eager_launch_s - ahead_s);
    }
  }
  in_step_ = true;
  planned_ = now;
  launched_s_ = step_.demand.launch_s;
  if (was_idle) {
    step_.demand.host_before_s += batch_.options.idle_start_s;
    launched_s_ += batch_.options.idle_start_s;
  }
  return &step_;
}

void ContinuousEngine::tell_tokens(Sequence& sequence, std::uint32_t known, Time now, Outbox& out) {
  const std::uint32_t tokens = known - sequence.told;
  const Time sent = frontend_.send(now, tokens);
  if (sequence.told == 0) {
    frontend_.tell(now, sent, tell(sequence.job, Signal::output), out);
  } else if (tokens == 1) {
    gaps_.count(sent - sequence.last_token);
  } else {  // so that gaps sum to the time that passed
    const Duration each{(sent - sequence.last_token).ns / tokens};
    for (std::uint32_t i = 0; i < tokens; ++i) gaps_.count(each);
  }
  sequence.last_token = sent;
  if (const std::uint32_t every = sequence.job.notify_every; every > 0)
    for (std::uint32_t at = (sequence.told / every + 1) * every; at <= known; at += every)
      frontend_.tell(now, sent, tell(sequence.job, Signal::progress, at), out);
  sequence.told = known;
  if (sequence.complete_outside()) [[unlikely]]
    frontend_.tell(now, sent, tell(sequence.job, Signal::finished), out);
}

bool ContinuousEngine::cancel(Time, std::uint32_t request, std::uint8_t stage) {
  batch_.lockstep.look_again();
  if (frontend_.remove(request, stage) || batch_.waiting.remove(request, stage)) return true;
  for (const auto& sequence : batch_.running)
    if (is_of(sequence->job, request, stage) && !sequence->complete_outside())
      any_gone_ = sequence->gone = true;
  return false;
}

bool ContinuousEngine::leaves(Sequence& sequence, Time now, Outbox& out) {
  if (!frontend_.present() &&
      sequence.in_mid_reply(batch_.late())) {  // most of them: the rest would do the same
    sequence.take_tokens(1);
    gaps_.count(now - sequence.last_token);
    sequence.last_token = now;
    return false;
  }
  const bool stays =
      batch_.options.async_scheduling || batch_.options.async_output;  // for one more iteration
  const bool was_complete = sequence.complete();
  const std::uint32_t before = sequence.generated;
  advance(sequence, batch_.speculation);
  const std::uint32_t known = batch_.options.async_output ? before : sequence.generated;
  if (known > sequence.told && !sequence.complete_outside()) tell_tokens(sequence, known, now, out);
  if (!was_complete && (stays || !sequence.complete())) return false;
  batch_.blocks.release(sequence);
  return true;
}

void ContinuousEngine::complete(const Step&, Time now, Outbox& out) {
  batch_.lockstep.take_blocks(batch_.blocks, true);
  in_step_ = false;
  if (batch_.lockstep.sure() > 0 && !any_gone_) return batch_.lockstep.pass({&now, 1}, gaps_);
  batch_.lockstep.part_due(batch_.running);
  if (std::exchange(any_gone_, false)) [[unlikely]]
    batch_.drop_gone(out);
  batch_.lockstep.end(now, batch_.running, batch_.blocks, gaps_,
                      [&](Sequence& sequence) { return leaves(sequence, now, out); });
  gaps_.flush();
}

void ContinuousEngine::fail(Outbox& out) {
  frontend_.fail(out);
  for (const auto& sequence : batch_.running)
    if (!sequence->complete_outside()) out.push_back(tell(sequence->job, Signal::failed));
  batch_.waiting.fail(out);
  batch_.lockstep.take_blocks(batch_.blocks, in_step_);  // which may evict others
  batch_.running.clear();
  batch_.blocks.clear();
  in_step_ = any_gone_ = false;
  batch_.lockstep.clear();
}

std::int64_t ContinuousEngine::cached_tokens(const Job& job) {
  batch_.lockstep.take_blocks(batch_.blocks, in_step_);
  return batch_.blocks.tokens_of(batch_.blocks.match(job, std::max(1u, job.input_tokens)));
}

double ContinuousEngine::following_bytes(std::size_t ahead) const {
  LlmLoad load = batch_.load;
  load.decode_context += load.decodes * static_cast<double>(ahead);
  return serving_.context_bytes(load);
}

void ContinuousEngine::skip(std::span<const Time> ends) {
  if (ends.empty()) return;
  batch_.lockstep.pass(ends, gaps_);
  planned_ = ends.back();
  batch_.load.decode_context += batch_.load.decodes * static_cast<double>(ends.size());
}

bool ContinuousEngine::may_admit(const Job& job) const {
  return batch_.waiting.leads(job) &&
         batch_.running.size() < static_cast<std::size_t>(batch_.options.max_num_seqs);
}

ContinuousEngine::Counts ContinuousEngine::counts() {
  batch_.lockstep.take_blocks(batch_.blocks, in_step_);
  Counts counts = counts_;
  static_cast<BatchCounts&>(counts) = batch_.counts;
  counts.evicted_blocks = batch_.blocks.evictions();
  counts.draft_tokens = batch_.speculation.guessed();
  counts.accepted_tokens = batch_.speculation.kept();
  return counts;
}

void ContinuousEngine::report(EngineStatistics& statistics) {
  const Counts all = counts();
  statistics.count("preemptions", all.preemptions);
  statistics.count("rejected_over_context", all.over_context);
  statistics.count("rejected_over_cache", all.over_cache);
  statistics.count("rejected_queue_full", all.queue_full);
  statistics.least("longest_sequence_tokens",
                   static_cast<std::uint64_t>(std::max<std::int64_t>(0, longest_sequence())));
  statistics.least("max_num_seqs", static_cast<std::uint64_t>(batch_.options.max_num_seqs));
  statistics.least("max_num_batched_tokens",
                   static_cast<std::uint64_t>(batch_.options.max_num_batched_tokens));
  statistics.count("prefix_prompt_tokens", all.prompt_tokens);
  statistics.count("prefix_hit_tokens", all.hit_tokens);
  statistics.count("prefix_evicted_blocks", all.evicted_blocks);
  statistics.count("draft_tokens", all.draft_tokens);
  statistics.count("accepted_tokens", all.accepted_tokens);
  statistics.latency("itl", inter_token());
}

}  // namespace gpushare
