#include "simulation/pool_nodes.hpp"

#include <algorithm>
#include <utility>

namespace gpushare {

// ---- Nodes

void PoolNodes::adopt() {
  std::vector<int> numbers(control_.pools.size());  // of GPUs so far, by pool
  for (int n = 0; n < static_cast<int>(fleet_.nodes.size()); ++n) {
    const int pool = fleet_.nodes[static_cast<std::size_t>(n)].pool;
    if (pool < 0) continue;
    const auto p = static_cast<std::size_t>(pool);
    PoolNode node{pool, n, {}, PoolNode::State::ready, {}};
    for (std::uint32_t gpu = 0; gpu < fleet_.gpus.size(); ++gpu)
      if (fleet_.gpus[gpu].node == n) node.gpus.push_back(gpu);
    for (const std::uint32_t gpu : node.gpus) changes_.switch_on(gpu);
    set_up(node);
    for (const std::uint32_t gpu : node.gpus)
      shapes_[gpu].now = &first_shape(control_.pools[p], numbers[p]++);
    nodes_.push_back(std::move(node));
  }
}

int PoolNodes::add(Time now, int pool) {
  const NodePool& kind = control_.pools[static_cast<std::size_t>(pool)];
  control::StartNode start{kind.node, {}};
  start.node.pool = pool;
  start.node.name = kind.name + "-" + std::to_string(nodes_.size());
  PoolNode node{pool, static_cast<int>(fleet_.nodes.size()), {}, PoolNode::State::booting, {}};
  for (int g = 0; g < kind.gpus_per_node; ++g) {
    start.gpus.push_back(empty_gpu(kind.shape.cut));
    node.gpus.push_back(static_cast<std::uint32_t>(fleet_.gpus.size()) + static_cast<std::uint32_t>(g));
  }
  changes_.put(now, std::move(start));
  set_up(node);
  nodes_.push_back(std::move(node));
  return static_cast<int>(nodes_.size()) - 1;
}

void PoolNodes::remove(Time now, int node) {
  (*this)[node].state = PoolNode::State::gone;
  changes_.put(now, control::StopNode{(*this)[node].node});
}

void PoolNodes::set_up(const PoolNode& node) {
  shapes_.resize(fleet_.gpus.size());
  for (const std::uint32_t gpu : node.gpus)
    shapes_[gpu] = {&control_.pools[static_cast<std::size_t>(node.pool)].shape, nullptr, node.pool};
}

int PoolNodes::seats(const PoolNode& node) const {
  int seats = 0;
  for (const std::uint32_t gpu : node.gpus) seats += shape_of(gpu).places();
  return seats;
}

int PoolNodes::index_of(int fleet_node) const {
  const auto found =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const PoolNode& one) { return one.node == fleet_node; });
  return found == nodes_.end() ? -1 : static_cast<int>(found - nodes_.begin());
}

// ---- Shapes

void PoolNodes::want_shape(std::uint32_t gpu, const GpuShape& shape) {
  shapes_[gpu].next = shapes_[gpu].now == &shape ? nullptr : &shape;
}

void PoolNodes::reshape(Time now, std::uint32_t gpu) {
  Shapes& shapes = shapes_[gpu];
  if (shapes.now->cut->layout != shapes.next->cut->layout)
    changes_.put(now, control::Recut{gpu, shapes.next->cut->layout});
  shapes.now = std::exchange(shapes.next, nullptr);
}

std::optional<std::size_t> PoolNodes::in_next_shape(std::uint32_t gpu, std::size_t partition) const {
  const GpuShape& from = shape_of(gpu);
  const GpuShape& to = next_shape_of(gpu);
  const bool shared_alike = from.sharing == to.sharing && from.seats == to.seats &&
                            from.active_thread_percentage == to.active_thread_percentage;
  if (!shared_alike) return std::nullopt;
  const auto& parts = to.cut->partitions;
  const std::size_t found = gpushare::index_of(parts, from.cut->partitions[partition].name);
  if (found == parts.size()) return std::nullopt;
  return found;
}

}  // namespace gpushare
