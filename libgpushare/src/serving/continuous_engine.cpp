#include "serving/continuous_engine.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/llm.hpp"

namespace gpushare {
namespace {

/// The batch that CUDA graphs are captured for: 1, 2, 4, then every 8 up to 256 and every 16 beyond (vLLM).
double captured_batch(double batch) {
  if (batch <= 2) return batch;
  if (batch <= 4) return 4;
  const double step = batch <= 256 ? 8 : 16;
  return std::ceil(batch / step) * step;
}

}  // namespace

ContinuousEngine::ContinuousEngine(const ContinuousOptions& options, const LlmServing& serving,
                                   std::int64_t kv_blocks, std::int64_t queue_limit)
    : options_(options),
      queue_limit_(queue_limit),
      serving_(serving),
      pool_(kv_blocks, options.prefix_caching),
      watermark_blocks_(static_cast<std::int64_t>(options.watermark * static_cast<double>(kv_blocks))),
      frontend_(options.frontend_request_s, options.frontend_token_s),
      waiting_(queue_limit) {}

ContinuousEngine make_engine(const ContinuousOptions& options, const EngineSite& site) {
  return {options, serving_of(std::get<LlmModel>(site.model.cost), site.process), site.memory.kv_blocks,
          site.queue_limit()};
}

void ContinuousEngine::limit_blocks(std::int64_t kv_blocks) {
  if (kv_blocks >= pool_.total()) return;
  pool_ = BlockPool(kv_blocks, options_.prefix_caching);
  watermark_blocks_ = static_cast<std::int64_t>(options_.watermark * static_cast<double>(kv_blocks));
}

bool ContinuousEngine::enqueue(const Job& job) {
  if (blocks_for(longest(job)) > pool_.total() - watermark_blocks_) return false;
  if (!options_.chunked_prefill && longest(job) > options_.max_num_batched_tokens) return false;
  if (!frontend_.present()) return waiting_.push(job);
  if (queue_limit_ >= 0 && static_cast<std::int64_t>(waiting_.size() + frontend_.size()) >= queue_limit_)
    return false;
  frontend_.take(job);
  return true;
}

void ContinuousEngine::attend_frontend(Time now, Outbox& out) {
  frontend_.deliver(now, out);
  for (Job job; frontend_.next(now, job);) static_cast<void>(waiting_.push(job));  // enqueue() has counted it
}

bool ContinuousEngine::reserve(Sequence& sequence, std::int64_t tokens) {
  if (has_blocks(sequence, tokens)) return true;
  const std::int64_t more = blocks_for(tokens - sequence.shared) - sequence.blocks;
  if (more > pool_.free()) return false;
  pool_.take(more);
  sequence.blocks += more;
  return true;
}

std::int64_t ContinuousEngine::wanted_of(const Sequence& sequence, std::int64_t budget) const {
  std::int64_t wanted = sequence.target - sequence.computed + guesses(sequence);
  if (options_.long_prefill_token_threshold > 0)
    wanted = std::min<std::int64_t>(wanted, options_.long_prefill_token_threshold);
  if (!options_.chunked_prefill && wanted > budget) return 0;
  return std::min(wanted, budget);
}

void ContinuousEngine::schedule(Sequence& sequence, std::uint32_t tokens, LlmLoad& load) {
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

void ContinuousEngine::unschedule(Sequence& sequence, LlmLoad& load) {
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

std::size_t ContinuousEngine::victim() const {
  if (!options_.priority_scheduling) return running_.size() - 1;
  std::size_t last = 0;
  for (std::size_t i = 1; i < running_.size(); ++i)
    if (!running_[i].before(running_[last])) last = i;
  return last;
}

void ContinuousEngine::preempt(std::size_t index, Time now, Outbox& out) {
  Sequence sequence = std::move(running_[index]);
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
  unschedule(sequence, load_);
  free_blocks(sequence);
  if (sequence.complete()) {  // it was about to leave
    if (!sequence.complete_outside()) tell_tokens(sequence, sequence.generated, now, out);
    return;
  }
  auto place = preempted_.begin();
  if (options_.priority_scheduling)
    place = std::find_if(preempted_.begin(), preempted_.end(),
                         [&](const Sequence& other) { return sequence.before(other); });
  preempted_.insert(place, std::move(sequence));
  ++counts_.preemptions;
  preempted_now_ = true;
}

void ContinuousEngine::schedule_running(Turn turn, Time now, std::int64_t& budget, Outbox& out) {
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    if (running_[i].scheduled > 0) continue;  // admitted again just now
    const bool decodes = running_[i].decodes();
    if (turn != Turn::all && decodes != (turn == Turn::decodes)) continue;
    if (decodes && guesses(running_[i]) == 0 &&
        has_blocks(running_[i], running_[i].target)) {  // most of them: the rest would do the same
      load_.decodes += 1;
      load_.decode_context += running_[i].target;
      load_.sampled += 1;
      load_.sequences += 1;
      running_[i].scheduled = 1;
      --budget;
      continue;
    }
    const std::int64_t wanted = wanted_of(running_[i], budget);
    bool gone = false;
    while (!gone && !reserve(running_[i], running_[i].computed + wanted)) {
      const std::size_t last = victim();
      budget += running_[last].scheduled;
      gone = last == i;
      preempt(last, now, out);
      if (last < i) --i;
    }
    if (gone) break;
    if (wanted == 0) continue;
    schedule(running_[i], static_cast<std::uint32_t>(wanted), load_);
    publish(running_[i]);
    budget -= wanted;
  }
}

bool ContinuousEngine::partial_prefill_allowed() const {
  const auto partial = std::count_if(running_.begin(), running_.end(), [](const Sequence& sequence) {
    return !sequence.decodes() && sequence.computed + sequence.scheduled < sequence.target;
  });
  return partial < options_.max_num_partial_prefills;
}

ContinuousEngine::Sequence ContinuousEngine::fresh(const Job& job) const {
  Sequence sequence;
  sequence.job = job;
  sequence.target = std::max(1u, job.input_tokens);
  if (pool_.caching()) return sequence;
  // Cached tokens are whole blocks, and the last token is always computed.
  const auto block = static_cast<std::uint32_t>(options_.block_size);
  const auto cached =
      static_cast<std::uint32_t>(options_.prefix_cache_share * sequence.target) / block * block;
  sequence.computed = std::min(cached, sequence.target - 1);
  sequence.shared = sequence.computed / block * block;
  return sequence;
}

bool ContinuousEngine::admit(Sequence& sequence, std::int64_t& budget) {
  Match found = match(sequence.job, sequence.target);
  const auto cached = static_cast<std::uint32_t>(found.blocks * options_.block_size);
  if (pool_.caching()) sequence.computed = sequence.shared = cached;
  const std::int64_t wanted = wanted_of(sequence, budget);
  if (wanted == 0) return false;
  if (sequence.computed + wanted < sequence.target && !partial_prefill_allowed()) return false;
  const std::int64_t tokens = options_.reserve_output ? longest(sequence.job) : sequence.computed + wanted;
  const std::int64_t blocks = blocks_for(tokens - sequence.shared);
  if (pool_.free() - found.unused - blocks < (running_.empty() ? 0 : watermark_blocks_)) return false;
  if (sequence.generated == 0 && pool_.caching()) {
    counts_.prompt_tokens += sequence.target;
    counts_.hit_tokens += cached;
  }
  use(sequence, std::move(found));
  if (!reserve(sequence, tokens)) return false;  // cannot be: it was counted above
  schedule(sequence, static_cast<std::uint32_t>(wanted), load_);
  publish(sequence);
  budget -= wanted;
  return true;
}

bool ContinuousEngine::preempted_first() const {
  if (preempted_.empty()) return false;
  if (!options_.priority_scheduling || waiting_.empty()) return true;
  Sequence head;
  head.job = waiting_.front();
  return !head.before(preempted_.front());
}

void ContinuousEngine::admit_waiting(Time latest, std::int64_t& budget, Outbox& out) {
  while (budget > 0 && running_.size() < static_cast<std::size_t>(options_.max_num_seqs)) {
    const bool again = preempted_first();
    if (!again && waiting_.empty()) return;
    if (!again && waiting_.front().queued > latest) {
      held_back_ = true;
      return;
    }
    Sequence sequence = again ? std::move(preempted_.front()) : fresh(waiting_.front());
    if (!admit(sequence, budget)) {
      if (again) preempted_.front() = std::move(sequence);
      return;
    }
    if (again) {
      preempted_.pop_front();
    } else {
      waiting_.pop();
      out.push_back(tell(sequence.job, Signal::started));
    }
    running_.push_back(std::move(sequence));
  }
}

void ContinuousEngine::drop_ended(Time now, Outbox& out) {
  if (!options_.async_scheduling && !options_.async_output) return;
  for (std::size_t i = running_.size(); i-- > 0;)
    if (running_[i].complete() && !has_blocks(running_[i], running_[i].target)) preempt(i, now, out);
}

std::optional<Step> ContinuousEngine::plan(Time now, Outbox& out) {
  attend_frontend(now, out);
  if (in_step_) return std::nullopt;
  std::int64_t budget = options_.max_num_batched_tokens;
  load_ = {};
  preempted_now_ = held_back_ = false;
  drop_ended(now, out);
  schedule_running(options_.prefill_first ? Turn::prefills : Turn::all, now, budget, out);
  // Who plans ahead did so when the iteration began that has just ended.
  const bool ahead = options_.async_scheduling && !running_.empty();
  if (!preempted_now_) admit_waiting(ahead ? planned_ : kNever, budget, out);
  if (options_.prefill_first && load_.prefill_tokens == 0) schedule_running(Turn::decodes, now, budget, out);
  if (running_.empty()) return std::nullopt;
  in_step_ = true;
  planned_ = now;
  return step_of(load_);
}

Step ContinuousEngine::step_of(const LlmLoad& load) const {
  Step step;
  step.items = load.sequences;
  double padding = 0;
  const double batch = load.prefill_tokens + load.decodes + load.drafted;
  if (batch <= options_.cuda_graph_max_batch) padding = captured_batch(batch) - batch;
  step.demand = serving_.rank_step(load, padding);
  step.demand.host_before_s += options_.host_per_step_s + options_.host_per_sequence_s * step.items;
  step.phase = load.prefill_tokens == 0 ? StepPhase::decode
               : load.decodes == 0      ? StepPhase::prefill
                                        : StepPhase::mixed;
  return step;
}

// Most sequences of a batch had their last token at the same time: their gaps are added as one.
void ContinuousEngine::add_gap(Duration gap) {
  add_gaps();
  gap_ = gap;
  gaps_ = 1;
}

void ContinuousEngine::add_gaps() {
  inter_token_.add(gap_, gaps_);
  gaps_ = 0;
}

void ContinuousEngine::advance(Sequence& sequence) {
  const std::uint32_t scheduled = std::exchange(sequence.scheduled, 0);
  if (scheduled == 0) return;
  std::uint32_t tokens = 1;
  if (!sequence.decodes()) {
    sequence.computed += scheduled;
    if (sequence.computed < sequence.target) return;
  } else {
    if (scheduled > 1) tokens += verify(sequence, scheduled - 1);
    sequence.computed += tokens;
  }
  sequence.generated += tokens;
  sequence.target += tokens;
}

void ContinuousEngine::tell_tokens(Sequence& sequence, std::uint32_t known, Time now, Outbox& out) {
  const std::uint32_t tokens = known - sequence.told;
  const Time sent = frontend_.send(now, tokens);
  if (sequence.told == 0) {
    frontend_.tell(now, sent, tell(sequence.job, Signal::output), out);
  } else if (tokens == 1) {
    count_gap(sent - sequence.last_token);
  } else {  // so that gaps sum to the time that passed
    const Duration each{(sent - sequence.last_token).ns / tokens};
    for (std::uint32_t i = 0; i < tokens; ++i) count_gap(each);
  }
  sequence.last_token = sent;
  if (const std::uint32_t every = sequence.job.notify_every; every > 0)
    for (std::uint32_t at = (sequence.told / every + 1) * every; at <= known; at += every)
      frontend_.tell(now, sent, tell(sequence.job, Signal::progress, at), out);
  sequence.told = known;
  if (sequence.complete_outside()) [[unlikely]]
    frontend_.tell(now, sent, tell(sequence.job, Signal::finished), out);
}

void ContinuousEngine::complete(const Step&, Time now, Outbox& out) {
  in_step_ = false;
  const bool stays = options_.async_scheduling || options_.async_output;  // for one more iteration
  const bool sends_at_once = !frontend_.present();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = running_[i];
    if (sends_at_once && sequence.in_mid_reply(late())) {  // most of them: the rest would do the same
      sequence.scheduled = 0;
      sequence.take_tokens(1);
      count_gap(now - sequence.last_token);
      sequence.last_token = now;
    } else {
      const bool was_complete = sequence.complete();
      const std::uint32_t before = sequence.generated;
      advance(sequence);
      const std::uint32_t known = options_.async_output ? before : sequence.generated;
      if (known > sequence.told && !sequence.complete_outside()) tell_tokens(sequence, known, now, out);
      if (was_complete || (!stays && sequence.complete())) {
        free_blocks(sequence);
        continue;
      }
    }
    if (kept != i) running_[kept] = std::move(sequence);
    ++kept;
  }
  running_.resize(kept);
  add_gaps();
}

void ContinuousEngine::fail(Outbox& out) {
  frontend_.fail(out);
  for (const Sequence& sequence : running_)
    if (!sequence.complete_outside()) out.push_back(tell(sequence.job, Signal::failed));
  for (const Sequence& sequence : preempted_) out.push_back(tell(sequence.job, Signal::failed));
  while (!waiting_.empty()) out.push_back(tell(waiting_.pop(), Signal::failed));
  running_.clear();
  preempted_.clear();
  pool_.clear();
  in_step_ = false;
}

ContinuousEngine::Counts ContinuousEngine::counts() const {
  Counts counts = counts_;
  counts.evicted_blocks = pool_.evictions();
  return counts;
}

void ContinuousEngine::report(EngineStatistics& statistics) const {
  const Counts all = counts();
  statistics.count("preemptions", all.preemptions);
  statistics.count("prefix_prompt_tokens", all.prompt_tokens);
  statistics.count("prefix_hit_tokens", all.hit_tokens);
  statistics.count("prefix_evicted_blocks", all.evicted_blocks);
  statistics.count("draft_tokens", all.draft_tokens);
  statistics.count("accepted_tokens", all.accepted_tokens);
  statistics.latency("itl", inter_token_);
}

}  // namespace gpushare
