#include <algorithm>
#include <limits>
#include <utility>

#include "serving/continuous_batch.hpp"

namespace gpushare {
namespace {

// Who gives way when blocks run short.
std::size_t victim(const Sequences& running, bool by_priority) {
  if (!by_priority) return running.size() - 1;
  std::size_t last = 0;
  for (std::size_t i = 1; i < running.size(); ++i)
    if (!running[i]->before(*running[last])) last = i;
  return last;
}

// Whether a prompt will be in the middle of its prefill after the step in hand.
bool is_partial(const Sequence& sequence) {
  return !sequence.decodes() && sequence.computed + sequence.scheduled < sequence.target;
}

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// Tokens that a sequence may compute in this iteration, `guesses` included; 0: it has to wait.
std::int64_t wanted_of(const Sequence& sequence, std::int64_t guesses, const ContinuousOptions& options,
                       std::int64_t budget) {
  std::int64_t wanted = sequence.target - sequence.computed + guesses;
  if (options.long_prefill_token_threshold > 0)
    wanted = std::min<std::int64_t>(wanted, options.long_prefill_token_threshold);
  if (!options.chunked_prefill && wanted > budget) return 0;
  return std::min(wanted, budget);
}

}  // namespace

ContinuousBatch::ContinuousBatch(const ContinuousOptions& its_options, std::int64_t kv_blocks,
                                 std::int64_t queue_limit)
    : options(its_options),
      blocks(options, kv_blocks),
      waiting(queue_limit, options.priority_scheduling),
      speculation(options.speculation),
      lockstep(options.block_size, late()) {
  if (speculation.present()) lockstep.take_one_by_one();
}

void ContinuousBatch::reset_statistics(bool in_step) {
  lockstep.take_blocks(blocks, in_step);
  blocks.reset_statistics();
  speculation.reset_statistics();
  counts = {};
}

bool ContinuousBatch::is_due(const Sequence& sequence, Turn turn) {
  return turn == Turn::all || sequence.decodes() == (turn == Turn::decodes);
}

void ContinuousBatch::preempt(std::size_t index) {
  Sequence sequence = std::move(*running[index]);
  running.erase(running.begin() + static_cast<std::ptrdiff_t>(index));
  lockstep.remove_last();
  unschedule(sequence, load);
  blocks.release(sequence);
  if (sequence.complete()) {  // it was about to leave
    ended.push_back(std::move(sequence));
    return;
  }
  waiting.put_back(std::move(sequence));
  ++counts.preemptions;
  preempted_now_ = true;
}

void ContinuousBatch::preempt_ended() {
  const auto is_short = [&](std::uint32_t i) {
    return running[i]->complete() && !blocks.has(*running[i], running[i]->target);
  };
  if (std::none_of(lockstep.apart().begin(), lockstep.apart().end(), is_short)) return;
  lockstep.part_all(running);
  for (auto i = static_cast<std::uint32_t>(running.size()); i-- > 0;)
    if (is_short(i)) preempt(i);
}

// Whether all get what they want in whatever order they are asked.
bool ContinuousBatch::all_fit(Turn turn, std::int64_t budget) const {
  const bool with_decodes = turn != Turn::prefills;
  std::int64_t more = with_decodes ? lockstep.blocks_wanted() : 0;
  if (with_decodes) budget -= static_cast<std::int64_t>(lockstep.size());
  if (budget < 0) return false;
  bool prompts = false;
  for (const std::uint32_t i : lockstep.apart()) {
    const Sequence& sequence = *running[i];
    if (sequence.scheduled > 0 || !is_due(sequence, turn)) continue;
    const std::int64_t guesses = speculation.guesses(sequence);
    const std::int64_t wanted = wanted_of(sequence, guesses, options, budget);
    if (wanted < wanted_of(sequence, guesses, options, kNoLimit) && with_decodes && !lockstep.is_behind(i))
      return false;
    more += blocks.lacks(sequence, sequence.computed + wanted);
    budget -= wanted;
    prompts = prompts || !sequence.decodes();
  }
  // Prompts go into the cache, which may bring blocks back before more are asked for.
  return more <= (prompts && blocks.caching() ? blocks.empty() : blocks.free());
}

void ContinuousBatch::schedule_running(Turn turn, std::int64_t& budget) {
  if (lockstep.size() > 0 && !all_fit(turn, budget)) lockstep.part_all(running);
  if (turn != Turn::prefills && lockstep.size() > 0) {
    lockstep.schedule(load, blocks);
    budget -= static_cast<std::int64_t>(lockstep.size());
  }
  // Where one is preempted, all are apart: those before it keep their places.
  for (std::size_t at = 0; at < lockstep.apart().size() && budget > 0; ++at) {
    std::size_t i = lockstep.apart()[at];
    Sequence& sequence = *running[i];
    if (sequence.scheduled > 0) continue;  // admitted again just now
    if (!is_due(sequence, turn)) continue;
    const std::int64_t wanted = wanted_of(sequence, speculation.guesses(sequence), options, budget);
    bool gone = false;
    while (!gone && !blocks.reserve(sequence, sequence.computed + wanted)) {
      const std::size_t last = victim(running, options.priority_scheduling);
      budget += running[last]->scheduled;
      gone = last == i;
      preempt(last);
      if (last < i) at = --i;
    }
    if (gone) break;
    if (wanted == 0) continue;
    schedule(sequence, static_cast<std::uint32_t>(wanted), load);
    blocks.publish(sequence);
    budget -= wanted;
  }
}

std::ptrdiff_t ContinuousBatch::partial_prefills() const {
  return std::count_if(lockstep.apart().begin(), lockstep.apart().end(),
                       [this](std::uint32_t i) { return is_partial(*running[i]); });
}

bool ContinuousBatch::admit(Sequence& sequence, std::int64_t& budget) {
  SequenceBlocks::Match found = blocks.match(sequence.job, sequence.target);
  const auto cached = static_cast<std::uint32_t>(blocks.tokens_of(found));
  if (blocks.caching()) sequence.computed = sequence.shared = cached;
  const std::int64_t wanted = wanted_of(sequence, speculation.guesses(sequence), options, budget);
  if (wanted == 0) return false;
  if (sequence.computed + wanted < sequence.target && partial_prefills() >= options.max_num_partial_prefills)
    return false;
  const std::int64_t tokens = options.reserve_output ? tokens_of(sequence.job) : sequence.computed + wanted;
  if (!blocks.has_room(found, tokens - sequence.shared, !running.empty())) return false;
  if (sequence.generated == 0 && blocks.caching()) {
    counts.prompt_tokens += sequence.target;
    counts.hit_tokens += cached;
  }
  blocks.use(sequence, std::move(found));
  if (!blocks.reserve(sequence, tokens)) return false;  // cannot be: it was counted above
  schedule(sequence, static_cast<std::uint32_t>(wanted), load);
  blocks.publish(sequence);
  budget -= wanted;
  return true;
}

void ContinuousBatch::admit_waiting(Time latest, std::int64_t& budget, Outbox& out) {
  while (budget > 0 && running.size() < static_cast<std::size_t>(options.max_num_seqs)) {
    const bool again = waiting.resumes();
    if (!again && !waiting.has_job()) return;
    if (!again && waiting.job().queued > latest) {
      held_back_ = true;
      return;
    }
    Sequence sequence = again ? std::move(waiting.preempted()) : blocks.fresh(waiting.job());
    if (!admit(sequence, budget)) {
      if (again) waiting.preempted() = std::move(sequence);
      return;
    }
    if (again) {
      waiting.pop_preempted();
    } else {
      waiting.pop_job();
      out.push_back(tell(sequence.job, Signal::started));
    }
    running.push_back(std::make_unique<Sequence>(std::move(sequence)));
    lockstep.add();
  }
}

bool ContinuousBatch::plan(Time planned, Outbox& out) {
  lockstep.take_blocks(blocks, false);
  lockstep.plan();
  lockstep.part_due(running);
  load = {};
  preempted_now_ = held_back_ = false;
  // Who has ended needs no block for one token more.
  if (options.async_scheduling || options.async_output) preempt_ended();
  std::int64_t budget = options.max_num_batched_tokens;
  schedule_running(options.prefill_first ? Turn::prefills : Turn::all, budget);
  // Who plans ahead did so when the iteration began that has just ended.
  const bool ahead = options.async_scheduling && !running.empty();
  if (!preempted_now_) admit_waiting(ahead ? planned : kNever, budget, out);
  if (options.prefill_first && load.prefill_tokens == 0) {
    schedule_running(Turn::decodes, budget);
  } else if (options.prefill_first && options.async_output) {
    lockstep.part_all(running);  // the tokens that came last are told, and no others come
  }
  const bool all_together = lockstep.size() > 0 && lockstep.apart().empty();
  if (all_together && !preempted_now_ && !held_back_) lockstep.look_ahead(blocks);
  return ahead && load.prefill_tokens > 0;
}

void ContinuousBatch::drop_gone(Outbox& out) {
  lockstep.part_all(running);
  for (std::size_t i = 0; i < running.size();) {
    Sequence& sequence = *running[i];
    if (!sequence.gone) {
      ++i;
      continue;
    }
    blocks.release(sequence);
    out.push_back(tell(sequence.job, Signal::failed));
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    lockstep.remove_last();
  }
}

}  // namespace gpushare
