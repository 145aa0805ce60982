#include "simulation/sources/users.hpp"

#include <algorithm>

#include "results/traffic_ids.hpp"
#include "simulation/sources/prefixes.hpp"

namespace gpushare {
namespace {

constexpr Duration kBackOff{500'000'000};  // of a user after a refusal: an assumption

}  // namespace

void Users::add(int index) {
  const Traffic& traffic = context_.traffic(index);
  for (auto t = static_cast<int>(sizes_.size()); t <= index; ++t) {
    sizes_.push_back(context_.luck.stream("sizes/" + context_.traffic(t).name));
    think_.push_back(context_.luck.stream("think/" + context_.traffic(t).name));
  }
  const double ramps_s = traffic.ramp_up_s + traffic.ramp_down_s;
  const double hold_s = traffic.hold_s.value_or(std::max(0.0, context_.workload.duration_s - ramps_s));
  for (int n = 0; n < traffic.users; ++n) {
    User user{index, n};
    const double place = static_cast<double>(n) / traffic.users;
    const double leave = traffic.ramp_up_s + hold_s + traffic.ramp_down_s * (n + 1) / traffic.users;
    user.leave = std::min(context_.end_of_arrivals, Time{} + duration_from_seconds(leave));
    user.slot = add_slot(context_.kernel, kTrafficEvent, Part::user, users_.size());
    users_.push_back(user);
    context_.kernel.set(user.slot, Time{} + duration_from_seconds(traffic.ramp_up_s * place));
  }
}

void Users::on_ready(Time now, std::uint32_t index) {
  User& user = users_[index];
  const Traffic& traffic = context_.traffic(user.traffic);
  const std::uint32_t holder = HeldStreams::holder_of_user(index);
  Request request;
  request.traffic = user.traffic;
  request.user = static_cast<std::int32_t>(index);
  request.turn = user.turn;
  request.uid = request_id(user.traffic, static_cast<std::uint64_t>(user.number),
                           static_cast<std::uint64_t>(user.turn));
  if (now >= user.leave) {
    if (streams_[holder].state == HeldStreams::Held::State::open) streams_.hang_up(now, holder);
    return;
  }
  const bool opens = traffic.hold_stream && streams_[holder].state == HeldStreams::Held::State::closed;
  if (opens && streams_.open(now, holder, request)) return;
  draw_sizes(traffic, sizes_[static_cast<std::size_t>(user.traffic)], request);
  if (traffic.history) {
    remember(user, request);
  } else if (caches_prefixes(context_.workload, traffic)) {
    request.prefix = new_prefix(context_.luck, request, traffic);
  }
  ++user.turn;
  context_.sink.begin(now, request);
}

void Users::remember(User& user, Request& request) {
  const Traffic& traffic = context_.traffic(user.traffic);
  if (user.turn % traffic.turns_per_session == 0) user.history_tokens = 0, user.said = nullptr;
  double carried = user.history_tokens;
  if (traffic.history_limit_tokens > 0) carried = std::min(carried, traffic.history_limit_tokens);
  const double dropped = user.history_tokens - carried;
  user.history_tokens += request.input_tokens + request.output_tokens;
  request.input_tokens += to_tokens(carried);
  if (!caches_prefixes(context_.workload, traffic)) return;
  if (!user.said) user.said = new_prefix(context_.luck, request, traffic);
  // What a limit drops from the front makes the rest another text.
  if (dropped > 0) user.said->stretches.resize(traffic.system_prompt_tokens > 0 ? 1 : 0);
  request.prefix = next_turn_prefix(
      user.said, {user.traffic, user.number, user.turn / traffic.turns_per_session}, user.turn, request);
}

void Users::after(Time now, const Request& request) {
  const auto index = static_cast<std::uint32_t>(request.user);
  const Traffic& traffic = context_.traffic(request.traffic);
  Stream luck = think_[static_cast<std::size_t>(request.traffic)].at(request.uid);
  Time ready = now;
  if (traffic.playback && request.playout.end != kNever) ready = std::max(ready, request.playout.end);
  ready = ready + duration_from_seconds(traffic.think_s.sample(luck));
  // Whoever is turned away, or answered in no time, would ask for ever at one instant.
  if (request.status != RequestStatus::completed || request.arrival == now)
    ready = std::max(ready, now + kBackOff);
  if (traffic.hold_stream) ready = std::min(ready, std::max(now, users_[index].leave));  // to hang up then
  context_.kernel.set(users_[index].slot, ready);
}

}  // namespace gpushare
