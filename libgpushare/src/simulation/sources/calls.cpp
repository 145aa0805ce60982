#include "simulation/sources/calls.hpp"

#include <algorithm>

#include "results/traffic_ids.hpp"
#include "simulation/sources/prefixes.hpp"

namespace gpushare {
namespace {

using State = HeldStreams::Held::State;

bool someone_speaks(const Workload& workload, const Traffic& traffic) {
  const auto& stages = workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages;
  return std::any_of(stages.begin(), stages.end(),
                     [](const Stage& stage) { return stage.role == Role::speaks; });
}

}  // namespace

void Calls::add(int index) {
  const Traffic& traffic = context_.traffic(index);
  const Luck& luck = context_.luck;
  Source source{index,
                std::nullopt,
                luck.stream("calls/" + traffic.name),
                luck.stream("sizes/" + traffic.name),
                recogniser_of(context_.workload, traffic) >= 0,
                someone_speaks(context_.workload, traffic),
                add_slot(context_.kernel, kTrafficEvent, Part::call_source, sources_.size())};
  if (!traffic.calls)
    source.arrivals.emplace(traffic.recipe.arrivals, luck.stream("arrivals/" + traffic.name));
  sources_.push_back(std::move(source));
  set_next(sources_.back());
}

void Calls::set_next(Source& source) {
  const Traffic& traffic = context_.traffic(source.traffic);
  Time next = kNever;
  if (source.arrivals) {
    next = source.arrivals->next();
  } else if (source.next < traffic.calls->size()) {
    next = Time{} + duration_from_seconds((*traffic.calls)[source.next].begin_s);
  }
  context_.kernel.set(source.slot, next <= context_.end_of_arrivals ? next : kNever);
}

std::uint32_t Calls::take() {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(calls_.size()));
    const EventQueue::Slot timer = add_slot(context_.kernel, kTrafficEvent, Part::call, calls_.size());
    calls_.emplace_back().slot = timer;
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Call fresh;
  fresh.slot = calls_[index].slot;
  calls_[index] = std::move(fresh);
  streams_[HeldStreams::holder_of_call(index)] = {};
  return index;
}

void Calls::on_arrival(Time now, std::uint32_t number) {
  Source& source = sources_[number];
  const Traffic& traffic = context_.traffic(source.traffic);
  const std::size_t place = source.next++;
  const std::uint32_t index = take();
  Call& call = calls_[index];
  call.source = number;
  VoiceCall voice = traffic.calls ? (*traffic.calls)[place]
                                  : draw_call(traffic.recipe, static_cast<std::int64_t>(place),
                                              to_seconds(now), source.luck.at(place));
  call.number = voice.number;
  call.turns = std::move(voice.turns);
  set_next(source);
  if (!traffic.hold_stream) {
    next_turn(now, index);
  } else if (!streams_.open(now, HeldStreams::holder_of_call(index), request_of(index, 0))) {
    begin_turn(now, index);
  }
}

void Calls::on_due(Time now, std::uint32_t index) {
  Call& call = calls_[index];
  if (!call.next_is_due) {
    next_turn(now, index);  // the first silence begins
  } else if (call.turn == call.turns.size()) {
    end(now, index);
    free_if_over(index);
  } else {
    const std::uint32_t holder = HeldStreams::holder_of_call(index);
    const bool opens = traffic_of(call).hold_stream && streams_[holder].state == State::closed;
    if (opens && streams_.open(now, holder, request_of(index, call.turn))) return;
    begin_turn(now, index);
  }
}

void Calls::next_turn(Time from, std::uint32_t index) {
  Call& call = calls_[index];
  call.next_is_due = true;
  double wait_s = 0;
  if (call.turn < call.turns.size()) {
    const CallTurn& turn = call.turns[call.turn];
    wait_s = turn.silence_s;
    // Where nobody listens while the user speaks, the request comes when they have spoken.
    if (!sources_[call.source].hears) wait_s += turn.speech_s;
  }
  context_.kernel.set(call.slot, from + duration_from_seconds(wait_s));
}

Request Calls::request_of(std::uint32_t index, std::size_t number) const {
  const Call& call = calls_[index];
  const Source& source = sources_[call.source];
  const CallTurn& turn = call.turns[number];
  Request request;
  request.traffic = source.traffic;
  request.user = static_cast<std::int32_t>(call.number);
  request.turn = static_cast<std::int32_t>(number);
  request.call = static_cast<std::int32_t>(index);
  request.uid = request_id(source.traffic, static_cast<std::uint64_t>(call.number), number);
  draw_sizes(context_.traffic(source.traffic), source.sizes, request);
  request.input_tokens = turn.prompt_tokens;
  request.output_tokens = turn.reply_tokens;
  request.speech_s = turn.speech_s;
  request.audio_s_per_token = turn.audio_s / turn.reply_tokens;
  request.sentence_tokens = turn.first_sentence_tokens;
  if (turn.heard_s < turn.audio_s) request.playout.heard_s = turn.heard_s;
  return request;
}

void Calls::begin_turn(Time now, std::uint32_t index) {
  Call& call = calls_[index];
  const std::size_t turn = call.turn++;
  call.next_is_due = false;
  ++call.in_flight;
  Request request = request_of(index, turn);
  if (caches_prefixes(context_.workload, traffic_of(call)))
    request.prefix =
        call_prefix(call.said, call.last_key, {request.traffic, call.number}, call.turn, call.turns[turn]);
  context_.sink.begin(now, request);
}

void Calls::break_in(Time now, const Request& request) {
  const auto index = static_cast<std::uint32_t>(request.call);
  const Call& call = calls_[index];
  const Time heard =
      request.playout.end - duration_from_seconds(request.playout.audio_s - request.playout.heard_s);
  if (is_last(call, request) && !call.next_is_due) next_turn(std::max(now, heard), index);
}

void Calls::after(Time now, const Request& request) {
  const auto index = static_cast<std::uint32_t>(request.call);
  Call& call = calls_[index];
  --call.in_flight;
  const bool answered = request.status == RequestStatus::completed;
  const bool cut_off = traffic_of(call).hold_stream && !answered &&
                       streams_[HeldStreams::holder_of_call(index)].state == State::closed;
  if (cut_off && !call.over) {
    skip_turns(now, index);
    end(now, index);
  } else if (is_last(call, request) && !call.next_is_due && !call.over) {
    Time heard = now;
    if (request.playout.end != kNever) heard = std::max(now, request.playout.end);
    if (answered && !sources_[call.source].speaks)  // someone else speaks it
      heard = now + duration_from_seconds(call.turns[static_cast<std::size_t>(request.turn)].heard_s);
    next_turn(heard, index);
  }
  free_if_over(index);
}

void Calls::skip_turns(Time now, std::uint32_t index) {
  Call& call = calls_[index];
  for (; call.turn < call.turns.size(); ++call.turn) context_.sink.skip(now, request_of(index, call.turn));
}

void Calls::end(Time now, std::uint32_t index) {
  Call& call = calls_[index];
  call.over = true;
  context_.kernel.cancel(call.slot);
  const std::uint32_t holder = HeldStreams::holder_of_call(index);
  if (streams_[holder].state == State::open) streams_.hang_up(now, holder);
}

void Calls::free_if_over(std::uint32_t index) {
  Call& call = calls_[index];
  if (!call.over || call.in_flight > 0) return;
  call.turns = {};
  free_.push_back(index);
}

}  // namespace gpushare
