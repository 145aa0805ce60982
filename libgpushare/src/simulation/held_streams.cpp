#include "simulation/held_streams.hpp"

#include <algorithm>

namespace gpushare {

int recogniser_of(const Workload& workload, const Traffic& traffic) {
  const auto& stages = workload.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages;
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [](const Stage& stage) { return stage.role == Role::recognises; });
  return found == stages.end() ? -1 : static_cast<int>(found - stages.begin());
}

HeldStreams::HeldStreams(Kernel& kernel, Fleet& fleet, const Workload& workload, Router& router, Told told)
    : kernel_(kernel), fleet_(fleet), workload_(workload), router_(router), told_(told) {
  for (const Traffic& traffic : workload.traffic)
    held_stage_.push_back(traffic.hold_stream ? recogniser_of(workload, traffic) : -1);
}

std::uint32_t HeldStreams::holder_of(const Request& request) {
  return request.call >= 0 ? holder_of_call(static_cast<std::uint32_t>(request.call))
                           : holder_of_user(static_cast<std::uint32_t>(request.user));
}

HeldStreams::Held& HeldStreams::operator[](std::uint32_t holder) {
  auto& streams = is_call(holder) ? calls_ : users_;
  const std::size_t index = holder >> 1;
  if (index >= streams.size()) streams.resize(index + 1);
  return streams[index];
}

bool HeldStreams::open(Time now, std::uint32_t holder, const Request& request) {
  const auto number = static_cast<std::size_t>(request.traffic);
  const Traffic& traffic = workload_.traffic[number];
  const auto& stages = workload_.pipelines[static_cast<std::size_t>(traffic.pipeline)].stages;
  const int service = stages[static_cast<std::size_t>(held_stage_[number])].service;
  Job job;
  job.request = holder;
  job.stage = kHolder;
  job.held = true;
  job.priority = static_cast<std::uint8_t>(traffic.sizes.priority);
  job.queued = now;
  Held& stream = (*this)[holder];
  const int chosen = router_.choose(now, job, request, service);
  const bool taken =
      chosen >= 0 &&
      std::get<StreamEngine>(fleet_.servers[static_cast<std::size_t>(chosen)].engine).enqueue(job);
  if (!taken) {
    stream.refusal = chosen < 0 ? RequestStatus::failed : RequestStatus::rejected;
    stream.by_fault = chosen < 0 && fleet_.services[static_cast<std::size_t>(service)].down.value() > 0;
    fleet_.services[static_cast<std::size_t>(service)].rejected += chosen < 0 ? 0 : 1;
    return false;
  }
  stream.state = Held::State::waiting;
  stream.server = chosen;
  fleet_.add_jobs(chosen, 1);
  kernel_.mark(static_cast<std::size_t>(chosen));
  return true;
}

void HeldStreams::hang_up(Time now, std::uint32_t holder) {
  Held& stream = (*this)[holder];
  Server& server = fleet_.servers[static_cast<std::size_t>(stream.server)];
  std::get<StreamEngine>(server.engine).hang_up(holder, now);
  fleet_.add_jobs(stream.server, -1);
  stream.state = Held::State::closed;
  kernel_.mark(static_cast<std::size_t>(stream.server));
}

int HeldStreams::speak(const Request& request, const Job& job) {
  const std::uint32_t holder = holder_of(request);
  const Held& stream = (*this)[holder];
  if (stream.state != Held::State::open) return -1;
  Server& server = fleet_.servers[static_cast<std::size_t>(stream.server)];
  std::get<StreamEngine>(server.engine).speak(holder, job);
  return stream.server;
}

void HeldStreams::on_outcome(Time now, const Outcome& outcome) {
  Held& stream = (*this)[outcome.request];
  const bool waited = stream.state == Held::State::waiting;
  if (outcome.signal == Signal::opened) {
    stream.state = Held::State::open;
  } else {
    const Server& server = fleet_.servers[static_cast<std::size_t>(stream.server)];
    stream.state = Held::State::closed;
    stream.refusal = RequestStatus::failed;
    stream.by_fault = server.state == Server::State::down;
    fleet_.add_jobs(stream.server, -1);
  }
  if (waited) told_(now, outcome.request);  // whoever lost a stream asks for another one with the next turn
}

}  // namespace gpushare
