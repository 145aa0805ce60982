#include <algorithm>

#include "results/traffic_ids.hpp"
#include "simulation/simulator.hpp"

namespace gpushare {

void Simulator::add_calls(int index, const Traffic& traffic) {
  source_of_traffic_.back() = static_cast<std::uint32_t>(call_sources_.size());
  CallSource source{index, std::nullopt, stream("calls/" + traffic.name), 0};
  if (!traffic.calls) source.arrivals.emplace(traffic.recipe.arrivals, stream("arrivals/" + traffic.name));
  call_sources_.push_back(std::move(source));
  call_slots_.push_back(add_slot(kTrafficEvent, Owner::call_source, call_sources_.size() - 1));
  set_next_call(static_cast<std::uint32_t>(call_sources_.size() - 1));
}

void Simulator::set_next_call(std::uint32_t index) {
  CallSource& source = call_sources_[index];
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(source.traffic)];
  Time next = kNever;
  if (source.arrivals) {
    next = source.arrivals->next();
  } else if (source.next < traffic.calls->size()) {
    next = Time{} + duration_from_seconds((*traffic.calls)[source.next].begin_s);
  }
  queue_.set(call_slots_[index], next <= end_of_arrivals_ ? next : kNever);
}

std::uint32_t Simulator::take_call() {
  if (free_calls_.empty()) {
    free_calls_.push_back(static_cast<std::uint32_t>(calls_.size()));
    const EventQueue::Slot timer = add_slot(kTrafficEvent, Owner::call, calls_.size());
    calls_.emplace_back().slot = timer;
  }
  const std::uint32_t index = free_calls_.back();
  free_calls_.pop_back();
  Call fresh;
  fresh.slot = calls_[index].slot;
  calls_[index] = std::move(fresh);
  return index;
}

void Simulator::on_call_arrival(Time now, std::uint32_t index) {
  CallSource& source = call_sources_[index];
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(source.traffic)];
  const std::size_t place = source.next++;
  const std::uint32_t slot = take_call();
  Call& call = calls_[slot];
  call.traffic = source.traffic;
  VoiceCall voice = traffic.calls ? (*traffic.calls)[place]
                                  : draw_call(traffic.recipe, static_cast<std::int64_t>(place),
                                              to_seconds(now), source.luck.at(place));
  call.number = voice.number;
  call.turns = std::move(voice.turns);
  set_next_call(index);
  if (!traffic.hold_stream) {
    next_turn(now, slot);
  } else if (!open_stream(now, holder_of_call(slot), call_request(call, slot, 0))) {
    begin_turn(now, slot);
  }
}

// The timer, or a stream that is open now.
void Simulator::on_call(Time now, std::uint32_t index) {
  Call& call = calls_[index];
  if (!call.next_is_due) {
    next_turn(now, index);  // the first silence begins
  } else if (call.turn == call.turns.size()) {
    end_call(now, index);
    free_if_over(index);
  } else {
    const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(call.traffic)];
    const bool opens = traffic.hold_stream && call.stream.state == HeldStream::State::closed;
    if (opens && open_stream(now, holder_of_call(index), call_request(call, index, call.turn))) return;
    begin_turn(now, index);
  }
}

void Simulator::next_turn(Time from, std::uint32_t index) {
  Call& call = calls_[index];
  call.next_is_due = true;
  double wait_s = 0;
  if (call.turn < call.turns.size()) {
    const CallTurn& turn = call.turns[call.turn];
    wait_s = turn.silence_s;
    // Where nobody listens while the user speaks, the request comes when they have spoken.
    if (recogniser(scenario_.workload.traffic[static_cast<std::size_t>(call.traffic)]) < 0)
      wait_s += turn.speech_s;
  }
  queue_.set(call.slot, from + duration_from_seconds(wait_s));
}

Request Simulator::call_request(const Call& call, std::uint32_t index, std::size_t number) {
  const CallTurn& turn = call.turns[number];
  Request request;
  request.traffic = call.traffic;
  request.user = static_cast<std::int32_t>(call.number);
  request.turn = static_cast<std::int32_t>(number);
  request.call = static_cast<std::int32_t>(index);
  request.uid = request_id(call.traffic, static_cast<std::uint64_t>(call.number), number);
  draw_sizes(request, scenario_.workload.traffic[static_cast<std::size_t>(call.traffic)]);
  request.input_tokens = turn.prompt_tokens;
  request.output_tokens = turn.reply_tokens;
  request.speech_s = turn.speech_s;
  request.audio_s_per_token = turn.audio_s / turn.reply_tokens;
  request.sentence_tokens = turn.first_sentence_tokens;
  if (turn.heard_s < turn.audio_s) request.heard_s = turn.heard_s;
  return request;
}

void Simulator::begin_turn(Time now, std::uint32_t index) {
  Call& call = calls_[index];
  const std::size_t turn = call.turn++;
  call.next_is_due = false;
  ++call.in_flight;
  Request request = call_request(call, index, turn);
  if (caches_prefixes(scenario_.workload.traffic[static_cast<std::size_t>(call.traffic)]))
    carry_on(call, call.turns[turn], request);
  begin_request(now, request);
}

// The user breaks in as soon as so much of the reply was played; what is left of it is still made and thrown away.
void Simulator::break_in(Time now, const Request& request) {
  const Call& call = calls_[static_cast<std::size_t>(request.call)];
  const bool last = static_cast<std::size_t>(request.turn) + 1 == call.turn;
  const Time heard = request.playout_end - duration_from_seconds(request.audio_s - request.heard_s);
  if (last && !call.next_is_due) next_turn(std::max(now, heard), static_cast<std::uint32_t>(request.call));
}

void Simulator::after_call_turn(Time now, const Request& request) {
  const auto index = static_cast<std::uint32_t>(request.call);
  Call& call = calls_[index];
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(call.traffic)];
  --call.in_flight;
  const bool answered = request.status == RequestStatus::completed;
  const bool cut_off = traffic.hold_stream && !answered && call.stream.state == HeldStream::State::closed;
  const bool last = static_cast<std::size_t>(request.turn) + 1 == call.turn;
  if (cut_off && !call.over) {
    skip_turns(now, index);
    end_call(now, index);
  } else if (last && !call.next_is_due && !call.over) {
    Time heard = now;
    if (request.playout_end != kNever) heard = std::max(now, request.playout_end);
    if (answered && !speaks(traffic))  // someone else speaks it
      heard = now + duration_from_seconds(call.turns[static_cast<std::size_t>(request.turn)].heard_s);
    next_turn(heard, index);
  }
  free_if_over(index);
}

void Simulator::skip_turns(Time now, std::uint32_t index) {
  Call& call = calls_[index];
  for (; call.turn < call.turns.size(); ++call.turn) {
    Request never = call_request(call, index, call.turn);
    never.arrival = now;
    never.status = RequestStatus::skipped;
    ++arrived_;
    recorder_.finish(never, now);
  }
}

void Simulator::end_call(Time now, std::uint32_t index) {
  Call& call = calls_[index];
  call.over = true;
  queue_.cancel(call.slot);
  if (call.stream.state == HeldStream::State::open) hang_up(now, holder_of_call(index));
}

void Simulator::free_if_over(std::uint32_t index) {
  Call& call = calls_[index];
  if (!call.over || call.in_flight > 0) return;
  call.turns = {};
  free_calls_.push_back(index);
}

bool Simulator::speaks(const Traffic& traffic) const {
  const auto& stages = scenario_.workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages;
  return std::any_of(stages.begin(), stages.end(), [&](const Stage& stage) {
    return stage.service >= 0 &&
           role_of(*scenario_.workload.services[static_cast<std::size_t>(stage.service)].model) ==
               Role::speaks;
  });
}

}  // namespace gpushare
