#include "simulation/pipelines.hpp"

#include <algorithm>
#include <string>

namespace gpushare {
Pipelines::Pipelines(Kernel& kernel, const Workload& workload, const Services& services, Recorder& recorder,
                     const Luck& luck, Listener listener)
    : kernel_(kernel),
      workload_(workload),
      to_(services),
      recorder_(recorder),
      listener_(listener),
      warm_(Time{} + duration_from_seconds(workload.warmup_s)),
      clients_(kernel, workload),
      workers_(workload.pipelines),
      delays_(kernel) {
  for (const Service& service : workload.services)
    service_luck_.push_back(luck.stream("service/" + service.name));
  for (std::size_t stage = 0; stage < kMaxStages; ++stage)
    delay_luck_.push_back(luck.stream("delay/" + std::to_string(stage)));
}

void Pipelines::skip(Time now, const Request& request) {
  Request never = request;
  never.arrival = now;
  never.status = RequestStatus::skipped;
  ++arrived_;
  recorder_.finish(never, now);
}

void Pipelines::begin(Time now, const Request& arriving) {
  Request request = arriving;
  request.arrival = now;
  request.measured = now >= warm_;
  ++arrived_;
  send(now, request);
}

void Pipelines::send(Time now, const Request& attempt) {
  const std::uint32_t slot = requests_.add(attempt);
  Request& request = requests_[slot];
  const Pipeline& pipeline = pipeline_of(request);
  request.stages_open = static_cast<std::uint32_t>(pipeline.stages.size());
  request.jobs_open = 1;  // keeps the request while its first stages start
  if (++request.attempts > 1) recorder_.sent_again(request, now);
  clients_.sent(now, slot, request);
  for (std::size_t s = 0; s < pipeline.stages.size(); ++s)
    if (pipeline.stages[s].after < 0) start_stage(now, slot, static_cast<std::uint8_t>(s));
  --requests_[slot].jobs_open;
  close_if_done(now, slot);
}

void Pipelines::on_client(Time now, std::uint32_t client) {
  if (const auto again = clients_.take_again(client)) return send(now, *again);
  const std::uint32_t slot = clients_.slot_of(client);
  Request& request = requests_[slot];
  request.status = RequestStatus::failed;
  request.timed_out = true;
  const Request given_up = request;
  request.abandoned = true;
  ++request.jobs_open;  // keeps it while its jobs leave
  for (std::size_t s = 0; s < pipeline_of(given_up).stages.size(); ++s)
    withdraw(now, slot, static_cast<std::uint8_t>(s));
  --requests_[slot].jobs_open;
  close_if_done(now, slot);
  end_attempt(now, given_up);
}

void Pipelines::withdraw(Time now, std::uint32_t slot, std::uint8_t index) {
  const StageVisit visit{slot, index};
  const Request& request = requests_[slot];
  if (workers_.cancel(pipeline_number(workload_, request), visit)) {
    --requests_[slot].jobs_open;
  } else if (delays_.cancel(visit)) {
    if (pipeline_of(request).stages[index].service >= 0) release_worker(now, slot, index);
    --requests_[slot].jobs_open;
  } else if (request.stages[index].in_service) {
    const int server = server_of(request, index);
    to_.merged.cut(now, server);
    auto& engine = to_.fleet.servers[static_cast<std::size_t>(server)].engine;
    const bool out = std::visit([&](auto& any) { return any.cancel(now, slot, index); }, engine);
    kernel_.mark(static_cast<std::size_t>(server));
    if (!out) return;  // its step ends first
    leave_service(now, slot, index);
    release_worker(now, slot, index);
    --requests_[slot].jobs_open;
  } else if (const int service = pipeline_of(request).stages[index].service;
             service >= 0 && to_.parked.cancel(now, service, visit)) {
    release_worker(now, slot, index);
    --requests_[slot].jobs_open;
  }
}

void Pipelines::start_stage(Time now, std::uint32_t slot, std::uint8_t index) {
  Request& request = requests_[slot];
  const Stage& stage = pipeline_of(request).stages[index];
  StageState& state = request.stages[index];
  if (state.queued == kNever) state.queued = now;
  state.last_queued = now;
  ++request.jobs_open;
  ++state.parts_submitted;
  if (stage.service < 0) {
    state.started = now;
    Stream luck = delay_luck_[index].at(request.uid);
    delays_.start(now, {slot, index}, stage.delay_s.sample(luck));
    return;
  }
  if (workers_.take(pipeline_number(workload_, request), {slot, index})) begin_visit(now, slot, index);
}

void Pipelines::release_worker(Time now, std::uint32_t slot, std::uint8_t index) {
  if (const auto next = workers_.release(pipeline_number(workload_, requests_[slot]), index))
    begin_visit(now, next->request, next->stage);
}

void Pipelines::begin_visit(Time now, std::uint32_t slot, std::uint8_t index) {
  const Stage& stage = pipeline_of(requests_[slot]).stages[index];
  ++to_.fleet.services[static_cast<std::size_t>(stage.service)].jobs;
  const double overhead =
      workload_.services[static_cast<std::size_t>(stage.service)].engine.request_overhead_s;
  if (overhead > 0) {
    delays_.start(now, {slot, index}, overhead);
  } else {
    send_job(now, slot, index);
  }
}

void Pipelines::on_delay(Time now, std::uint32_t index) {
  const StageVisit delay = delays_.take(index);
  if (pipeline_of(requests_[delay.request]).stages[delay.stage].service < 0) {
    on_job_done(now, delay.request, delay.stage);
  } else {
    send_job(now, delay.request, delay.stage);
  }
}

void Pipelines::send_job(Time now, std::uint32_t slot, std::uint8_t index) {
  Request& request = requests_[slot];
  const int service_index = pipeline_of(request).stages[index].service;
  StageState& state = request.stages[index];
  Job job = make_job(workload_, request, slot, index, service_luck_[static_cast<std::size_t>(service_index)]);
  job.queued = now;
  state.job_queued = now;
  const bool held = to_.streams.is_held(request, index);
  const int chosen = held ? to_.streams.speak(request, job) : choose_server(now, job, request);
  if (held && chosen < 0) {
    const HeldStreams::Held& stream = to_.streams[HeldStreams::holder_of(request)];
    return refuse(now, job, stream.refusal, stream.by_fault);
  }
  const auto number = static_cast<std::size_t>(service_index);
  if (chosen < 0 && to_.fleet.services[number].waits_for_replicas)
    return to_.parked.add(now, service_index, {slot, index});
  if (chosen < 0) return refuse(now, job, RequestStatus::failed, to_.fleet.services[number].down.value() > 0);
  Server& server = to_.fleet.servers[static_cast<std::size_t>(chosen)];
  ServiceState& service = to_.fleet.services[number];
  to_.merged.before_job(now, chosen);
  if (!held && !std::visit([&](auto& engine) { return engine.enqueue(job); }, server.engine)) {
    ++service.rejected;
    const auto* engine = std::get_if<ContinuousEngine>(&server.engine);
    request.too_long = engine != nullptr && tokens_of(job) > engine->longest_sequence();
    return refuse(now, job, RequestStatus::rejected, false);
  }
  state.replica = server.replica;
  state.in_service = true;
  to_.fleet.add_jobs(chosen, held ? 0 : 1);  // its stream counts
  service.in_system.add(now, 1);
  to_.merged.job_came(now, chosen, job);
  kernel_.mark(static_cast<std::size_t>(chosen));
}

int Pipelines::choose_server(Time now, const Job& job, const Request& request) {
  const int service = pipeline_of(request).stages[job.stage].service;
  const std::int32_t replica = request.stages[job.stage].replica;
  if (replica >=
      0) {  // sentences of one reply stay with the server that speaks the first: they are one stream
    const int server = server_of(request, job.stage);
    if (to_.fleet.servers[static_cast<std::size_t>(server)].runs()) return server;
  }
  return to_.router.choose(now, job, request, service);
}

void Pipelines::refuse(Time now, const Job& job, RequestStatus status, bool by_fault) {
  requests_[job.request].status = status;
  requests_[job.request].by_fault = by_fault;
  release_worker(now, job.request, job.stage);
  --requests_[job.request].jobs_open;
  close_if_done(now, job.request);
}

void Pipelines::on_outcome(Time now, const Outcome& outcome) {
  if (outcome.stage == kHolder) return to_.streams.on_outcome(now, outcome);
  Request& request = requests_[outcome.request];
  StageState& state = request.stages[outcome.stage];
  switch (outcome.signal) {
    case Signal::started:
      if (state.started == kNever) state.started = now;
      break;
    case Signal::output:
      if (request.playout.is_broken_into()) {
        listener_.heard(now, request);
        request.playout.heard_s = -1;
      }
      if (state.first_output != kNever) break;
      state.first_output = now;
      trigger(now, outcome.request, outcome.stage, Trigger::first_output);
      break;
    case Signal::progress:
      offer_sentences(now, outcome.request, outcome.stage, outcome.tokens, false);
      break;
    case Signal::opened:
    case Signal::lost:
      break;  // of held streams, see above
    case Signal::finished:
    case Signal::failed:
    case Signal::moved:
      if (state.in_service) leave_service(now, outcome.request, outcome.stage);
      if (outcome.signal == Signal::moved && !request.abandoned) {
        state.replica = -1;
        send_job(now, outcome.request, outcome.stage);
        break;
      }
      release_worker(now, outcome.request, outcome.stage);
      if (outcome.signal == Signal::finished) {
        on_job_done(now, outcome.request, outcome.stage);
        break;
      }
      request.status = RequestStatus::failed;
      request.by_fault =  // what waits for a replica has none
          state.replica >= 0 &&
          to_.fleet.servers[static_cast<std::size_t>(server_of(request, outcome.stage))].state ==
              Server::State::down;
      --request.jobs_open;
      close_if_done(now, outcome.request);
      break;
  }
}

int Pipelines::server_of(const Request& request, std::uint8_t stage) const {
  const int service = pipeline_of(request).stages[stage].service;
  const std::int32_t replica = request.stages[stage].replica;
  return to_.fleet.services[static_cast<std::size_t>(service)].servers[static_cast<std::size_t>(replica)];
}

void Pipelines::leave_service(Time now, std::uint32_t slot, std::uint8_t stage) {
  Request& request = requests_[slot];
  StageState& state = request.stages[stage];
  state.in_service = false;
  const int number = pipeline_of(request).stages[stage].service;
  ServiceState& service = to_.fleet.services[static_cast<std::size_t>(number)];
  service.in_system.add(now, -1);
  service.sojourn_s += to_seconds(now - state.job_queued);
  to_.fleet.add_jobs(server_of(request, stage), to_.streams.is_held(request, stage) ? 0 : -1);
}

void Pipelines::trigger(Time now, std::uint32_t slot, std::uint8_t stage, Trigger on) {
  if (requests_[slot].status != RequestStatus::completed) return;
  const Pipeline& pipeline = pipeline_of(requests_[slot]);
  for (std::size_t next = 0; next < pipeline.stages.size(); ++next)
    if (pipeline.stages[next].after == stage && pipeline.stages[next].on == on)
      start_stage(now, slot, static_cast<std::uint8_t>(next));
}

void Pipelines::offer_sentences(Time now, std::uint32_t slot, std::uint8_t stage, std::uint32_t tokens,
                                bool complete) {
  Request& request = requests_[slot];
  const Pipeline& pipeline = pipeline_of(request);
  for (std::size_t next = 0; next < pipeline.stages.size(); ++next) {
    const Stage& follower = pipeline.stages[next];
    if (follower.after != stage || follower.on != Trigger::sentence) continue;
    request.stages[next].parts_available =
        complete ? sentences(request, follower) : tokens / sentence_tokens(request, follower);
    next_sentence(now, slot, static_cast<std::uint8_t>(next));
  }
}

void Pipelines::next_sentence(Time now, std::uint32_t slot, std::uint8_t stage) {
  const Request& request = requests_[slot];
  const StageState& state = request.stages[stage];
  if (request.status != RequestStatus::completed) return;
  if (state.parts_done == state.parts_submitted && state.parts_submitted < state.parts_available &&
      state.parts_submitted < sentences(request, pipeline_of(request).stages[stage]))
    start_stage(now, slot, stage);
}

void Pipelines::on_job_done(Time now, std::uint32_t slot, std::uint8_t index) {
  Request& request = requests_[slot];
  const Stage& stage = pipeline_of(request).stages[index];
  StageState& state = request.stages[index];
  ++state.parts_done;
  if (stage.on != Trigger::sentence || state.parts_done == sentences(request, stage)) {
    state.finished = now;
    --request.stages_open;
    trigger(now, slot, index, Trigger::finish);
    offer_sentences(now, slot, index, 0, true);
  } else {
    next_sentence(now, slot, index);
  }
  --requests_[slot].jobs_open;
  close_if_done(now, slot);
}

void Pipelines::close_if_done(Time now, std::uint32_t slot) {
  const Request& request = requests_[slot];
  if (request.jobs_open > 0) return;
  if (request.abandoned) return requests_.remove(slot);
  if (request.stages_open > 0 && request.status == RequestStatus::completed) return;
  const Request ended = request;
  requests_.remove(slot);
  end_attempt(now, ended);
}

void Pipelines::end_attempt(Time now, const Request& ended) {
  if (clients_.tries_again(now, ended)) return;
  recorder_.finish(ended, now);
  listener_.closed(now, ended);
}

}  // namespace gpushare
