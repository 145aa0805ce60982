#include "simulation/controller.hpp"

#include <algorithm>
#include <utility>

#include "control/cold_start.hpp"

namespace gpushare {
namespace {

const Control kNone;
using Change = ChangeLog::Change;

ServiceState& state_of(Fleet& fleet, const ReplicaControl& replicas) {
  return fleet.services[static_cast<std::size_t>(replicas.service)];
}

std::vector<control::ObservedNode> observed(const PoolNodes& all, const Pods& pods, int pool) {
  std::vector<control::ObservedNode> nodes;
  for (int n = 0; n < static_cast<int>(all.all().size()); ++n) {
    const PoolNode& node = all[n];
    if (node.pool != pool || node.state == PoolNode::State::gone) continue;
    nodes.push_back({n, node.state == PoolNode::State::ready, node.state == PoolNode::State::leaving,
                     all.seats(node), pods.taken(n)});
  }
  return nodes;
}

Time after(Time now, double seconds) { return now + duration_from_seconds(seconds); }

bool has_work(Fleet& fleet, const Control& control, int pool) {
  return std::any_of(control.services.begin(), control.services.end(), [&](const ReplicaControl& one) {
    const ServiceState& state = state_of(fleet, one);
    return one.pool == pool && state.load() > 0;
  });
}

}  // namespace

bool acts_at_any_event(const Control* control) {
  return control != nullptr &&
         std::any_of(control->services.begin(), control->services.end(), [](const ReplicaControl& one) {
           return one.autoscaling && one.autoscaling->every_s == 0;
         });
}

Controller::Controller(const Parts& parts, const Control* control, const Workload& workload, const Luck& luck,
                       Time end)
    : parts_(parts),
      control_(control != nullptr ? *control : kNone),
      end_(end),
      nodes_(parts.fleet, parts.changes, control_),
      pods_(parts.fleet, parts.changes, nodes_, control_, workload),
      reshaper_(nodes_, pods_, control_),
      boot_luck_(luck.stream("control/boot")),
      start_luck_(luck.stream("control/start")),
      spot_luck_(luck.stream("control/spot")) {
  if (control == nullptr) return;
  std::vector<std::string> pools, services;
  for (const NodePool& pool : control->pools) pools.push_back(pool.name);
  for (const ReplicaControl& one : control->services)
    services.push_back(workload.services[static_cast<std::size_t>(one.service)].name);
  log_.emplace(pools, services);
  slot_ = add_slot(parts.kernel, kFleetEvent, Part::control, 0);
  parts.merged.add_boundary(slot_);
}

// ---- Times

void Controller::start() {
  if (control_.pools.empty()) return;
  nodes_.adopt();
  for (int n = 0; n < static_cast<int>(nodes_.all().size()); ++n) expect_notice({}, n);
  pods_.adopt();
  for (int s = 0; s < static_cast<int>(control_.services.size()); ++s) {
    const ReplicaControl& own = control_.services[static_cast<std::size_t>(s)];
    Scaled& service = services_.emplace_back(
        Scaled{control::ReplicaPolicy(own.autoscaling.value_or(Autoscaling{}), own.min, own.max)});
    service.wanted = own.start;
    state_of(parts_.fleet, control_.services[static_cast<std::size_t>(s)]).waits_for_replicas = true;
    if (own.autoscaling && own.autoscaling->every_s == 0) watched_.push_back(s);
    if (own.autoscaling && own.autoscaling->every_s > 0)
      agenda_.at(after({}, own.autoscaling->every_s), What::service, s);
    if (!own.schedule.empty()) agenda_.at(after({}, own.schedule[0].at_s), What::schedule, s);
  }
  for (int p = 0; p < static_cast<int>(control_.pools.size()); ++p) {
    node_policies_.emplace_back(control_.pools[static_cast<std::size_t>(p)]);
    agenda_.at(after({}, control_.pools[static_cast<std::size_t>(p)].every_s), What::pool, p);
    if (const auto first_s = reshaper_.first_look_s(p)) agenda_.at(after({}, *first_s), What::shape, p);
  }
  parts_.kernel.set(slot_, agenda_.next());
}

void Controller::on_timer(Time now) {
  while (agenda_.next() <= now) handle(now, agenda_.take());
  parts_.kernel.set(slot_, agenda_.next());
}

void Controller::handle(Time now, const Agenda::Due& due) {
  const auto pod = static_cast<std::size_t>(due.index);
  switch (due.what) {
    case What::node_ready:
      if (nodes_[due.index].state != PoolNode::State::booting) return;
      nodes_[due.index].state = PoolNode::State::ready;
      log_->node(now, Change::node_ready, nodes_[due.index].pool, due.index);
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
    case What::notice:
      if (nodes_[due.index].state == PoolNode::State::gone) return;
      log_->node(now, Change::node_notified, nodes_[due.index].pool, due.index);
      agenda_.at(after(now, control_.pools[static_cast<std::size_t>(nodes_[due.index].pool)].spot->notice_s),
                 What::node_lost, due.index);
      return vacate(now, due.index);
    case What::node_lost:
      return take_away(now, due.index);
    case What::schedule:
      return follow_schedule(now, due.index);
    case What::service:
      return look_at_service(now, due.index);
    case What::pool:
      return look_at_pool(now, due.index);
    case What::shape:
      return look_at_shape(now, due.index);
    case What::recut:
      reshaper_.finish(now, static_cast<std::uint32_t>(due.index));
      log_->gpu(now, Change::gpu_opens, nodes_.pool_of(static_cast<std::uint32_t>(due.index)),
                static_cast<std::uint32_t>(due.index));
      return seat_waiting(now);
  }
}

void Controller::watch(Time now) {
  for (const int s : watched_) {
    Scaled& service = services_[static_cast<std::size_t>(s)];
    const ServiceState& state = state_of(parts_.fleet, control_.services[static_cast<std::size_t>(s)]);
    const double value = state.load();
    if (value == service.seen) continue;
    service.seen = value;
    agenda_.at(now, What::service, s);
    parts_.kernel.set(slot_, now);
  }
}

// ---- Replicas

void Controller::look_at_service(Time now, int control) {
  const ReplicaControl& own = control_.services[static_cast<std::size_t>(control)];
  Scaled& service = services_[static_cast<std::size_t>(control)];
  const double value =
      service.sensor.read(now, state_of(parts_.fleet, control_.services[static_cast<std::size_t>(control)]),
                          own.autoscaling->metric, own.autoscaling->every_s == 0);
  set_wanted(now, control, service.policy.decide(to_seconds(now), value, service.wanted));
  if (own.autoscaling->every_s > 0 && (now < end_ || has_work(parts_.fleet, control_, own.pool)))
    agenda_.at(after(now, own.autoscaling->every_s), What::service, control);
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
  if (next < end_) agenda_.at(next, What::schedule, control);
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
  agenda_.at(after(now, grace_s), What::grace_over, pod);
}

void Controller::seat_waiting(Time now) {
  starts_.resize(pods_.all().size());
  for (const int index : pods_.take_seats()) {
    const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
    const double start_s =
        control::cold_start_s(pods_.control_of(pod).cold_start, nodes_[pod.node].images.contains(pod.control),
                              pods_.weights_of(pod), parts_.fleet.gpus[pod.gpu].profile->pcie_bytes_per_s,
                              start_luck_.at(static_cast<std::uint64_t>(index)));
    starts_[static_cast<std::size_t>(index)] = agenda_.at(after(now, start_s), What::replica_ready, index);
    log_->replica(now, Change::replica_starts, pod.control, index, pod.gpu);
  }
}

// ---- Nodes

void Controller::look_at_pool(Time now, int pool) {
  shape_gpus(now, pool);
  seat_waiting(now);
  const auto decision = node_policies_[static_cast<std::size_t>(pool)].decide(
      to_seconds(now), pods_.waiting_in(pool), observed(nodes_, pods_, pool));
  for (int i = 0; i < decision.add; ++i) {
    const int index = nodes_.add(now, pool);
    log_->node(now, Change::node_ordered, pool, index);
    expect_notice(now, index);
    Stream luck = boot_luck_.at(static_cast<std::uint64_t>(index));
    agenda_.at(after(now, control_.pools[static_cast<std::size_t>(pool)].boot_s.sample(luck)),
               What::node_ready, index);
  }
  for (const int node : decision.remove) vacate(now, node);
  remove_empty_nodes(now, pool);
  give_up_without_hope(now, pool);
  if (now < end_ || has_work(parts_.fleet, control_, pool))
    agenda_.at(after(now, control_.pools[static_cast<std::size_t>(pool)].every_s), What::pool, pool);
}

void Controller::remove_empty_nodes(Time now, int pool) {
  for (int n = 0; n < static_cast<int>(nodes_.all().size()); ++n) {
    const PoolNode& node = nodes_[n];
    if (node.pool != pool || node.state != PoolNode::State::leaving || pods_.taken(n) > 0) continue;
    nodes_.remove(now, n);
    log_->node(now, Change::node_left, pool, n);
  }
}

void Controller::expect_notice(Time now, int node) {
  const auto& spot = control_.pools[static_cast<std::size_t>(nodes_[node].pool)].spot;
  if (!spot) return;
  Stream luck = spot_luck_.at(static_cast<std::uint64_t>(node));
  const Time notice = after(now, exponential(spot->mean_s).sample(luck));
  if (notice < end_) agenda_.at(notice, What::notice, node);
}

void Controller::take_away(Time now, int node) {
  if (nodes_[node].state == PoolNode::State::gone) return;
  const std::vector<int> live = pods_.live();
  for (const int index : live) {
    const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
    if (pod.node == node) pods_.stop(now, index, pods_.control_of(pod).moves_requests);
  }
  nodes_.remove(now, node);
  log_->node(now, Change::node_left, nodes_[node].pool, node);
}

void Controller::vacate(Time now, int node) {
  nodes_[node].state = PoolNode::State::leaving;
  const std::vector<int> live = pods_.live();
  for (const int index : live) {
    const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
    if (pod.node == node) move_away(now, index);
  }
  replace_those_that_left(now);
}

void Controller::move_away(Time now, int pod) {
  const Pod::State state = pods_.all()[static_cast<std::size_t>(pod)].state;
  if (state == Pod::State::starting) pods_.unseat(pod);
  if (state == Pod::State::serving) leave(now, pod);
}

void Controller::replace_those_that_left(Time now) {
  for (int s = 0; s < static_cast<int>(services_.size()); ++s)
    set_wanted(now, s, services_[static_cast<std::size_t>(s)].wanted);
}

// ---- Shapes

void Controller::look_at_shape(Time now, int pool) {
  const Time next = after({}, reshaper_.look(now, pool, parts_.fleet));
  if (next < end_) agenda_.at(next, What::shape, pool);
  shape_gpus(now, pool);
}

void Controller::shape_gpus(Time now, int pool) {
  const Reshaper::Steps steps = reshaper_.steps(pool);
  for (const std::uint32_t gpu : steps.closed) log_->gpu(now, Change::gpu_closes, pool, gpu);
  for (const int pod : steps.leave) move_away(now, pod);
  for (const std::uint32_t gpu : steps.cut)
    agenda_.at(after(now, reshaper_.recut_s(gpu)), What::recut, static_cast<int>(gpu));
  if (!steps.leave.empty()) replace_those_that_left(now);
}

void Controller::give_up_without_hope(Time now, int pool) {
  if (now < end_) return;
  const auto& nodes = nodes_.all();
  const bool booting = std::any_of(nodes.begin(), nodes.end(), [&](const PoolNode& node) {
    return node.pool == pool &&
           (node.state == PoolNode::State::booting || node.state == PoolNode::State::leaving);
  });
  for (int s = 0; s < static_cast<int>(control_.services.size()); ++s) {
    const ReplicaControl& own = control_.services[static_cast<std::size_t>(s)];
    if (own.pool != pool || booting || reshaper_.cuts() || !parts_.parked.any(own.service)) continue;
    const auto& live = pods_.live();
    const bool hope = std::any_of(live.begin(), live.end(), [&](int index) {
      const Pod& pod = pods_.all()[static_cast<std::size_t>(index)];
      return pod.control == s && pod.state != Pod::State::waiting;
    });
    if (!hope) parts_.parked.release(now, own.service, Signal::failed);
  }
}

}  // namespace gpushare
