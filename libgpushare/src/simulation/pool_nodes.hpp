#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "gpushare/control.hpp"
#include "simulation/changes.hpp"
#include "simulation/fleet.hpp"

namespace gpushare {

/// A node of a pool, there or gone.
struct PoolNode {
  enum class State : std::uint8_t { booting, ready, leaving, gone };
  int pool = 0;
  int node = 0;                     ///< index into Fleet::nodes
  std::vector<std::uint32_t> gpus;  ///< indices into Fleet::gpus
  State state = State::booting;
  std::set<int> images;  ///< services whose image is there
};

/// The nodes of all pools, and the shapes of their GPUs.
class PoolNodes {
 public:
  PoolNodes(Fleet& fleet, Changes& changes, const Control& control)
      : fleet_(fleet), changes_(changes), control_(control) {}

  /// Takes over those of the placement, which are ready.
  void adopt();
  /// Its index; it boots.
  int add(Time now, int pool);
  void remove(Time now, int node);

  [[nodiscard]] const std::vector<PoolNode>& all() const { return nodes_; }
  [[nodiscard]] PoolNode& operator[](int node) { return nodes_[static_cast<std::size_t>(node)]; }
  [[nodiscard]] const PoolNode& operator[](int node) const { return nodes_[static_cast<std::size_t>(node)]; }
  [[nodiscard]] int seats(const PoolNode& node) const;
  /// -1: the fleet's node is of no pool.
  [[nodiscard]] int index_of(int fleet_node) const;

  /// A GPU is to have this shape, and is closed until it has it.
  void want_shape(std::uint32_t gpu, const GpuShape& shape);
  /// It gets the shape that it is to have; nobody is on an instance that goes.
  void reshape(Time now, std::uint32_t gpu);
  [[nodiscard]] bool is_closed(std::uint32_t gpu) const { return shapes_[gpu].next != nullptr; }
  [[nodiscard]] int pool_of(std::uint32_t gpu) const { return shapes_[gpu].pool; }
  [[nodiscard]] const GpuShape& shape_of(std::uint32_t gpu) const { return *shapes_[gpu].now; }
  [[nodiscard]] const GpuShape& next_shape_of(std::uint32_t gpu) const { return *shapes_[gpu].next; }
  /// Where a partition is in the next shape; nothing: it goes.
  [[nodiscard]] std::optional<std::size_t> in_next_shape(std::uint32_t gpu, std::size_t partition) const;

 private:
  struct Shapes {
    const GpuShape* now = nullptr;
    const GpuShape* next = nullptr;
    int pool = -1;
  };
  void set_up(const PoolNode& node);

  Fleet& fleet_;
  Changes& changes_;
  const Control& control_;
  std::vector<PoolNode> nodes_;
  std::vector<Shapes> shapes_;  // by GPU of the fleet; null: not of a pool
};

}  // namespace gpushare
