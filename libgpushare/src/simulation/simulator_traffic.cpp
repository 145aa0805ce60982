#include <algorithm>

#include "results/traffic_ids.hpp"
#include "simulation/simulator.hpp"

namespace gpushare {
namespace {

constexpr Duration kBackOff{500'000'000};  // of a user after a refusal: an assumption

}  // namespace

void Simulator::add_traffic() {
  for (std::size_t i = 0; i < scenario_.workload.traffic.size(); ++i) {
    const Traffic& traffic = scenario_.workload.traffic[i];
    const int index = static_cast<int>(i);
    size_streams_.push_back(stream("sizes/" + traffic.name));
    think_streams_.push_back(stream("think/" + traffic.name));
    source_of_traffic_.push_back(0);
    switch (traffic.kind) {
      case Traffic::Kind::open:
        add_source(index, traffic);
        break;
      case Traffic::Kind::trace:
        add_trace(index, traffic);
        break;
      case Traffic::Kind::closed:
        add_users(index, traffic);
        break;
      case Traffic::Kind::calls:
        add_calls(index, traffic);
        break;
    }
  }
  for (const Service& service : scenario_.workload.services)
    service_streams_.push_back(stream("service/" + service.name));
  for (std::size_t stage = 0; stage < kMaxStages; ++stage)
    delay_streams_.push_back(stream("delay/" + std::to_string(stage)));
}

void Simulator::dispatch_traffic(Time now, const SlotOwner& owner) {
  switch (owner.kind) {
    case Owner::open:
      return on_open_arrival(now, owner.index);
    case Owner::user:
      return on_user(now, owner.index);
    case Owner::trace:
      return on_trace_arrival(now, owner.index);
    case Owner::call_source:
      return on_call_arrival(now, owner.index);
    case Owner::call:
      return on_call(now, owner.index);
    default:
      break;
  }
}

void Simulator::add_source(int index, const Traffic& traffic) {
  open_sources_.push_back({index, ArrivalGenerator(traffic.arrivals, stream("arrivals/" + traffic.name)), 0});
  source_slots_.push_back(add_slot(kTrafficEvent, Owner::open, open_sources_.size() - 1));
  const Time first = open_sources_.back().generator.next();
  if (first <= end_of_arrivals_) queue_.set(source_slots_.back(), first);
}

void Simulator::add_users(int index, const Traffic& traffic) {
  const double ramps_s = traffic.ramp_up_s + traffic.ramp_down_s;
  const double hold_s = traffic.hold_s.value_or(std::max(0.0, scenario_.workload.duration_s - ramps_s));
  for (int n = 0; n < traffic.users; ++n) {
    User user{index, n};
    const double place = static_cast<double>(n) / traffic.users;
    const double leave = traffic.ramp_up_s + hold_s + traffic.ramp_down_s * (n + 1) / traffic.users;
    user.leave = std::min(end_of_arrivals_, Time{} + duration_from_seconds(leave));
    users_.push_back(user);
    user_slots_.push_back(add_slot(kTrafficEvent, Owner::user, users_.size() - 1));
    queue_.set(user_slots_.back(), Time{} + duration_from_seconds(traffic.ramp_up_s * place));
  }
}

void Simulator::draw_sizes(Request& request, const Traffic& traffic) {
  Stream luck = size_streams_[static_cast<std::size_t>(request.traffic)].at(request.uid);
  request.input_tokens = to_tokens(traffic.sizes.input_tokens.sample(luck));
  request.output_tokens = to_tokens(traffic.sizes.output_tokens.sample(luck));
  request.speech_s = traffic.sizes.speech_s.sample(luck);
  request.units = traffic.sizes.units.sample(luck);
  request.priority = static_cast<std::uint8_t>(traffic.sizes.priority);
}

void Simulator::on_open_arrival(Time now, std::uint32_t index) {
  OpenSource& source = open_sources_[index];
  Request request;
  request.traffic = source.traffic;
  request.uid = request_id(source.traffic, source.sequence++);
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(source.traffic)];
  draw_sizes(request, traffic);
  if (caches_prefixes(traffic)) request.prefix = new_prefix(request, traffic);
  begin_request(now, request);
  const Time next = open_sources_[index].generator.next();
  if (next <= end_of_arrivals_) queue_.set(source_slots_[index], next);
}

void Simulator::on_user(Time now, std::uint32_t index) {
  User& user = users_[index];
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(user.traffic)];
  Request request;
  request.traffic = user.traffic;
  request.user = static_cast<std::int32_t>(index);
  request.turn = user.turn;
  request.uid = request_id(user.traffic, static_cast<std::uint64_t>(user.number),
                           static_cast<std::uint64_t>(user.turn));
  if (now >= user.leave) {
    if (user.stream.state == HeldStream::State::open) hang_up(now, holder_of_user(index));
    return;
  }
  const bool opens = traffic.hold_stream && user.stream.state == HeldStream::State::closed;
  if (opens && open_stream(now, holder_of_user(index), request)) return;
  draw_sizes(request, traffic);
  if (traffic.history) {
    if (user.turn % traffic.turns_per_session == 0) user.history_tokens = 0, user.said = nullptr;
    double carried = user.history_tokens;
    if (traffic.history_limit_tokens > 0) carried = std::min(carried, traffic.history_limit_tokens);
    const double dropped = user.history_tokens - carried;
    user.history_tokens += request.input_tokens + request.output_tokens;
    request.input_tokens += to_tokens(carried);
    if (caches_prefixes(traffic)) carry_on(user, request, dropped);
  } else if (caches_prefixes(traffic)) {
    request.prefix = new_prefix(request, traffic);
  }
  ++user.turn;
  begin_request(now, request);
}

void Simulator::after_turn(Time now, const Request& request) {
  const auto index = static_cast<std::size_t>(request.user);
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(request.traffic)];
  Stream luck = think_streams_[static_cast<std::size_t>(request.traffic)].at(request.uid);
  Time ready = now;
  if (traffic.playback && request.playout_end != kNever) ready = std::max(ready, request.playout_end);
  ready = ready + duration_from_seconds(traffic.think_s.sample(luck));
  // Whoever is turned away, or answered in no time, would ask for ever at one instant.
  if (request.status != RequestStatus::completed || request.arrival == now)
    ready = std::max(ready, now + kBackOff);
  if (traffic.hold_stream) ready = std::min(ready, std::max(now, users_[index].leave));  // to hang up then
  queue_.set(user_slots_[index], ready);
}

}  // namespace gpushare
