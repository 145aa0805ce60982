#include "serving/continuous_engine.hpp"

#include <algorithm>
#include <utility>

#include "models/llm.hpp"

namespace gpushare {
namespace {

// Tokens of a sequence at most; 0: no limit.
std::int64_t context_of(const ContinuousOptions& options, const LlmServing& serving) {
  return options.max_model_len > 0 ? options.max_model_len : serving.model->context_tokens;
}

// Who gives way when blocks run short.
std::size_t victim(const std::vector<Sequence>& running, bool by_priority) {
  if (!by_priority) return running.size() - 1;
  std::size_t last = 0;
  for (std::size_t i = 1; i < running.size(); ++i)
    if (!running[i].before(running[last])) last = i;
  return last;
}

// Prompts that will be in the middle of their prefill after the step in hand.
std::ptrdiff_t partial_prefills(const std::vector<Sequence>& running) {
  return std::count_if(running.begin(), running.end(), [](const Sequence& sequence) {
    return !sequence.decodes() && sequence.computed + sequence.scheduled < sequence.target;
  });
}

// Tokens that a sequence may compute in this iteration, `guesses` included; 0: it has to wait.
std::int64_t wanted_of(const Sequence& sequence, std::int64_t guesses, const ContinuousOptions& options,
                       std::int64_t budget) {
  std::int64_t wanted = sequence.target - sequence.computed + guesses;
  if (options.long_prefill_token_threshold > 0)
    wanted = std::min<std::int64_t>(wanted, options.long_prefill_token_threshold);
  if (!options.chunked_prefill && wanted > budget) return 0;
  return std::min(wanted, budget);
}

// Those whose clients have gone leave.
void drop_gone(std::vector<Sequence>& running, SequenceBlocks& blocks, Outbox& out) {
  std::erase_if(running, [&](Sequence& sequence) {
    if (!sequence.gone) return false;
    blocks.release(sequence);
    out.push_back(tell(sequence.job, Signal::failed));
    return true;
  });
}

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
    : options_(options),
      late_(options.async_output ? 1 : 0),
      serving_(serving),
      blocks_(options, kv_blocks),
      frontend_(options.frontend_request_s, options.frontend_token_s),
      waiting_(queue_limit, options.priority_scheduling),
      speculation_(options.speculation) {}

ContinuousEngine make_engine(const ContinuousOptions& options, const EngineSite& site) {
  ContinuousOptions on_card = options;
  if (site.memory.max_num_seqs > 0) {
    on_card.max_num_seqs = site.memory.max_num_seqs;
    on_card.max_num_batched_tokens = site.memory.max_num_batched_tokens;
  }
  return {on_card, serving_of(std::get<LlmModel>(site.model.cost), site.process), site.memory.kv_blocks,
          site.queue_limit()};
}

bool ContinuousEngine::enqueue(const Job& job) {
  const std::int64_t tokens = tokens_of(job);
  const bool over_budget = !options_.chunked_prefill && tokens > options_.max_num_batched_tokens;
  if (const std::int64_t most = context_of(options_, serving_); over_budget || (most > 0 && tokens > most)) {
    ++counts_.over_context;
    return false;
  }
  if (!blocks_.could_hold(tokens)) {
    ++counts_.over_cache;
    return false;
  }
  if (frontend_.present() ? waiting_.full(frontend_.size()) : !waiting_.push(job)) {
    ++counts_.queue_full;
    return false;
  }
  if (frontend_.present()) frontend_.take(job);
  if (silence_.sure() > 0 && may_admit(job)) silence_.look_again();
  return true;
}

std::int64_t ContinuousEngine::longest_sequence() const {
  std::int64_t most = blocks_.most_tokens();
  if (const std::int64_t context = context_of(options_, serving_); context > 0)
    most = std::min(most, context);
  if (!options_.chunked_prefill) most = std::min<std::int64_t>(most, options_.max_num_batched_tokens);
  return most;
}

void ContinuousEngine::preempt(std::size_t index, Time now, Outbox& out) {
  Sequence sequence = std::move(running_[index]);
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
  unschedule(sequence, load_);
  blocks_.release(sequence);
  if (sequence.complete()) {  // it was about to leave
    if (!sequence.complete_outside()) tell_tokens(sequence, sequence.generated, now, out);
    return;
  }
  waiting_.put_back(std::move(sequence));
  ++counts_.preemptions;
  preempted_now_ = true;
}

void ContinuousEngine::schedule_running(Turn turn, Time now, std::int64_t& budget, Outbox& out) {
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    if (running_[i].scheduled > 0) continue;  // admitted again just now
    const bool decodes = running_[i].decodes();
    if (turn != Turn::all && decodes != (turn == Turn::decodes)) continue;
    if (decodes && speculation_.guesses(running_[i]) == 0 &&
        blocks_.has(running_[i], running_[i].target)) {  // most of them: the rest would do the same
      load_.decodes += 1;
      load_.decode_context += running_[i].target;
      load_.sampled += 1;
      load_.sequences += 1;
      running_[i].scheduled = 1;
      silence_.count(running_[i], late_);
      --budget;
      continue;
    }
    const std::int64_t wanted = wanted_of(running_[i], speculation_.guesses(running_[i]), options_, budget);
    bool gone = false;
    while (!gone && !blocks_.reserve(running_[i], running_[i].computed + wanted)) {
      const std::size_t last = victim(running_, options_.priority_scheduling);
      budget += running_[last].scheduled;
      gone = last == i;
      preempt(last, now, out);
      if (last < i) --i;
    }
    if (gone) break;
    if (wanted == 0) continue;
    schedule(running_[i], static_cast<std::uint32_t>(wanted), load_);
    silence_.count(running_[i], late_);
    blocks_.publish(running_[i]);
    budget -= wanted;
  }
}

bool ContinuousEngine::admit(Sequence& sequence, std::int64_t& budget) {
  SequenceBlocks::Match found = blocks_.match(sequence.job, sequence.target);
  const auto cached = static_cast<std::uint32_t>(blocks_.tokens_of(found));
  if (blocks_.caching()) sequence.computed = sequence.shared = cached;
  const std::int64_t wanted = wanted_of(sequence, speculation_.guesses(sequence), options_, budget);
  if (wanted == 0) return false;
  if (sequence.computed + wanted < sequence.target &&
      partial_prefills(running_) >= options_.max_num_partial_prefills)
    return false;
  const std::int64_t tokens = options_.reserve_output ? tokens_of(sequence.job) : sequence.computed + wanted;
  if (!blocks_.has_room(found, tokens - sequence.shared, !running_.empty())) return false;
  if (sequence.generated == 0 && blocks_.caching()) {
    counts_.prompt_tokens += sequence.target;
    counts_.hit_tokens += cached;
  }
  blocks_.use(sequence, std::move(found));
  if (!blocks_.reserve(sequence, tokens)) return false;  // cannot be: it was counted above
  schedule(sequence, static_cast<std::uint32_t>(wanted), load_);
  silence_.count(sequence, late_);
  blocks_.publish(sequence);
  budget -= wanted;
  return true;
}

void ContinuousEngine::admit_waiting(Time latest, std::int64_t& budget, Outbox& out) {
  while (budget > 0 && running_.size() < static_cast<std::size_t>(options_.max_num_seqs)) {
    const bool again = waiting_.resumes();
    if (!again && !waiting_.has_job()) return;
    if (!again && waiting_.job().queued > latest) {
      held_back_ = true;
      return;
    }
    Sequence sequence = again ? std::move(waiting_.preempted()) : blocks_.fresh(waiting_.job());
    if (!admit(sequence, budget)) {
      if (again) waiting_.preempted() = std::move(sequence);
      return;
    }
    if (again) {
      waiting_.pop_preempted();
    } else {
      waiting_.pop_job();
      out.push_back(tell(sequence.job, Signal::started));
    }
    running_.push_back(std::move(sequence));
  }
}

bool ContinuousEngine::compose(Time now, Outbox& out) {
  silence_.catch_up(running_, blocks_);
  silence_.plan(running_);
  load_ = {};
  preempted_now_ = held_back_ = false;
  // Who has ended needs no block for one token more.
  if (options_.async_scheduling || options_.async_output) {
    for (std::size_t i = running_.size(); i-- > 0;)
      if (running_[i].complete() && !blocks_.has(running_[i], running_[i].target)) preempt(i, now, out);
  }
  std::int64_t budget = options_.max_num_batched_tokens;
  schedule_running(options_.prefill_first ? Turn::prefills : Turn::all, now, budget, out);
  // Who plans ahead did so when the iteration began that has just ended.
  const bool ahead = options_.async_scheduling && !running_.empty();
  if (!preempted_now_) admit_waiting(ahead ? planned_ : kNever, budget, out);
  if (options_.prefill_first && load_.prefill_tokens == 0) schedule_running(Turn::decodes, now, budget, out);
  const bool decodes_only =
      !running_.empty() && load_.prefill_tokens == 0 && load_.decodes >= static_cast<double>(running_.size());
  const bool told = speculation_.present() || frontend_.present();
  if (decodes_only && !told && !preempted_now_ && !held_back_ && silence_.quiet() > 0)
    silence_.are_sure(blocks_.steps_with_blocks(running_, silence_.quiet()));
  return ahead && load_.prefill_tokens > 0;
}

std::optional<Step> ContinuousEngine::plan(Time now, Outbox& out) {
  frontend_.deliver(now, out);
  for (Job job; frontend_.next(now, job);) static_cast<void>(waiting_.push(job));  // enqueue() has counted it
  if (in_step_) return std::nullopt;
  const bool was_idle = running_.empty();
  bool launched_ahead = false;
  if (silence_.goes_on()) {
    load_.decode_context += load_.decodes;
  } else {
    launched_ahead = compose(now, out);
  }
  if (running_.empty()) return std::nullopt;
  in_step_ = true;
  Step step = step_of(load_, serving_, options_);
  if (launched_ahead) {  // since the host was through with the iteration before
    const Time free = planned_ + duration_from_seconds(launched_s_);
    step.demand.launch_s = std::max(0.0, step.demand.launch_s - std::max(0.0, to_seconds(now - free)));
  }
  planned_ = now;
  launched_s_ = step.demand.launch_s;
  if (was_idle) {
    step.demand.host_before_s += options_.idle_start_s;
    launched_s_ += options_.idle_start_s;
  }
  return step;
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
  silence_.look_again();
  if (frontend_.remove(request, stage) || waiting_.remove(request, stage)) return true;
  for (Sequence& sequence : running_)
    if (is_of(sequence.job, request, stage) && !sequence.complete_outside()) any_gone_ = sequence.gone = true;
  return false;
}

void ContinuousEngine::complete(const Step&, Time now, Outbox& out) {
  in_step_ = false;
  if (silence_.passes_over() && !any_gone_) return silence_.pass({&now, 1}, running_, gaps_);
  silence_.catch_up(running_, blocks_);
  const std::uint32_t scheduled = silence_.end(now) ? 1 : 0;  // of the next iteration
  if (std::exchange(any_gone_, false)) [[unlikely]]
    drop_gone(running_, blocks_, out);
  const bool stays = options_.async_scheduling || options_.async_output;  // for one more iteration
  const bool sends_at_once = !frontend_.present();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = running_[i];
    if (sends_at_once && sequence.in_mid_reply(late_)) {  // most of them: the rest would do the same
      sequence.take_tokens(1);
      gaps_.count(now - sequence.last_token);
      sequence.last_token = now;
    } else {
      const bool was_complete = sequence.complete();
      const std::uint32_t before = sequence.generated;
      advance(sequence, speculation_);
      const std::uint32_t known = options_.async_output ? before : sequence.generated;
      if (known > sequence.told && !sequence.complete_outside()) tell_tokens(sequence, known, now, out);
      if (was_complete || (!stays && sequence.complete())) {
        blocks_.release(sequence);
        continue;
      }
    }
    sequence.scheduled = scheduled;
    if (kept != i) running_[kept] = std::move(sequence);
    ++kept;
  }
  running_.resize(kept);
  gaps_.flush();
}

void ContinuousEngine::fail(Outbox& out) {
  frontend_.fail(out);
  for (const Sequence& sequence : running_)
    if (!sequence.complete_outside()) out.push_back(tell(sequence.job, Signal::failed));
  waiting_.fail(out);
  running_.clear();
  blocks_.clear();
  in_step_ = any_gone_ = false;
  silence_.clear();
}

std::int64_t ContinuousEngine::cached_tokens(const Job& job) {
  silence_.catch_up(running_, blocks_);
  return blocks_.tokens_of(blocks_.match(job, std::max(1u, job.input_tokens)));
}

ContinuousEngine::Counts ContinuousEngine::counts() {
  silence_.catch_up(running_, blocks_);
  Counts counts = counts_;
  counts.evicted_blocks = blocks_.evictions();
  counts.draft_tokens = speculation_.guessed();
  counts.accepted_tokens = speculation_.kept();
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
  statistics.least("max_num_seqs", static_cast<std::uint64_t>(options_.max_num_seqs));
  statistics.least("max_num_batched_tokens", static_cast<std::uint64_t>(options_.max_num_batched_tokens));
  statistics.count("prefix_prompt_tokens", all.prompt_tokens);
  statistics.count("prefix_hit_tokens", all.hit_tokens);
  statistics.count("prefix_evicted_blocks", all.evicted_blocks);
  statistics.count("draft_tokens", all.draft_tokens);
  statistics.count("accepted_tokens", all.accepted_tokens);
  statistics.latency("itl", inter_token());
}

}  // namespace gpushare
