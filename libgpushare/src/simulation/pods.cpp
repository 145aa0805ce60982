#include "simulation/pods.hpp"

#include <algorithm>

#include "gpushare/fits.hpp"

namespace gpushare {

void Pods::adopt() {
  for (std::size_t s = 0; s < fleet_.servers.size(); ++s) {
    const Server& server = fleet_.servers[s];
    const int node = nodes_.index_of(static_cast<int>(server.node));
    const auto control =
        std::find_if(control_.services.begin(), control_.services.end(),
                     [&](const ReplicaControl& one) { return one.service == server.service; });
    if (node < 0 || control == control_.services.end()) continue;
    const int index = add(static_cast<int>(control - control_.services.begin()));
    Pod& pod = pods_[static_cast<std::size_t>(index)];
    pod.state = Pod::State::serving;
    pod.node = node;
    pod.gpu = fleet_.gpu_of(server);
    pod.partition =
        gpushare::index_of(fleet_.gpus[pod.gpu].cut->partitions, fleet_.partition_of(server).partition.name);
    pod.server = static_cast<int>(s);
    nodes_[node].images.insert(pod.control);
    by_server_.resize(s + 1, -1);
    by_server_[s] = index;
  }
}

// ---- Seats

int Pods::taken(int node) const {
  return count([&](const Pod& pod) { return pod.node == node; });
}

int Pods::taken_on(std::uint32_t gpu, std::size_t partition) const {
  return count([&](const Pod& pod) { return pod.node >= 0 && pod.gpu == gpu && pod.partition == partition; });
}

ProcessPlacement Pods::process_of_pod(const Pod& pod) const {
  const int service = control_of(pod).service;
  const GpuShape& shape = nodes_.shape_of(pod.gpu);
  return seated(shape, shape.cut->partitions[pod.partition],
                workload_.services[static_cast<std::size_t>(service)], service);
}

bool Pods::fits_there(const Pod& pod) const {
  Placement wanted;
  wanted.gpus = {placement_of(fleet_, pod.gpu)};
  GpuPlacement& gpu = wanted.gpus[0];
  gpu.node = 0;
  for (PartitionPlacement& part : gpu.partitions) part.sharing = nodes_.shape_of(pod.gpu).sharing;
  for (const int index : live_) {
    const Pod& other = pods_[static_cast<std::size_t>(index)];
    if (other.node >= 0 && other.gpu == pod.gpu && other.state == Pod::State::starting)
      gpu.partitions[other.partition].processes.push_back(process_of_pod(other));
  }
  gpu.partitions[pod.partition].processes.push_back(process_of_pod(pod));
  return fits(workload_, wanted).ok();
}

bool Pods::sit_down(Pod& pod, int index) {
  struct Seat {
    int taken;
    std::uint32_t gpu;
    std::size_t partition;
  };
  std::vector<Seat> free;
  for (const std::uint32_t gpu : nodes_[index].gpus) {
    const GpuShape& shape = nodes_.shape_of(gpu);
    for (std::size_t part = 0; part < shape.cut->partitions.size() && !nodes_.is_closed(gpu); ++part)
      if (const int taken = taken_on(gpu, part);
          taken < shape.seats && holds(shape.cut->partitions[part], control_of(pod)))
        free.push_back({taken, gpu, part});
  }
  std::stable_sort(free.begin(), free.end(), [](const Seat& a, const Seat& b) { return a.taken < b.taken; });
  for (const Seat& seat : free) {
    Pod there = pod;
    there.node = index;
    there.gpu = seat.gpu;
    there.partition = seat.partition;
    if (!fits_there(there)) continue;
    pod = there;
    return true;
  }
  return false;
}

bool Pods::take_seat(Pod& pod) {
  struct Choice {
    int taken, node;
  };
  std::vector<Choice> choices;
  for (int n = 0; n < static_cast<int>(nodes_.all().size()); ++n) {
    const PoolNode& node = nodes_[n];
    if (node.pool != control_of(pod).pool || node.state != PoolNode::State::ready) continue;
    if (const int there = taken(n); there < nodes_.seats(node)) choices.push_back({there, n});
  }
  const bool packs = control_.pools[static_cast<std::size_t>(control_of(pod).pool)].packs;
  std::stable_sort(choices.begin(), choices.end(), [packs](const Choice& a, const Choice& b) {
    return packs ? a.taken > b.taken : a.taken < b.taken;
  });
  return std::any_of(choices.begin(), choices.end(),
                     [&](const Choice& choice) { return sit_down(pod, choice.node); });
}

std::vector<int> Pods::take_seats() {
  std::vector<int> seated;
  for (const int index : live_) {
    Pod& pod = pods_[static_cast<std::size_t>(index)];
    if (pod.state != Pod::State::waiting || !take_seat(pod)) continue;
    pod.state = Pod::State::starting;
    seated.push_back(index);
  }
  return seated;
}

double Pods::weights_of(const Pod& pod) const {
  const GpuShape& shape = nodes_.shape_of(pod.gpu);
  const MemoryNeed need = memory_need(workload_.services[static_cast<std::size_t>(control_of(pod).service)],
                                      *shape.cut->profile, shape.cut->partitions[pod.partition], shape.seats);
  return need.weights > 0 ? need.weights : std::max(0.0, need.total - need.context - need.activations);
}

// ---- Replicas

int Pods::add(int control) {
  const int index = static_cast<int>(pods_.size());
  pods_.emplace_back().control = control;
  live_.push_back(index);
  return index;
}

void Pods::serve(Time now, int index) {
  Pod& pod = pods_[static_cast<std::size_t>(index)];
  const GpuShape& shape = nodes_.shape_of(pod.gpu);
  changes_.put(
      now, control::StartServer{{{pod.gpu, shape.cut->partitions[pod.partition].name, process_of_pod(pod)}},
                                shape.sharing});
  pod.state = Pod::State::serving;
  nodes_[pod.node].images.insert(pod.control);
  pod.server = static_cast<int>(fleet_.servers.size()) - 1;
  by_server_.resize(fleet_.servers.size(), -1);
  by_server_.back() = index;
}

void Pods::leave(Time now, int index) {
  Pod& pod = pods_[static_cast<std::size_t>(index)];
  if (pod.state != Pod::State::serving) {
    pod.state = Pod::State::gone;
    std::erase(live_, index);
    return;
  }
  pod.state = Pod::State::leaving;
  const Server& server = fleet_.servers[static_cast<std::size_t>(pod.server)];
  changes_.put(now, control::DrainServer{server.service, server.replica});
}

void Pods::stop(Time now, int index, bool moves) {
  const Server& server =
      fleet_.servers[static_cast<std::size_t>(pods_[static_cast<std::size_t>(index)].server)];
  changes_.put(now, control::StopServer{server.service, server.replica, moves});
}

void Pods::unseat(int index) {
  Pod& pod = pods_[static_cast<std::size_t>(index)];
  pod.state = Pod::State::waiting;
  pod.node = -1;
}

std::vector<int> Pods::in_the_way(std::uint32_t gpu) const {
  std::vector<int> found;
  for (const int index : live_) {
    const Pod& pod = pods_[static_cast<std::size_t>(index)];
    if (pod.node >= 0 && pod.gpu == gpu && !nodes_.in_next_shape(gpu, pod.partition)) found.push_back(index);
  }
  return found;
}

void Pods::keep_seats(std::uint32_t gpu) {
  for (const int index : live_)
    if (Pod& pod = pods_[static_cast<std::size_t>(index)]; pod.node >= 0 && pod.gpu == gpu)
      pod.partition = nodes_.in_next_shape(gpu, pod.partition).value();
}

void Pods::server_left(int server) {
  if (static_cast<std::size_t>(server) >= by_server_.size()) return;
  const int index = by_server_[static_cast<std::size_t>(server)];
  if (index < 0) return;
  pods_[static_cast<std::size_t>(index)].state = Pod::State::gone;
  std::erase(live_, index);
}

int Pods::wanted(int control) const {
  return count([&](const Pod& pod) { return pod.control == control && pod.is_wanted(); });
}

int Pods::waiting_in(int pool) const {
  return count(
      [&](const Pod& pod) { return control_of(pod).pool == pool && pod.state == Pod::State::waiting; });
}

}  // namespace gpushare
