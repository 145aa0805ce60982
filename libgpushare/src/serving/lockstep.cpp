#include "serving/lockstep.hpp"

#include <numeric>

namespace gpushare {
namespace {

constexpr std::uint64_t kFarAhead = 4096;  // beyond which nobody asks

}  // namespace

bool Lockstep::is_behind(std::uint32_t index) const {
  const auto behind = static_cast<std::size_t>(apart_.end() - std::find(apart_.begin(), apart_.end(), index));
  return index + behind == due_.size();
}

void Lockstep::add() {
  apart_.push_back(static_cast<std::uint32_t>(due_.size()));
  due_.push_back(kApart);
}

void Lockstep::remove_last() {
  apart_.pop_back();
  due_.pop_back();
}

void Lockstep::part(Sequence& sequence, std::uint32_t index) {
  const Tick cycle = taking_.size();
  contexts_ -= static_cast<std::int64_t>(sequence.target) - static_cast<std::int64_t>(sequence.joined);
  --together_;
  if (sequence.takes_block != kApart) {
    --taking_[sequence.takes_block % cycle];
    --takers_;
    if (taken_ > sequence.takes_block)
      sequence.blocks += static_cast<std::int64_t>((taken_ - 1 - sequence.takes_block) / cycle + 1);
  }
  sequence.take_tokens(static_cast<std::uint32_t>(tick_ - sequence.joined));
  sequence.last_token = last_end_;
  sequence.scheduled = advances_ ? 1 : 0;
  due_[index] = kApart;
}

void Lockstep::part_due(Sequences& running) {
  if (next_due_ > tick_) return;
  next_due_ = kApart;
  apart_.clear();
  for (std::uint32_t i = 0; i < due_.size(); ++i) {
    if (due_[i] <= tick_) part(*running[i], i);
    if (due_[i] == kApart) apart_.push_back(i);
    next_due_ = std::min(next_due_, due_[i]);
  }
}

void Lockstep::part_all(Sequences& running) {
  if (together_ == 0) return;
  for (std::uint32_t i = 0; i < due_.size(); ++i)
    if (due_[i] != kApart) part(*running[i], i);
  apart_.resize(due_.size());
  std::iota(apart_.begin(), apart_.end(), 0u);
  next_due_ = kApart;
}

void Lockstep::schedule(LlmLoad& load, SequenceBlocks& blocks) {
  advances_ = true;
  take_blocks(blocks, true);
  const auto tokens = static_cast<double>(together_);
  load.decodes += tokens;
  load.decode_context += static_cast<double>(contexts_ + static_cast<std::int64_t>(tick_) *
                                                             static_cast<std::int64_t>(together_));
  load.sampled += tokens;
  load.sequences += tokens;
}

void Lockstep::take_blocks(SequenceBlocks& blocks, bool in_step) {
  const Tick until = tick_ + (in_step && advances_ ? 1 : 0);
  if (until <= taken_) return;
  const Tick cycle = taking_.size();
  const Tick cycles = until - taken_ < cycle ? 0 : (until - taken_) / cycle;
  std::int64_t more = static_cast<std::int64_t>(cycles) * takers_;
  for (Tick tick = taken_ + cycles * cycle; tick < until; ++tick) more += taking_[tick % cycle];
  taken_ = until;
  if (more > 0) blocks.take(more);
}

void Lockstep::look_ahead(const SequenceBlocks& blocks) {
  // Every cycle of iterations each sequence takes a block; within it, when its last one is full.
  const Tick cycle = taking_.size();
  const Tick most = std::min(next_due_ - tick_, kFarAhead);
  sure_ = most;
  if (takers_ == 0) return;
  const Tick steps = static_cast<Tick>(blocks.free() / takers_) * cycle;
  std::int64_t left = blocks.free() % takers_;
  Tick more = 0;
  while (more < cycle && taking_[(tick_ + 1 + more) % cycle] <= left)
    left -= taking_[(tick_ + 1 + more++) % cycle];
  sure_ = std::min(most, steps + more);
}

void Lockstep::pass(std::span<const Time> ends, GapMeter& gaps) {
  for (const Time end : ends) pass_one(end, gaps);
  sure_ -= ends.size();
}

void Lockstep::pass_one(Time now, GapMeter& gaps) {
  gaps.add(now - last_end_, together_);
  last_end_ = now;
  ++tick_;
}

bool Lockstep::joins(Sequence& sequence, std::uint32_t index, const SequenceBlocks& blocks) {
  if (one_by_one_ || sequence.last_token != last_end_ || !sequence.decodes()) return false;
  const std::size_t silent = sequence.silent_steps(late_);
  const std::int64_t room = blocks.room(sequence, sequence.target);
  const bool has_all = room >= static_cast<std::int64_t>(silent);
  if (silent == 0 || !(has_all || room + 1 < static_cast<std::int64_t>(taking_.size()))) return false;
  sequence.joined = tick_;
  sequence.takes_block = has_all ? kApart : tick_ + static_cast<Tick>(room + 1);
  if (!has_all) {
    ++taking_[sequence.takes_block % taking_.size()];
    ++takers_;
  }
  contexts_ += static_cast<std::int64_t>(sequence.target) - static_cast<std::int64_t>(tick_);
  ++together_;
  due_[index] = tick_ + silent;
  next_due_ = std::min(next_due_, due_[index]);
  return true;
}

void Lockstep::erase_gone(Sequences& running) {
  std::size_t kept = gone_.front(), next = 0;
  for (std::size_t i = kept; i < running.size(); ++i) {
    if (next < gone_.size() && gone_[next] == i) {
      ++next;
      continue;
    }
    due_[kept] = due_[i];
    running[kept++] = std::move(running[i]);
  }
  due_.resize(kept);
  running.resize(kept);
}

void Lockstep::clear() {
  const bool one_by_one = one_by_one_;
  *this = Lockstep(static_cast<int>(taking_.size()), late_);
  one_by_one_ = one_by_one;
}

}  // namespace gpushare
