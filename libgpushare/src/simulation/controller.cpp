#include "simulation/controller.hpp"

#include <algorithm>
#include <utility>

namespace gpushare {
namespace {

const Control kNone;
using Change = ChangeLog::Change;

Time after(Time now, double seconds) { return now + duration_from_seconds(seconds); }

}  // namespace

Controller::Controller(const Parts& parts, const Control* control, const Workload& workload, const Luck& luck,
                       Time end)
    : parts_(parts),
      control_(control != nullptr ? *control : kNone),
      workload_(workload),
      end_(end),
      pods_(parts.fleet, parts.changes, control_, workload),
      boot_luck_(luck.stream("control/boot")),
      start_luck_(luck.stream("control/start")) {
  if (control == nullptr) return;
  std::vector<std::string> pools, services;
  for (const NodePool& pool : control->pools) pools.push_back(pool.name);
  for (const ReplicaControl& one : control->services)
    services.push_back(workload.services[static_cast<std::size_t>(one.service)].name);
  log_.emplace(pools, services);
  slot_ = add_slot(parts.kernel, kFleetEvent, Part::control, 0);
  parts.merged.add_boundary(slot_);
}

bool Controller::acts_at_any_event(const Control* control) {
  return control != nullptr &&
         std::any_of(control->services.begin(), control->services.end(), [](const ReplicaControl& one) {
           return one.autoscaling && one.autoscaling->every_s == 0;
         });
}

double LoadSensor::read(Time now, const ServiceState& service, LoadMetric metric, bool instant) {
  if (instant) return service.in_system.value() + service.parked.value();
  const double seconds = to_seconds(now - std::exchange(looked_, now));
  const auto since = [&](double& before, double value) {
    return (value - std::exchange(before, value)) / seconds;
  };
  const double in_system =
      since(in_system_s_, service.in_system.integral_s(now) + service.parked.integral_s(now));
  const double busy = since(busy_s_, service.servers_busy.integral_s(now));
  const double rate = static_cast<double>(service.jobs - std::exchange(jobs_, service.jobs)) / seconds;
  switch (metric) {
    case LoadMetric::in_system:
      return in_system;
    case LoadMetric::rate:
      return rate;
    case LoadMetric::busy:
      return busy;
  }
  return 0;
}

// ---- Times

void Controller::at(Time time, What what, int index) { agenda_.push({time, what, orders_++, index}); }

void Controller::set_timer() {
  if (!agenda_.empty()) parts_.kernel.set(slot_, agenda_.top().time);
}

void Controller::start() {
  if (control_.pools.empty()) return;
  pods_.adopt();
  for (int s = 0; s < static_cast<int>(control_.services.size()); ++s) {
    const ReplicaControl& own = control_.services[static_cast<std::size_t>(s)];
    Scaled& service = services_.emplace_back(
        Scaled{control::ReplicaPolicy(own.autoscaling.value_or(Autoscaling{}), own.min, own.max)});
    service.wanted = own.start;
    service_of(s).waits_for_replicas = true;
    if (own.autoscaling && own.autoscaling->every_s == 0) watched_.push_back(s);
    if (own.autoscaling && own.autoscaling->every_s > 0)
      at(after({}, own.autoscaling->every_s), What::service, s);
    if (!own.schedule.empty()) at(after({}, own.schedule[0].at_s), What::schedule, s);
  }
  for (int p = 0; p < static_cast<int>(control_.pools.size()); ++p) {
    node_policies_.emplace_back(control_.pools[static_cast<std::size_t>(p)]);
    at(after({}, control_.pools[static_cast<std::size_t>(p)].every_s), What::pool, p);
    auto& shaped = shapes_.emplace_back();
    if (const auto& reshaping = control_.pools[static_cast<std::size_t>(p)].reshaping) {
      shaped.emplace(Shaped{control::ShapePolicy(*reshaping)});
      at(after({}, reshaping->by_load ? reshaping->every_s : 0), What::shape, p);
    }
  }
  set_timer();
}

void Controller::on_timer(Time now) {
  while (!agenda_.empty() && agenda_.top().time <= now) {
    const Due due = agenda_.top();
    agenda_.pop();
    handle(now, due);
  }
  set_timer();
}

void Controller::handle(Time now, const Due& due) {
  const auto pod = static_cast<std::size_t>(due.index);
  switch (due.what) {
    case What::node_ready:
      pods_.nodes()[pod].state = PoolNode::State::ready;
      log_->node(now, Change::node_ready, pods_.nodes()[pod].pool, due.index);
      return seat_waiting(now);
    case What::replica_ready:
      if (pods_.all()[pod].state != Pod::State::starting || starts_[pod] != due.order) return;
      pods_.serve(now, due.index);
      log_->replica(now, Change::replica_serves, pods_.all()[pod].control, due.index, pods_.all()[pod].gpu);
      return parts_.parked.release(now, pods_.control_of(pods_.all()[pod]).service, Signal::moved);
    case What::grace_over:
      if (pods_.all()[pod].state == Pod::State::leaving)
        pods_.stop(now, due.index, pods_.control_of(pods_.all()[pod]).moves_requests);
      return;
    case What::schedule:
      return follow_schedule(now, due.index);
    case What::service:
      return look_at_service(now, due.index);
    case What::pool:
      return look_at_pool(now, due.index);
    case What::shape:
      return look_at_shape(now, due.index);
    case What::recut:
      pods_.reshape(now, static_cast<std::uint32_t>(due.index));
      log_->gpu(now, Change::gpu_opens, pods_.pool_of_gpu(static_cast<std::uint32_t>(due.index)),
                static_cast<std::uint32_t>(due.index));
      being_cut_.erase(static_cast<std::uint32_t>(due.index));
      return seat_waiting(now);
  }
}

void Controller::watch(Time now) {
  for (const int s : watched_) {
    Scaled& service = services_[static_cast<std::size_t>(s)];
    const ServiceState& state = service_of(s);
    const double value = state.in_system.value() + state.parked.value();
    if (value == service.seen) continue;
    service.seen = value;
    at(now, What::service, s);
    parts_.kernel.set(slot_, now);
  }
}

bool Controller::goes_on(Time now, int pool) {
  if (now < end_) return true;
  for (int s = 0; s < static_cast<int>(control_.services.size()); ++s) {
    if (control_.services[static_cast<std::size_t>(s)].pool != pool) continue;
    const ServiceState& state = service_of(s);
    if (state.in_system.value() + state.parked.value() > 0) return true;
  }
  return false;
}

// ---- Replicas

ServiceState& Controller::service_of(int control) {
  const int service = control_.services[static_cast<std::size_t>(control)].service;
  return parts_.fleet.services[static_cast<std::size_t>(service)];
}

void Controller::look_at_service(Time now, int control) {
  const ReplicaControl& own = control_.services[static_cast<std::size_t>(control)];
  Scaled& service = services_[static_cast<std::size_t>(control)];
  const double value =
      service.sensor.read(now, service_of(control), own.autoscaling->metric, own.autoscaling->every_s == 0);
  set_wanted(now, control, service.policy.decide(to_seconds(now), value, service.wanted));
  if (own.autoscaling->every_s > 0 && goes_on(now, own.pool))
    at(after(now, own.autoscaling->every_s), What::service, control);
}

void Controller::follow_schedule(Time now, int control) {
  const ReplicaControl& own = control_.services[static_cast<std::size_t>(control)];
  std::size_t& entry = services_[static_cast<std::size_t>(control)].schedule_entry;
  set_wanted(now, control, std::clamp(own.schedule[entry % own.schedule.size()].replicas, own.min, own.max));
  ++entry;
  const auto rounds = static_cast<double>(entry / own.schedule.size());
  if (rounds > 0 && own.schedule_period_s <= 0) return;
  const Time next =
      after({}, rounds * own.schedule_period_s + own.schedule[entry % own.schedule.size()].at_s);
  if (next < end_) at(next, What::schedule, control);
}

void Controller::set_wanted(Time now, int control, int replicas) {
  services_[static_cast<std::size_t>(control)].wanted = replicas;
  const int there = pods_.wanted(control);
  for (int i = there; i < replicas; ++i) static_cast<void>(pods_.add(control));
  if (there > replicas) let_go(now, control, there - replicas);
  seat_waiting(now);
}

void Controller::let_go(Time now, int control, int count) {
  struct Candidate {
    int order;
    bool at_work;
    int in_system, pod;
  };
  std::vector<Candidate> candidates;
  for (const int index : pods_.live()) {
    const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
    if (pod.control != control || !pod.is_wanted()) continue;
    const Server* server =
        pod.server < 0 ? nullptr : &parts_.fleet.servers[static_cast<std::size_t>(pod.server)];
    candidates.push_back({static_cast<int>(pod.state), server != nullptr && server->steps_in_hand > 0,
                          server != nullptr ? server->in_system : 0, index});
  }
  // Those that do not serve yet, then those with the least to finish, the newest first.
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.order, a.at_work, a.in_system, b.pod) <
           std::tie(b.order, b.at_work, b.in_system, a.pod);
  });
  for (int i = 0; i < count; ++i) leave(now, candidates[static_cast<std::size_t>(i)].pod);
}

void Controller::leave(Time now, int pod) {
  const Pod& leaving = pods_.all()[static_cast<std::size_t>(pod)];
  const bool serves = leaving.state == Pod::State::serving;
  const double grace_s = pods_.control_of(leaving).grace_s;
  pods_.leave(now, pod);
  if (!serves) return;
  log_->replica(now, Change::replica_leaves, leaving.control, pod, leaving.gpu);
  at(after(now, grace_s), What::grace_over, pod);
}

void Controller::seat_waiting(Time now) {
  starts_.resize(pods_.all().size());
  for (const int index : pods_.take_seats()) {
    starts_[static_cast<std::size_t>(index)] = orders_;
    at(after(now, cold_start_s(index)), What::replica_ready, index);
    const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
    log_->replica(now, Change::replica_starts, pod.control, index, pod.gpu);
  }
}

double Controller::cold_start_s(int index) {
  const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
  const ColdStart& start = pods_.control_of(pod).cold_start;
  const PoolNode& node = pods_.nodes()[static_cast<std::size_t>(pod.node)];
  const double image_s = node.images.contains(pod.control) ? 0 : start.image_bytes / start.image_bytes_per_s;
  const double pcie = parts_.fleet.gpus[pod.gpu].profile->pcie_bytes_per_s;
  const double rate = pcie > 0 ? std::min(pcie, start.weights_bytes_per_s) : start.weights_bytes_per_s;
  Stream luck = start_luck_.at(static_cast<std::uint64_t>(index));
  const double engine_s = start.engine_s.sample(luck);
  return image_s + pods_.weights_of(pod) / rate + engine_s + start.warm_up_s.sample(luck);
}

// ---- Nodes

void Controller::look_at_pool(Time now, int pool) {
  shape_gpus(now, pool);
  seat_waiting(now);
  std::vector<control::ObservedNode> nodes;
  for (int n = 0; n < static_cast<int>(pods_.nodes().size()); ++n) {
    const PoolNode& node = pods_.nodes()[static_cast<std::size_t>(n)];
    if (node.pool != pool || node.state == PoolNode::State::gone) continue;
    nodes.push_back({n, node.state == PoolNode::State::ready, node.state == PoolNode::State::leaving,
                     pods_.seats(node), pods_.taken(n)});
  }
  const auto decision =
      node_policies_[static_cast<std::size_t>(pool)].decide(to_seconds(now), pods_.waiting_in(pool), nodes);
  for (int i = 0; i < decision.add; ++i) {
    const int index = pods_.add_node(now, pool);
    log_->node(now, Change::node_ordered, pool, index);
    Stream luck = boot_luck_.at(static_cast<std::uint64_t>(index));
    at(after(now, control_.pools[static_cast<std::size_t>(pool)].boot_s.sample(luck)), What::node_ready,
       index);
  }
  for (const int node : decision.remove) vacate(now, node);
  for (int n = 0; n < static_cast<int>(pods_.nodes().size()); ++n) {
    const PoolNode& node = pods_.nodes()[static_cast<std::size_t>(n)];
    if (node.pool != pool || node.state != PoolNode::State::leaving || pods_.taken(n) > 0) continue;
    pods_.remove_node(now, n);
    log_->node(now, Change::node_left, pool, n);
  }
  give_up_without_hope(now, pool);
  if (goes_on(now, pool))
    at(after(now, control_.pools[static_cast<std::size_t>(pool)].every_s), What::pool, pool);
}

void Controller::vacate(Time now, int node) {
  pods_.nodes()[static_cast<std::size_t>(node)].state = PoolNode::State::leaving;
  const std::vector<int> live = pods_.live();
  for (const int index : live) {
    const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
    if (pod.node != node) continue;
    if (pod.state == Pod::State::starting) pods_.unseat(index);
    if (pod.state == Pod::State::serving) leave(now, index);
  }
  replace_those_that_left(now);
}

void Controller::replace_those_that_left(Time now) {
  for (int s = 0; s < static_cast<int>(services_.size()); ++s)
    set_wanted(now, s, services_[static_cast<std::size_t>(s)].wanted);
}

// ---- Shapes

void Controller::look_at_shape(Time now, int pool) {
  const Reshaping& reshaping = *control_.pools[static_cast<std::size_t>(pool)].reshaping;
  Shaped& shaped = *shapes_[static_cast<std::size_t>(pool)];
  if (reshaping.by_load) {
    const ServiceState& state = parts_.fleet.services[static_cast<std::size_t>(reshaping.service)];
    shaped.other = shaped.policy.decide(to_seconds(now), shaped.sensor.read(now, state, reshaping.metric));
    if (now < end_) at(after(now, reshaping.every_s), What::shape, pool);
  } else {
    // The next change is a nanosecond or so off where the clock is rounded.
    const double now_s = to_seconds(now) + 1e-6;
    shaped.other = shaped.policy.at(now_s);
    const double next_s = shaped.policy.next_s(now_s);
    if (next_s < to_seconds(end_)) at(after({}, next_s), What::shape, pool);
  }
  shape_gpus(now, pool);
}

void Controller::shape_gpus(Time now, int pool) {
  const NodePool& kind = control_.pools[static_cast<std::size_t>(pool)];
  if (!kind.reshaping) return;
  int number = 0;
  for (const PoolNode& node : std::vector(pods_.nodes())) {
    if (node.pool != pool || node.state == PoolNode::State::gone) continue;
    for (const std::uint32_t gpu : node.gpus) {
      const bool among = kind.reshaping->gpus == 0 || number++ < kind.reshaping->gpus;
      const bool other = among && shapes_[static_cast<std::size_t>(pool)]->other;
      begin_reshaping(now, gpu, other ? kind.reshaping->shape : kind.shape);
      if (!pods_.is_closed(gpu) || being_cut_.contains(gpu) || !pods_.in_the_way(gpu).empty()) continue;
      being_cut_.insert(gpu);
      const bool cut = pods_.shape_of(gpu).cut->layout != pods_.next_shape_of(gpu).cut->layout;
      at(after(now, cut ? kind.reshaping->recut_s : 0), What::recut, static_cast<int>(gpu));
    }
  }
}

void Controller::begin_reshaping(Time now, std::uint32_t gpu, const GpuShape& shape) {
  if (being_cut_.contains(gpu)) return;
  const bool wanted_already =
      pods_.is_closed(gpu) ? &pods_.next_shape_of(gpu) == &shape : &pods_.shape_of(gpu) == &shape;
  if (wanted_already) return;
  pods_.want_shape(gpu, shape);
  if (!pods_.is_closed(gpu)) return;
  log_->gpu(now, Change::gpu_closes, pods_.pool_of_gpu(gpu), gpu);
  for (const int index : pods_.in_the_way(gpu)) {
    const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
    if (pod.state == Pod::State::starting) pods_.unseat(index);
    if (pod.state == Pod::State::serving) leave(now, index);
  }
  replace_those_that_left(now);
}

void Controller::give_up_without_hope(Time now, int pool) {
  if (now < end_) return;
  const auto& nodes = pods_.nodes();
  const bool booting = std::any_of(nodes.begin(), nodes.end(), [&](const PoolNode& node) {
    return node.pool == pool &&
           (node.state == PoolNode::State::booting || node.state == PoolNode::State::leaving);
  });
  for (int s = 0; s < static_cast<int>(control_.services.size()); ++s) {
    const ReplicaControl& own = control_.services[static_cast<std::size_t>(s)];
    if (own.pool != pool || booting || !being_cut_.empty() || !parts_.parked.any(own.service)) continue;
    const auto& live = pods_.live();
    const bool hope = std::any_of(live.begin(), live.end(), [&](int index) {
      const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
      return pod.control == s && pod.state != Pod::State::waiting;
    });
    if (!hope) parts_.parked.release(now, own.service, Signal::failed);
  }
}

}  // namespace gpushare
