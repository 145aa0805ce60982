#include <algorithm>

#include "simulation/simulator.hpp"

namespace gpushare {
namespace {

constexpr std::uint32_t kCall = 1;  // last bit of a holder: a call, not a user

}  // namespace

int Simulator::recogniser(const Traffic& traffic) const {
  const auto& stages = scenario_.workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages;
  const auto found = std::find_if(stages.begin(), stages.end(), [&](const Stage& stage) {
    return stage.service >= 0 &&
           std::holds_alternative<StreamingAsrModel>(
               scenario_.workload.services[static_cast<std::size_t>(stage.service)].model->cost);
  });
  return found == stages.end() ? -1 : static_cast<int>(found - stages.begin());
}

Simulator::HeldStream& Simulator::held_stream(std::uint32_t holder) {
  return (holder & kCall) != 0 ? calls_[holder >> 1].stream : users_[holder >> 1].stream;
}

bool Simulator::is_held(const Request& request, std::uint8_t stage) const {
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(request.traffic)];
  return traffic.hold_stream && recogniser(traffic) == stage;
}

bool Simulator::open_stream(Time now, std::uint32_t holder, const Request& request) {
  const Traffic& traffic = scenario_.workload.traffic[static_cast<std::size_t>(request.traffic)];
  const int service_index =
      pipeline_of(request).stages[static_cast<std::size_t>(recogniser(traffic))].service;
  Job job;
  job.request = holder;
  job.stage = kHolder;
  job.held = true;
  job.priority = static_cast<std::uint8_t>(traffic.sizes.priority);
  job.queued = now;
  HeldStream& stream = held_stream(holder);
  const int chosen = route(now, job, request, service_index);
  const bool taken =
      chosen >= 0 &&
      std::get<StreamEngine>(fleet_.servers[static_cast<std::size_t>(chosen)].engine).enqueue(job);
  if (!taken) {
    stream.refusal = chosen < 0 ? RequestStatus::failed : RequestStatus::rejected;
    fleet_.services[static_cast<std::size_t>(service_index)].rejected += chosen < 0 ? 0 : 1;
    return false;
  }
  stream.state = HeldStream::State::waiting;
  stream.server = chosen;
  ++fleet_.servers[static_cast<std::size_t>(chosen)].in_system;
  mark_dirty(chosen);
  return true;
}

void Simulator::hang_up(Time now, std::uint32_t holder) {
  HeldStream& stream = held_stream(holder);
  Server& server = fleet_.servers[static_cast<std::size_t>(stream.server)];
  std::get<StreamEngine>(server.engine).hang_up(holder, now);
  --server.in_system;
  stream.state = HeldStream::State::closed;
  mark_dirty(stream.server);
}

void Simulator::on_held_stream(Time now, const Outcome& outcome) {
  HeldStream& stream = held_stream(outcome.request);
  const bool waited = stream.state == HeldStream::State::waiting;
  if (outcome.signal == Signal::opened) {
    stream.state = HeldStream::State::open;
  } else {
    stream.state = HeldStream::State::closed;
    --fleet_.servers[static_cast<std::size_t>(stream.server)].in_system;
  }
  if (!waited) return;  // whoever lost a stream asks for another one with the next turn
  const std::uint32_t owner = outcome.request >> 1;
  if ((outcome.request & kCall) != 0) {
    on_call(now, owner);
  } else {
    on_user(now, owner);
  }
}

int Simulator::speak(const Request& request, const Job& job) {
  const std::uint32_t holder = holder_of(request);
  const HeldStream& stream = held_stream(holder);
  if (stream.state != HeldStream::State::open) return -1;
  Server& server = fleet_.servers[static_cast<std::size_t>(stream.server)];
  std::get<StreamEngine>(server.engine).speak(holder, job);
  return stream.server;
}

}  // namespace gpushare
