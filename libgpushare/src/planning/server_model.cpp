#include "planning/server_model.hpp"

#include <algorithm>
#include <cmath>

#include "core/overloaded.hpp"
#include "models/model_kind.hpp"
#include "planning/speech_model.hpp"
#include "planning/step_table.hpp"

namespace gpushare::planning {
namespace {

/// Of a step's time: what a request's wait and its own step last, in which neighbours change what they do.
constexpr double kStepsOfWait = 2;

// How long a server is away at a time that is there for a share of it, so long at a time.
double away_s(double share, double length_s) { return share > 0 ? length_s * (1 - share) / share : 0; }

// The two steps around the mean number of places; of an LLM those with prompts and those without.
Presence presence_of(const StepTable& table, const WorkSite& site, const Neighbourhood& among) {
  const double places = table.mean_places();
  const bool two_kinds = table.at(0).step_s > 0;
  const double busy_steps = table.queue.rate * table.queue.parts / std::max(places, 1e-9);  // a second
  Presence presence;
  presence.sms = site.resources.sms;
  presence.slots_taken = table.slots_taken;
  const auto add = [&](std::size_t state, double at, double share) {
    const auto& step = table.at(std::min(static_cast<std::size_t>(std::lround(at)), table.most()));
    if (step.alone.gpu_s <= 0) return;
    const double on_gpu = share * step.gpu_s / step.step_s;
    presence.states[state] = among.state(step.demand, step.alone, site.resources, step.gpu_s, on_gpu);
    presence.bytes_per_s += share * step.alone.bytes / step.alone.gpu_s;
  };
  if (two_kinds) {
    const double with = std::max(places, static_cast<double>(table.queue.parts));
    const double prompts = std::min(1.0, table.queue.rate * table.queue.parts / with * table.step_s_of(with));
    add(0, 0, (1 - prompts) * (1 - table.queue.idle));
    add(1, with, prompts);
    const auto most = static_cast<double>(table.most());
    presence.states[0].length_s = presence.idle_s = 1 / table.queue.rate;  // from prompt to prompt
    presence.states[1].length_s *= std::ceil(table.queue.parts / most);
  } else {
    add(0, std::max(1.0, places), std::min(1.0, busy_steps * table.step_s_of(places)));
    presence.idle_s = away_s(presence.busy(), presence.states[0].length_s);
  }
  return presence;
}

Presence presence_of(const SpeechRound& round, const WorkSite& site, const Neighbourhood& among) {
  Presence presence;
  presence.sms = site.resources.sms;
  const double share = 1 - std::exp(-round.streams);
  Presence::State& speaks = presence.states[0];
  speaks = among.state(round.frame, round.alone, site.resources, round.spoken_s, share);
  speaks.pressure *= round.gpu_share;  // while a stream is there, but for the host's part of its rounds
  speaks.hold_s *= round.gpu_share;
  presence.bytes_per_s = round.gpu_share * round.alone.bytes / round.alone.gpu_s;
  presence.idle_s = away_s(share, round.spoken_s);
  return presence;
}

std::string_view main_latency(const Model& model) {
  const auto metrics = metrics_of(model);
  return metrics.empty() ? "latency" : metrics.front().name;
}

// For the places that are waited for longest.
Waiting longest(const std::vector<Places>& places) {
  Waiting most;
  for (const Places& one : places) {
    const Waiting waiting = one.waiting();
    if (waiting.share * waiting.mean_s > most.share * most.mean_s) most = waiting;
  }
  return most;
}

// Of two kinds of luck that have nothing to do with each other; none: all alike.
std::vector<Luck> times(const std::vector<Luck>& one, const std::vector<Luck>& other) {
  if (one.empty()) return other;
  std::vector<Luck> both;
  for (const Luck& a : one)
    for (const Luck& b : other) both.push_back({a.share * b.share, a.factor * b.factor});
  return both;
}

ServicePrediction predict_table(const StepTable& table, const ServerModel& server,
                                const Neighbourhood& among) {
  const WorkSite& site = server.site;
  ServicePrediction prediction;
  const auto nearest = std::min(table.most(), static_cast<std::size_t>(std::lround(table.mean_places())));
  const StepTable::Entry& step = table.at(nearest);
  BulkQueue queue = table.timed_queue();
  if (step.alone.gpu_s > 0) {
    prediction.slowdown = step.gpu_s / step.alone.gpu_s;
    queue.lucks = among.lucks(step.demand, step.alone, site.resources, kStepsOfWait * step.gpu_s);
  }
  const std::vector<Places> all = table.for_sequences();
  const bool has_room =
      std::all_of(all.begin(), all.end(), [](const Places& places) { return places.suffice(); });
  if (has_room) queue.waiting = longest(all);
  if (!all.empty()) queue.lucks = times(queue.lucks, all.front().spread());
  // Chunks of a stream come at its own pace.
  if (!std::holds_alternative<StreamingAsrModel>(site.service.model->cost)) queue.in_turn = server.in_turn;
  const BulkQueue::Answer answer = queue.answer();
  prediction.busy = answer.busy;
  prediction.batch = answer.mean_batch / queue.parts + table.slots_taken;
  prediction.p95_s = has_room ? answer.p95_s + table.more_s : kNoBound;
  return prediction;
}

ServicePrediction predict_speech(const SpeechRound& round) {
  ServicePrediction prediction;
  prediction.p95_s = round.latency_p95_s;
  prediction.busy = 1 - std::exp(-round.streams);
  prediction.batch = round.streams;
  return prediction;
}

// Calls `ask` with the steps of the server, of which so many sequences in their reply are a first guess.
auto ask_steps(const ServerModel& server, const Neighbourhood& among, double slots_taken, auto&& ask) {
  const WorkSite& site = server.site;
  const Model& whole = *site.service.model;
  return std::visit(
      overloaded{
          [&](const LlmModel& model) { return ask(llm_steps(model, site, server.rate, among, slots_taken)); },
          [&](const StreamingAsrModel& model) { return ask(stream_steps(model, site, server.rate, among)); },
          [&](const AutoregressiveTtsModel& model) {
            return ask(speech_round(model, site, server.rate, among));
          },
          [&](const auto&) { return ask(batch_steps(whole, site, server.rate, among)); }},
      whole.cost);
}

}  // namespace

Presence ServerModel::presence(const Neighbourhood& among, const Presence& before) const {
  if (rate <= 0) return {};
  return ask_steps(*this, among, before.slots_taken,
                   [&](const auto& steps) { return presence_of(steps, site, among); });
}

ServicePrediction ServerModel::predict(const Neighbourhood& among, const Presence& own) const {
  ServicePrediction prediction;
  if (rate > 0) {
    const auto ask = overloaded{[&](const StepTable& table) { return predict_table(table, *this, among); },
                                [&](const SpeechRound& round) { return predict_speech(round); }};
    prediction = ask_steps(*this, among, own.slots_taken, ask);
  }
  prediction.latency = main_latency(*site.service.model);
  prediction.p95_s += site.service.engine.request_overhead_s;
  return prediction;
}

}  // namespace gpushare::planning
