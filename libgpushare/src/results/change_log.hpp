#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/table.hpp"
#include "gpushare/time.hpp"

namespace gpushare {

/// What happened to a fleet under control, in the order it did.
class ChangeLog {
 public:
  enum class Change : std::uint8_t {
    node_ordered,
    node_ready,
    node_left,
    replica_starts,
    replica_serves,
    replica_leaves,
    gpu_closes,  ///< to be cut or shared in another way
    gpu_opens,
    node_notified  ///< it is going to be taken away
  };
  /// By Control::pools and by Control::services.
  ChangeLog(const std::vector<std::string>& pools, const std::vector<std::string>& services);

  /// A node of a pool by its number among all that ever were; likewise a replica of a service, on a GPU of the fleet.
  void node(Time now, Change change, int pool, int number);
  void replica(Time now, Change change, int service, int number, std::uint32_t gpu);
  void gpu(Time now, Change change, int pool, std::uint32_t gpu);
  [[nodiscard]] Table take() { return std::move(table_); }

 private:
  void add(Time now, Change change, std::size_t of, std::int64_t number, std::int64_t gpu);

  std::size_t pools_;
  Table table_;
};

}  // namespace gpushare
