#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "control/shape_policy.hpp"
#include "simulation/load_sensor.hpp"
#include "simulation/pods.hpp"

namespace gpushare {

/// Which GPUs are to have the other shape of their pool, and how far they are on their way there.
class Reshaper {
 public:
  /// What is to be done for it.
  struct Steps {
    std::vector<std::uint32_t> closed;  ///< GPUs that began to change
    std::vector<int> leave;             ///< replicas that are in their way
    std::vector<std::uint32_t> cut;     ///< GPUs that nobody is in the way of any more
  };
  Reshaper(PoolNodes& nodes, Pods& pods, const Control& control);

  /// When the first look at a pool is due, s; nothing: it keeps its shape.
  [[nodiscard]] std::optional<double> first_look_s(int pool) const;
  /// Looks at the clock or the load; when the next look is due, s.
  double look(Time now, int pool, const Fleet& fleet);
  [[nodiscard]] Steps steps(int pool);
  /// How long the cut takes, s.
  [[nodiscard]] double recut_s(std::uint32_t gpu) const;
  /// The GPU was cut, and has its shape.
  void finish(Time now, std::uint32_t gpu);
  [[nodiscard]] bool cuts() const { return !being_cut_.empty(); }

 private:
  struct Shaped {
    control::ShapePolicy policy;
    LoadSensor sensor{};
    bool other = false;  // the GPUs are to have their other shape
  };
  [[nodiscard]] const NodePool& pool_of(int pool) const {
    return control_.pools[static_cast<std::size_t>(pool)];
  }
  /// Whether it began to change now.
  [[nodiscard]] bool begins(std::uint32_t gpu, const GpuShape& shape);

  PoolNodes& nodes_;
  Pods& pods_;
  const Control& control_;
  std::vector<std::optional<Shaped>> shaped_;  // by pool
  std::set<std::uint32_t> being_cut_;          // GPUs
};

}  // namespace gpushare
