#include "simulation/pods.hpp"

#include <algorithm>
#include <utility>

#include "gpushare/fits.hpp"

namespace gpushare {

Pods::Pods(Fleet& fleet, Changes& changes, const Control& control, const Workload& workload)
    : fleet_(fleet), changes_(changes), control_(control), workload_(workload) {}

// ---- Nodes

void Pods::adopt() {
  int first = static_cast<int>(fleet_.nodes.size());
  for (const NodePool& pool : control_.pools) first -= pool.start;
  for (std::size_t p = 0; p < control_.pools.size(); ++p)
    for (int n = 0; n < control_.pools[p].start; ++n, ++first) {
      PoolNode node{static_cast<int>(p), first, {}, PoolNode::State::ready, {}};
      for (std::uint32_t gpu = 0; gpu < fleet_.gpus.size(); ++gpu)
        if (fleet_.gpus[gpu].node == first) node.gpus.push_back(gpu);
      for (const std::uint32_t gpu : node.gpus) changes_.switch_on(gpu);
      set_up(node);
      nodes_.push_back(std::move(node));
    }
  for (std::size_t s = 0; s < fleet_.servers.size(); ++s) {
    const Server& server = fleet_.servers[s];
    const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](const PoolNode& one) {
      return one.node == static_cast<int>(server.node);
    });
    const auto control =
        std::find_if(control_.services.begin(), control_.services.end(),
                     [&](const ReplicaControl& one) { return one.service == server.service; });
    if (node == nodes_.end() || control == control_.services.end()) continue;
    const int index = add(static_cast<int>(control - control_.services.begin()));
    Pod& pod = pods_[static_cast<std::size_t>(index)];
    pod.state = Pod::State::serving;
    pod.node = static_cast<int>(node - nodes_.begin());
    pod.gpu = fleet_.gpu_of(server);
    const auto& parts = fleet_.gpus[pod.gpu].cut->partitions;
    const auto& name = fleet_.partition_of(server).partition.name;
    pod.partition = static_cast<std::size_t>(
        std::find_if(parts.begin(), parts.end(), [&](const Partition& part) { return part.name == name; }) -
        parts.begin());
    pod.server = static_cast<int>(s);
    node->images.insert(pod.control);
    if (by_server_.size() <= s) by_server_.resize(s + 1, -1);
    by_server_[s] = index;
  }
}

int Pods::add_node(Time now, int pool) {
  const NodePool& kind = control_.pools[static_cast<std::size_t>(pool)];
  control::StartNode start{kind.node, {}};
  start.node.name = kind.name + "-" + std::to_string(nodes_.size());
  for (int g = 0; g < kind.gpus_per_node; ++g) start.gpus.push_back(empty_gpu(kind.shape.cut));
  PoolNode node{pool, static_cast<int>(fleet_.nodes.size()), {}, PoolNode::State::booting, {}};
  for (int g = 0; g < kind.gpus_per_node; ++g)
    node.gpus.push_back(static_cast<std::uint32_t>(fleet_.gpus.size()) + static_cast<std::uint32_t>(g));
  changes_.put(now, std::move(start));
  set_up(node);
  nodes_.push_back(std::move(node));
  return static_cast<int>(nodes_.size()) - 1;
}

void Pods::remove_node(Time now, int node) {
  PoolNode& leaving = nodes_[static_cast<std::size_t>(node)];
  leaving.state = PoolNode::State::gone;
  changes_.put(now, control::StopNode{leaving.node});
}

void Pods::set_up(const PoolNode& node) {
  shapes_.resize(fleet_.gpus.size());
  for (const std::uint32_t gpu : node.gpus)
    shapes_[gpu] = {&control_.pools[static_cast<std::size_t>(node.pool)].shape, nullptr, node.pool};
}

int Pods::seats(const PoolNode& node) const {
  int seats = 0;
  for (const std::uint32_t gpu : node.gpus)
    seats += static_cast<int>(shape_of(gpu).cut->partitions.size()) * shape_of(gpu).seats;
  return seats;
}

int Pods::taken(int node) const {
  return static_cast<int>(std::count_if(live_.begin(), live_.end(), [&](int index) {
    return pods_[static_cast<std::size_t>(index)].node == node;
  }));
}

// ---- Seats

int Pods::taken_on(std::uint32_t gpu, std::size_t partition) const {
  return static_cast<int>(std::count_if(live_.begin(), live_.end(), [&](int index) {
    const Pod& pod = pods_[static_cast<std::size_t>(index)];
    return pod.node >= 0 && pod.gpu == gpu && pod.partition == partition;
  }));
}

ProcessPlacement Pods::process_of_pod(const Pod& pod) const {
  const int service = control_of(pod).service;
  const GpuShape& shape = shape_of(pod.gpu);
  return seated(shape, shape.cut->partitions[pod.partition],
                workload_.services[static_cast<std::size_t>(service)], service);
}

bool Pods::fits_there(const Pod& pod) const {
  Placement wanted;
  wanted.gpus = {placement_of(fleet_, pod.gpu)};
  GpuPlacement& gpu = wanted.gpus[0];
  gpu.node = 0;
  for (PartitionPlacement& part : gpu.partitions) part.sharing = shape_of(pod.gpu).sharing;
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
  for (const std::uint32_t gpu : nodes_[static_cast<std::size_t>(index)].gpus) {
    const GpuShape& shape = shape_of(gpu);
    for (std::size_t part = 0; part < shape.cut->partitions.size() && !is_closed(gpu); ++part)
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
  for (int n = 0; n < static_cast<int>(nodes_.size()); ++n) {
    const PoolNode& node = nodes_[static_cast<std::size_t>(n)];
    if (node.pool != control_of(pod).pool || node.state != PoolNode::State::ready) continue;
    if (const int there = taken(n); there < seats(node)) choices.push_back({there, n});
  }
  // The fullest first, so that others can go.
  std::stable_sort(choices.begin(), choices.end(),
                   [](const Choice& a, const Choice& b) { return a.taken > b.taken; });
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
  const GpuShape& shape = shape_of(pod.gpu);
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
  const GpuShape& shape = shape_of(pod.gpu);
  changes_.put(
      now, control::StartServer{{{pod.gpu, shape.cut->partitions[pod.partition].name, process_of_pod(pod)}},
                                shape.sharing});
  pod.state = Pod::State::serving;
  nodes_[static_cast<std::size_t>(pod.node)].images.insert(pod.control);
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

// ---- Shapes

namespace {

// The partition of the other shape that is this one still; its size where there is none.
std::size_t same_partition(const GpuShape& from, std::size_t partition, const GpuShape& to) {
  const auto& parts = to.cut->partitions;
  const bool shared_alike = from.sharing == to.sharing && from.seats == to.seats &&
                            from.active_thread_percentage == to.active_thread_percentage;
  if (!shared_alike) return parts.size();
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const Partition& part) {
    return part.name == from.cut->partitions[partition].name;
  });
  return static_cast<std::size_t>(found - parts.begin());
}

}  // namespace

void Pods::want_shape(std::uint32_t gpu, const GpuShape& shape) {
  shapes_[gpu].next = shapes_[gpu].now == &shape ? nullptr : &shape;
}

std::vector<int> Pods::in_the_way(std::uint32_t gpu) const {
  const Shapes& shapes = shapes_[gpu];
  std::vector<int> found;
  for (const int index : live_) {
    const Pod& pod = pods_[static_cast<std::size_t>(index)];
    if (pod.node >= 0 && pod.gpu == gpu &&
        same_partition(*shapes.now, pod.partition, *shapes.next) == shapes.next->cut->partitions.size())
      found.push_back(index);
  }
  return found;
}

void Pods::reshape(Time now, std::uint32_t gpu) {
  Shapes& shapes = shapes_[gpu];
  for (const int index : live_)
    if (Pod& pod = pods_[static_cast<std::size_t>(index)]; pod.node >= 0 && pod.gpu == gpu)
      pod.partition = same_partition(*shapes.now, pod.partition, *shapes.next);
  if (shapes.now->cut->layout != shapes.next->cut->layout)
    changes_.put(now, control::Recut{gpu, shapes.next->cut->layout});
  shapes.now = std::exchange(shapes.next, nullptr);
}

void Pods::server_left(int server) {
  if (static_cast<std::size_t>(server) >= by_server_.size()) return;
  const int index = by_server_[static_cast<std::size_t>(server)];
  if (index < 0) return;
  pods_[static_cast<std::size_t>(index)].state = Pod::State::gone;
  std::erase(live_, index);
}

int Pods::wanted(int control) const {
  return static_cast<int>(std::count_if(live_.begin(), live_.end(), [&](int index) {
    const Pod& pod = pods_[static_cast<std::size_t>(index)];
    return pod.control == control && pod.is_wanted();
  }));
}

int Pods::serving(int control) const {
  return static_cast<int>(std::count_if(live_.begin(), live_.end(), [&](int index) {
    const Pod& pod = pods_[static_cast<std::size_t>(index)];
    return pod.control == control && pod.state == Pod::State::serving;
  }));
}

int Pods::waiting_in(int pool) const {
  return static_cast<int>(std::count_if(live_.begin(), live_.end(), [&](int index) {
    const Pod& pod = pods_[static_cast<std::size_t>(index)];
    return control_of(pod).pool == pool && pod.state == Pod::State::waiting;
  }));
}

}  // namespace gpushare
