#include "simulation/pipelines.hpp"

#include <algorithm>
#include <string>

namespace gpushare {
namespace {

std::uint32_t sentence_tokens(const Request& request, const Stage& stage) {
  return request.sentence_tokens > 0 ? request.sentence_tokens
                                     : static_cast<std::uint32_t>(stage.sentence_tokens);
}

std::uint32_t sentences(const Request& request, const Stage& stage) {
  const std::uint32_t each = sentence_tokens(request, stage);
  return std::max(1u, (request.output_tokens + each - 1) / each);
}

}  // namespace

Pipelines::Pipelines(Kernel& kernel, const Workload& workload, const Services& services, Recorder& recorder,
                     const Luck& luck, Listener listener)
    : kernel_(kernel),
      workload_(workload),
      to_(services),
      recorder_(recorder),
      listener_(listener),
      warm_(Time{} + duration_from_seconds(workload.warmup_s)),
      workers_(workload.pipelines.size()) {
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
  const std::uint32_t slot = requests_.add(arriving);
  const Pipeline& pipeline = pipeline_of(arriving);
  Request& request = requests_[slot];
  request.arrival = now;
  request.measured = now >= warm_;
  request.stages_open = static_cast<std::uint32_t>(pipeline.stages.size());
  request.jobs_open = 1;  // keeps the request while its first stages start
  ++arrived_;
  for (std::size_t s = 0; s < pipeline.stages.size(); ++s)
    if (pipeline.stages[s].after < 0) start_stage(now, slot, static_cast<std::uint8_t>(s));
  --requests_[slot].jobs_open;
  close_if_done(now, slot);
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
    start_delay(now, slot, index, stage.delay_s.sample(luck));
    return;
  }
  if (take_worker(slot, index)) begin_visit(now, slot, index);
}

bool Pipelines::take_worker(std::uint32_t slot, std::uint8_t index) {
  const std::size_t number = number_of(requests_[slot]);
  const Pipeline& pipeline = workload_.pipelines[number];
  if (!pipeline.stages[index].worker) return true;
  WorkerPool& pool = workers_[number];
  if (pool.busy == pipeline.workers) {
    pool.waiting.emplace_back(slot, index);
    return false;
  }
  ++pool.busy;
  return true;
}

void Pipelines::release_worker(Time now, std::uint32_t slot, std::uint8_t index) {
  if (!pipeline_of(requests_[slot]).stages[index].worker) return;
  WorkerPool& pool = workers_[number_of(requests_[slot])];
  if (pool.waiting.empty()) {
    --pool.busy;
    return;
  }
  const auto [next, stage] = pool.waiting.front();
  pool.waiting.pop_front();
  begin_visit(now, next, stage);
}

void Pipelines::begin_visit(Time now, std::uint32_t slot, std::uint8_t index) {
  const Stage& stage = pipeline_of(requests_[slot]).stages[index];
  const double overhead =
      workload_.services[static_cast<std::size_t>(stage.service)].engine.request_overhead_s;
  if (overhead > 0) {
    start_delay(now, slot, index, overhead);
  } else {
    send_job(now, slot, index);
  }
}

void Pipelines::start_delay(Time now, std::uint32_t slot, std::uint8_t stage, double seconds) {
  if (free_delays_.empty()) {
    free_delays_.push_back(static_cast<std::uint32_t>(delays_.size()));
    const EventQueue::Slot timer = add_slot(kernel_, kDelayEvent, Part::delay, delays_.size());
    delays_.emplace_back().slot = timer;
  }
  Delay& delay = delays_[free_delays_.back()];
  free_delays_.pop_back();
  delay.request = slot;
  delay.stage = stage;
  kernel_.set(delay.slot, now + duration_from_seconds(seconds));
}

void Pipelines::on_delay(Time now, std::uint32_t index) {
  const Delay delay = delays_[index];
  free_delays_.push_back(index);
  if (pipeline_of(requests_[delay.request]).stages[delay.stage].service < 0) {
    on_job_done(now, delay.request, delay.stage);
  } else {
    send_job(now, delay.request, delay.stage);
  }
}

Job Pipelines::make_job(const Request& request, std::uint32_t slot, std::uint8_t index) {
  const Pipeline& pipeline = pipeline_of(request);
  const Stage& stage = pipeline.stages[index];
  const Model& model = *workload_.services[static_cast<std::size_t>(stage.service)].model;
  Job job;
  job.request = slot;
  job.stage = index;
  job.luck = request.uid * kMaxStages + index;
  job.priority = request.priority;
  job.input_tokens = request.input_tokens;
  job.output_tokens = request.output_tokens;
  job.units = request.units;
  job.prefix = request.prefix;
  if (stage.on == Trigger::sentence) {
    const std::uint32_t each = sentence_tokens(request, stage);
    const std::uint32_t spoken = (request.stages[index].parts_submitted - 1) * each;
    job.output_tokens = std::min(each, request.output_tokens - spoken);
  }
  if (stage.role == Role::speaks)
    job.audio_s = job.output_tokens *
                  (request.audio_s_per_token > 0 ? request.audio_s_per_token : stage.audio_s_per_token);
  if (stage.role == Role::recognises) job.audio_s = request.speech_s;
  if (const auto* synthetic = std::get_if<SyntheticModel>(&model.cost)) {
    Stream luck = service_luck_[static_cast<std::size_t>(stage.service)].at(job.luck);
    job.synthetic_s = synthetic->gpu_s.sample(luck);
  }
  for (const Stage& next : pipeline.stages)
    if (next.after == index && next.on == Trigger::sentence)
      job.notify_every = static_cast<std::uint16_t>(std::min(sentence_tokens(request, next), 65535u));
  return job;
}

void Pipelines::send_job(Time now, std::uint32_t slot, std::uint8_t index) {
  Request& request = requests_[slot];
  const int service_index = pipeline_of(request).stages[index].service;
  StageState& state = request.stages[index];
  Job job = make_job(request, slot, index);
  job.queued = now;
  state.job_queued = now;
  const bool held = to_.streams.is_held(request, index);
  const int chosen = held ? to_.streams.speak(request, job) : choose_server(now, job, request);
  if (held && chosen < 0) return refuse(now, job, to_.streams[HeldStreams::holder_of(request)].refusal);
  if (chosen < 0) return refuse(now, job, RequestStatus::failed);
  Server& server = to_.fleet.servers[static_cast<std::size_t>(chosen)];
  ServiceState& service = to_.fleet.services[static_cast<std::size_t>(service_index)];
  if (!held && !std::visit([&](auto& engine) { return engine.enqueue(job); }, server.engine)) {
    ++service.rejected;
    return refuse(now, job, RequestStatus::rejected);
  }
  state.replica = server.replica;
  server.in_system += held ? 0 : 1;  // its stream counts
  service.in_system.add(now, 1);
  if (server.run.length > 0 && std::get<ContinuousEngine>(server.engine).may_admit(job))
    to_.merged.cut(now, chosen);
  kernel_.mark(static_cast<std::size_t>(chosen));
}

int Pipelines::choose_server(Time now, const Job& job, const Request& request) {
  const int service = pipeline_of(request).stages[job.stage].service;
  const std::int32_t replica = request.stages[job.stage].replica;
  if (replica >=
      0) {  // sentences of one reply stay with the server that speaks the first: they are one stream
    const int server =
        to_.fleet.services[static_cast<std::size_t>(service)].servers[static_cast<std::size_t>(replica)];
    if (to_.fleet.servers[static_cast<std::size_t>(server)].runs()) return server;
  }
  return to_.router.choose(now, job, request, service);
}

void Pipelines::refuse(Time now, const Job& job, RequestStatus status) {
  requests_[job.request].status = status;
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
      if (outcome.amount > 0) on_audio(now, request, outcome.amount);
      if (state.first_output != kNever) break;
      state.first_output = now;
      trigger(now, outcome.request, outcome.stage, Trigger::first_output);
      break;
    case Signal::progress:
      offer_sentences(now, outcome.request, outcome.stage, static_cast<std::uint32_t>(outcome.amount), false);
      break;
    case Signal::opened:
    case Signal::lost:
      break;  // of held streams, see above
    case Signal::finished:
    case Signal::failed:
      leave_service(now, outcome);
      if (outcome.signal == Signal::finished) {
        on_job_done(now, outcome.request, outcome.stage);
        break;
      }
      request.status = RequestStatus::failed;
      --request.jobs_open;
      close_if_done(now, outcome.request);
      break;
  }
}

void Pipelines::leave_service(Time now, const Outcome& outcome) {
  const Request& request = requests_[outcome.request];
  const StageState& state = request.stages[outcome.stage];
  const int number = pipeline_of(request).stages[outcome.stage].service;
  ServiceState& service = to_.fleet.services[static_cast<std::size_t>(number)];
  service.in_system.add(now, -1);
  service.sojourn_s += to_seconds(now - state.job_queued);
  const int server = service.servers[static_cast<std::size_t>(state.replica)];
  to_.fleet.servers[static_cast<std::size_t>(server)].in_system -=
      to_.streams.is_held(request, outcome.stage) ? 0 : 1;
  release_worker(now, outcome.request, outcome.stage);
}

void Pipelines::on_audio(Time now, Request& request, double seconds) {
  if (request.playout_end == kNever) {
    request.playout_end = now;
  } else if (now > request.playout_end) {
    request.audio_gap_s += to_seconds(now - request.playout_end);
    ++request.late_chunks;
    request.playout_end = now;
  }
  ++request.chunks;
  request.playout_end = request.playout_end + duration_from_seconds(seconds);
  request.audio_s += seconds;
  if (request.heard_s >= 0 && request.audio_s >= request.heard_s) {
    listener_.heard(now, request);
    request.heard_s = -1;
  }
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
  Request& request = requests_[slot];
  if (request.jobs_open > 0) return;
  if (request.stages_open > 0 && request.status == RequestStatus::completed) return;
  recorder_.finish(request, now);
  if (workload_.traffic[static_cast<std::size_t>(request.traffic)].kind == Traffic::Kind::open)
    return requests_.remove(slot);  // nobody waits for it
  const Request closed = request;
  requests_.remove(slot);
  listener_.closed(now, closed);
}

}  // namespace gpushare
