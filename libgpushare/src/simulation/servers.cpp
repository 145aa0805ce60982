#include "simulation/servers.hpp"

#include <algorithm>
#include <type_traits>

namespace gpushare {

Servers::Servers(Kernel& kernel, Fleet& fleet, Steps& steps, MergedIterations& merged, SharedRuns& shared,
                 RunLogger* log)
    : kernel_(kernel), fleet_(fleet), steps_(steps), merged_(merged), shared_(shared), log_(log) {
  for (std::uint32_t i = 0; i < fleet.servers.size(); ++i) add({}, i);
}

void Servers::add(Time now, std::uint32_t index) {
  Server& server = fleet_.servers[index];
  server.wake_slot = add_slot(kernel_, kWakeEvent, Part::wake, index);
  server.restart_slot = add_slot(kernel_, kFleetEvent, Part::restart, index);
  if (log_ != nullptr) log_->server_up(now, index);
  count(now, index, Server::State::gone, server.state);
  const bool one_step_at_most = std::visit(
      [](const auto& engine) {
        return requires { engine.silent_steps(); };
      },
      server.engine);
  if (!one_step_at_most) return;
  steps_.add_own_step(index);
  merged_.add(index);
}

void Servers::move(Time now, std::uint32_t index, Server::State to) {
  const Server::State from = fleet_.servers[index].state;
  fleet_.move(static_cast<int>(index), to);
  count(now, index, from, to);
}

void Servers::count(Time now, std::uint32_t index, Server::State from, Server::State to) {
  ServiceState& service = fleet_.service_of(fleet_.servers[index]);
  const auto is_down = [](Server::State state) { return state == Server::State::down ? 1 : 0; };
  service.down.add(now, is_down(to) - is_down(from));
  if (runs(from) == runs(to)) return;
  service.running += runs(to) ? 1 : -1;
  service.unserved.set(now, service.running > 0 ? 0 : 1);
  if (told_) (*told_)(now, index, runs(to));
}

bool Servers::leaves_to_others(const Server& server) const {
  const ServiceState& service = fleet_.service_of(server);
  return service.shared_queue != nullptr &&
         std::any_of(service.present.begin(), service.present.end(),
                     [this](int other) { return fleet_.servers[static_cast<std::size_t>(other)].accepts(); });
}

void Servers::serve(Time now, std::uint32_t index) {
  Server& server = fleet_.servers[index];
  if (!server.runs()) return;
  if (server.state == Server::State::draining && leaves_to_others(server)) return;
  shared_.end(now, server);
  std::visit(
      [&](auto& engine) {
        while (const auto step = engine.plan(now, kernel_.outbox())) {
          if constexpr (requires { engine.silent_steps(); })
            if (merged_.begin(now, static_cast<int>(index), engine, *step)) continue;
          steps_.start(now, static_cast<int>(index), *step);
        }
        if constexpr (std::is_same_v<std::decay_t<decltype(engine)>, ContinuousEngine>)
          if (server.run.length == 0) shared_.propose(server, engine);
        kernel_.set(server.wake_slot, engine.wake());
      },
      server.engine);
}

void Servers::kill(Time now, std::uint32_t index) {
  Server& server = fleet_.servers[index];
  steps_.kill(now, static_cast<int>(index));
  move(now, index, Server::State::down);
  if (log_ != nullptr) log_->server_down(now, index);
  kernel_.cancel(server.wake_slot);
  std::visit([&](auto& engine) { engine.fail(kernel_.outbox()); }, server.engine);
}

void Servers::restart_at(Time time, std::uint32_t index) {
  kernel_.set(fleet_.servers[index].restart_slot, time);
}

void Servers::on_restart(Time now, std::uint32_t index) {
  move(now, index, Server::State::up);
  if (log_ != nullptr) log_->server_up(now, index);
  kernel_.mark(index);
}

}  // namespace gpushare
